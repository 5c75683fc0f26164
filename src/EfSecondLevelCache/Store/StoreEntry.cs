namespace EfSecondLevelCache.Store;

/// <summary>What the store keeps: a key, a value and the store's own fields in one object, so that a hit follows one pointer.</summary>
/// <param name="hash">Of the key.</param>
/// <param name="bytes">The memory that the entry takes: key, value and its place in the store (<see cref="Overhead"/>).</param>
/// <param name="cost">What it cost the database to make the value, in microseconds; less than 1 counts as 1.</param>
/// <param name="expiresAt">When it dies, in the milliseconds of <see cref="StoreClock"/>.</param>
/// <param name="sliding">It also dies when not found for so many milliseconds; 0: it does not.</param>
internal abstract class StoreEntry(ulong hash, long bytes, double cost, long expiresAt, long sliding)
{
    /// <summary>
    /// The bytes of an entry that has neither key nor value: an object of 96, and its share of the hash table and of the frequency
    /// sketch, which keep eight bytes for each entry and grow by doubling (twelve on average, the table's old buckets included, which stay for
    /// an eighth of its additions).
    /// </summary>
    public const int Overhead = 96 + 2 * 12;

    private readonly int _bytes = checked((int)bytes);
    private readonly int _sliding = (int)Math.Min(sliding, int.MaxValue);
    private long _lastFound;
    private byte _hits;
    private bool _entered;

    /// <summary>The hash of the key.</summary>
    public ulong Hash { get; } = hash;

    /// <summary>The memory that the entry takes: key, value and its place in the store.</summary>
    public long Bytes => _bytes;

    /// <summary>The memory of what it shares with other entries, whoever it is counted for.</summary>
    internal virtual long SharedBytes => 0;

    /// <summary>Those of the <see cref="SharedBytes"/> that no kept entry has brought yet, so that they count with this one.</summary>
    internal virtual long UncountedBytes => 0;

    /// <summary>What it cost the database to make the value, in microseconds; at least 1.</summary>
    public float Cost { get; } = (float)Math.Max(1, cost);

    /// <summary>When it dies, in the store clock's milliseconds.</summary>
    public long ExpiresAt { get; } = expiresAt;

    /// <summary>False once a change made the value stale; it never turns true again.</summary>
    public abstract bool IsUpToDate { get; }

    /// <summary>Whether another entry of the same hash has the same key; a hash alone never proves it.</summary>
    public abstract bool HasSameKeyAs(StoreEntry other);

    /// <summary>The next entry in the same bucket. An entry that has left keeps it, so that a reader who stands on it can go on.</summary>
    internal StoreEntry? NextInBucket
    {
        get => Volatile.Read(ref field);
        set => Volatile.Write(ref field, value);
    }

    /// <summary>How often it was found since the policy last looked, up to the policy's ceiling.</summary>
    internal byte Hits
    {
        get => Volatile.Read(ref _hits);
        set => Volatile.Write(ref _hits, value);
    }

    // What follows is the policy's, guarded by the store's lock.

    /// <summary>The number of the queue that the entry stands in; 0 before it entered and after it left.</summary>
    internal short Queue { get; set; }

    internal StoreEntry? Newer { get; set; }

    internal StoreEntry? Older { get; set; }

    /// <summary>The greedy-dual priority: the lowest goes first.</summary>
    internal double Priority { get; set; }

    /// <summary>How often it was asked for, as of <see cref="Period"/>.</summary>
    internal float Frequency { get; set; }

    /// <summary>The sketch's period in which <see cref="Frequency"/> was right; it halves with each later one.</summary>
    internal ushort Period { get; set; }

    /// <summary>Why it left; meaningful once it has.</summary>
    internal RemovalCause RemovalCause { get; set; }

    /// <summary>It is kept from now on; the bytes of what it shares that count from now on.</summary>
    internal virtual long EnterShared() => 0;

    /// <summary>It has left; the bytes of what it shares that nobody has any more.</summary>
    internal virtual long LeaveShared() => 0;

    internal bool IsLive(long now) => CauseOfDeath(now) is null;

    /// <summary>Null while it lives.</summary>
    internal RemovalCause? CauseOfDeath(long now)
        => now >= ExpiresAt || (_sliding != 0 && now - Volatile.Read(ref _lastFound) >= _sliding) ? RemovalCause.Expired
            : IsUpToDate ? null
            : RemovalCause.Invalidated;

    /// <summary>Starts the sliding period.</summary>
    /// <exception cref="InvalidOperationException">
    /// It was added before: the links of an entry that has left still serve readers, so it must never get new ones.
    /// </exception>
    internal void Enter(long now)
    {
        if (_entered)
            throw new InvalidOperationException($"An entry ({this}) is added once; make a new one of the same key and value.");
        _entered = true;
        Volatile.Write(ref _lastFound, now);
    }

    /// <summary>
    /// Counts a hit. The count is not atomic: two hits at once may count as one, which costs a policy nothing and saves every hit
    /// a locked instruction. What would not change is not written, so that a hot entry's cache line stays shared.
    /// </summary>
    internal void Touch(long now, byte ceiling)
    {
        var hits = _hits;
        if (hits < ceiling)
            _hits = (byte)(hits + 1);
        if (_sliding != 0 && _lastFound != now)
            Volatile.Write(ref _lastFound, now);
    }
}
