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
    /// The bytes of this class's own fields, the object's header, and its share of the hash table (a slot of eight bytes, at most
    /// half of them in use).
    /// </summary>
    public const int Overhead = 112;

    private long _lastUsed;
    private byte _frequency;
    private bool _entered;

    /// <summary>Of the key.</summary>
    public ulong Hash { get; } = hash;

    /// <summary>The memory that the entry takes: key, value and its place in the store.</summary>
    public long Bytes { get; } = bytes;

    /// <summary>What it cost the database to make the value, in microseconds; at least 1.</summary>
    public float Cost { get; } = (float)Math.Max(1, cost);

    /// <summary>When it dies, in the store clock's milliseconds.</summary>
    public long ExpiresAt { get; } = expiresAt;

    /// <summary>It also dies when not found for so many milliseconds; 0: it does not.</summary>
    public long Sliding { get; } = sliding;

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

    /// <summary>The neighbours in the policy's queue, the newer one first. The store's lock guards them.</summary>
    internal StoreEntry? Newer { get; set; }

    /// <inheritdoc cref="Newer"/>
    internal StoreEntry? Older { get; set; }

    /// <summary>The queue that the entry stands in. The store's lock guards it.</summary>
    internal EntryQueue? Queue { get; set; }

    /// <summary>How often it was found since the policy last looked, up to the policy's ceiling.</summary>
    internal byte Frequency
    {
        get => Volatile.Read(ref _frequency);
        set => Volatile.Write(ref _frequency, value);
    }

    /// <summary>Why it left; meaningful once it has.</summary>
    internal RemovalCause RemovalCause { get; set; }

    internal bool IsLive(long now) => CauseOfDeath(now) is null;

    /// <summary>Null while it lives.</summary>
    internal RemovalCause? CauseOfDeath(long now)
        => now >= ExpiresAt || (Sliding != 0 && now - Volatile.Read(ref _lastUsed) >= Sliding) ? RemovalCause.Expired
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
        Volatile.Write(ref _lastUsed, now);
    }

    /// <summary>
    /// Counts a hit. The count is not atomic: two hits at once may count as one, which costs a policy nothing and saves every hit
    /// a locked instruction. What would not change is not written, so that a hot entry's cache line stays shared.
    /// </summary>
    internal void Touch(long now, byte ceiling)
    {
        var frequency = _frequency;
        if (frequency < ceiling)
            _frequency = (byte)(frequency + 1);
        if (Sliding != 0 && _lastUsed != now)
            Volatile.Write(ref _lastUsed, now);
    }
}
