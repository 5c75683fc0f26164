using EfSecondLevelCache.Store.Eviction;

namespace EfSecondLevelCache.Store;

/// <summary>
/// Keeps entries within hard bounds on bytes and on their number. Finding takes no lock and allocates nothing; all that writes
/// takes one lock, held for less than a microsecond where what is kept costs a database round trip.
/// </summary>
internal sealed class BoundedStore
{
    /// <summary>
    /// A full store looks at so many buckets for dead entries before it lets live ones go: few enough not to be felt, and enough that
    /// where one entry in eight is dead, no live one has to go.
    /// </summary>
    private const int SweptBeforeEvicting = 8;

    private readonly Lock _writing = new();
    private readonly EntryTable _table = new();
    private readonly Policy _policy;
    private readonly byte _hitCeiling;
    private readonly Action<StoreEntry, RemovalCause> _onRemoved;
    private int _sweepPosition;

    /// <param name="maxBytes">The sum of <see cref="StoreEntry.Bytes"/>, of what entries share and of what is reserved never exceeds it.</param>
    /// <param name="maxEntries">Nor their number this.</param>
    /// <param name="policy">What makes room.</param>
    /// <param name="timeProvider">Drives <see cref="Clock"/>.</param>
    /// <param name="onRemoved">
    /// Told once of every entry that had been kept and left, on the thread that made it leave and outside the store's lock.
    /// </param>
    public BoundedStore(
        long maxBytes,
        int maxEntries,
        EvictionPolicy policy,
        TimeProvider timeProvider,
        Action<StoreEntry, RemovalCause>? onRemoved = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(maxBytes, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(maxEntries, 1);
        _policy = Policy.Create(policy, maxBytes, maxEntries);
        _hitCeiling = _policy.HitCeiling;
        _onRemoved = onRemoved ?? (static (_, _) => { });
        Clock = new StoreClock(timeProvider);
    }

    /// <summary>What <see cref="StoreEntry.ExpiresAt"/> is measured by.</summary>
    public StoreClock Clock { get; }

    public long Bytes => _policy.Bytes;

    public int Count => _policy.Count;

    /// <summary>The live entry of this key, counted as used; null where there is none, or it has expired or is stale.</summary>
    public StoreEntry? Find<TProbe>(scoped in TProbe probe)
        where TProbe : struct, IStoreProbe, allows ref struct
    {
        var now = Clock.Now;
        var entry = FindLive(probe, now);
        entry?.Touch(now, _hitCeiling);
        return entry;
    }

    /// <summary>The live entry of this key, not counted as used.</summary>
    public StoreEntry? Peek<TProbe>(scoped in TProbe probe)
        where TProbe : struct, IStoreProbe, allows ref struct
        => FindLive(probe, Clock.Now);

    /// <summary>Keeps an entry, in place of one with the same key. False where it is dead already or larger than the store.</summary>
    /// <exception cref="InvalidOperationException">It was added before.</exception>
    public bool Add(StoreEntry entry)
    {
        var removals = new Removals(_table, Clock.Now);
        bool added;
        lock (_writing)
            added = Add_NeedsLock(entry, ref removals);
        removals.Tell(_onRemoved);
        return added;
    }

    /// <summary>Removes this very entry, not one that has since taken its place.</summary>
    public bool Remove(StoreEntry entry, RemovalCause cause)
    {
        var removals = new Removals(_table, Clock.Now);
        bool removed;
        lock (_writing)
        {
            removed = entry.Queue != 0;
            if (removed)
            {
                _policy.Remove(entry);
                removals.Add(entry, cause);
            }
        }

        removals.Tell(_onRemoved);
        return removed;
    }

    /// <summary>So many bytes of the bound are taken by something else; entries that do not fit beside it go.</summary>
    public void Reserve(long bytes)
    {
        var removals = new Removals(_table, Clock.Now);
        lock (_writing)
            _policy.Reserve(bytes, ref removals);
        removals.Tell(_onRemoved);
    }

    public void Clear()
    {
        var removals = new Removals(_table, Clock.Now);
        lock (_writing)
        {
            foreach (var entry in Entries_NeedsLock())
            {
                _policy.Remove(entry);
                removals.Note(entry, RemovalCause.Cleared);
            }

            _table.Clear();
        }

        removals.Tell(_onRemoved);
    }

    /// <summary>What is kept at this moment, dead entries included.</summary>
    public IReadOnlyList<StoreEntry> Entries()
    {
        lock (_writing)
            return Entries_NeedsLock();
    }

    /// <summary>
    /// Removes the dead entries of the next so many hash buckets (about as many entries) and returns how many these were. Called
    /// again and again, it goes round the whole store.
    /// </summary>
    public int Sweep(int buckets)
    {
        var removals = new Removals(_table, Clock.Now);
        int swept;
        lock (_writing)
            swept = Sweep_NeedsLock(buckets, ref removals);
        removals.Tell(_onRemoved);
        return swept;
    }

    private bool Add_NeedsLock(StoreEntry entry, ref Removals removals)
    {
        entry.Enter(removals.Now);
        if (!_policy.CanHold(entry) || !entry.IsLive(removals.Now))
            return false;

        if (_table.FindSameKey(entry, out var surplus) is { } old)
        {
            var cause = old.CauseOfDeath(removals.Now) ?? RemovalCause.Replaced;
            if (_policy.Replace(old, entry, ref removals))
            {
                _table.Replace(old, entry);
                removals.Note(old, cause);
                return true;
            }
        }

        if (surplus is not null)
        {
            _policy.Remove(surplus);
            removals.Evict(surplus);
        }

        if (!_policy.HasRoomFor(entry))
            Sweep_NeedsLock(SweptBeforeEvicting, ref removals);
        _policy.Add(entry, ref removals);
        _table.Add(entry);
        return true;
    }

    private int Sweep_NeedsLock(int buckets, ref Removals removals)
    {
        var swept = 0;
        for (buckets = Math.Min(buckets, _table.BucketCount); buckets > 0; buckets--)
        {
            _sweepPosition = (_sweepPosition + 1) & (_table.BucketCount - 1);
            for (var entry = _table.First(_sweepPosition); entry is not null; entry = entry.NextInBucket)
            {
                if (entry.CauseOfDeath(removals.Now) is not { } cause)
                    continue;
                _policy.Remove(entry);
                removals.Add(entry, cause);
                swept++;
            }
        }

        return swept;
    }

    private StoreEntry[] Entries_NeedsLock()
    {
        var entries = new StoreEntry[_table.Count];
        var count = 0;
        for (var bucket = 0; bucket < _table.BucketCount; bucket++)
        {
            for (var entry = _table.First(bucket); entry is not null; entry = entry.NextInBucket)
                entries[count++] = entry;
        }

        return entries;
    }

    private StoreEntry? FindLive<TProbe>(scoped in TProbe probe, long now)
        where TProbe : struct, IStoreProbe, allows ref struct
    {
        if (!_table.TryFind(probe, out var entry))
            entry = FindWhileNobodyWrites(probe);
        return entry is not null && entry.IsLive(now) ? entry : null;
    }

    /// <summary>Looks again for the rare reader who met the table while it grew.</summary>
    private StoreEntry? FindWhileNobodyWrites<TProbe>(scoped in TProbe probe)
        where TProbe : struct, IStoreProbe, allows ref struct
    {
        lock (_writing)
        {
            _table.TryFind(probe, out var entry);
            return entry;
        }
    }
}
