namespace EfSecondLevelCache.Store;

/// <summary>What the store keeps: a key, a value and the store's own fields in one object, so that a hit follows one pointer.</summary>
internal abstract class StoreEntry(ulong hash, long bytes, double cost, long expiresAt, long sliding)
{
    /// <summary>Of the key.</summary>
    public ulong Hash { get; } = hash;

    /// <summary>The memory that the entry takes: key, value and its place in the store.</summary>
    public long Bytes { get; } = bytes;

    /// <summary>What it cost the database to make the value, in microseconds; at least 1.</summary>
    public double Cost { get; } = cost;

    /// <summary>When it dies, in the store clock's milliseconds.</summary>
    public long ExpiresAt { get; } = expiresAt;

    /// <summary>It also dies when not found for so many milliseconds; 0: it does not.</summary>
    public long Sliding { get; } = sliding;

    /// <summary>False once a change made the value stale; it never turns true again.</summary>
    public abstract bool IsUpToDate { get; }

    /// <summary>Whether another entry of the same hash has the same key; a hash alone never proves it.</summary>
    public abstract bool HasSameKeyAs(StoreEntry other);
}
