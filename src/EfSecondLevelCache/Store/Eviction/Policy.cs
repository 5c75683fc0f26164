namespace EfSecondLevelCache.Store.Eviction;

/// <summary>
/// Decides what stays within the bounds: it holds every entry in a queue of its own, and to take in one it lets others go. All
/// members are called under the store's lock. Readers only count hits in the entry, up to <see cref="FrequencyCeiling"/>.
/// </summary>
internal abstract class Policy(long maxBytes, int maxEntries)
{
    protected long MaxBytes { get; } = maxBytes;

    protected int MaxEntries { get; } = maxEntries;

    /// <summary>Where the count of hits in an entry saturates.</summary>
    public abstract byte FrequencyCeiling { get; }

    public abstract long Bytes { get; }

    public abstract int Count { get; }

    public static Policy Create(EvictionPolicy policy, long maxBytes, int maxEntries) => policy switch
    {
        EvictionPolicy.Lru => new LruPolicy(maxBytes, maxEntries),
        EvictionPolicy.Lfu => new LruPolicy(maxBytes, maxEntries),
        EvictionPolicy.S3Fifo => new LruPolicy(maxBytes, maxEntries),
        _ => throw new ArgumentOutOfRangeException(nameof(policy), policy, "Eviction takes Lfu, Lru or S3Fifo."),
    };

    /// <summary>
    /// Lets go of entries until one of this size would fit in place of <paramref name="replaced"/>, which may itself have to go.
    /// False: no room is to be made for it.
    /// </summary>
    public abstract bool MakeRoom(StoreEntry entry, StoreEntry? replaced, ref Removals removals);

    /// <summary>Takes in an entry for which there is room.</summary>
    public abstract void Add(StoreEntry entry);

    /// <summary>Puts an entry where an older one of its key stands, with what is known of how often it is asked for.</summary>
    public abstract void Replace(StoreEntry old, StoreEntry entry);

    public abstract void Remove(StoreEntry entry);
}
