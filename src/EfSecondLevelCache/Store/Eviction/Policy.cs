namespace EfSecondLevelCache.Store.Eviction;

/// <summary>
/// Decides what stays within the bounds: every entry stands in one of its queues, and to take one in it lets others go. All
/// members are called under the store's lock, but for the two counts. Readers only count hits in the entry.
/// </summary>
internal abstract class Policy(long maxBytes, int maxEntries)
{
    /// <summary>
    /// How many entries one operation spares because they were found since the policy last looked. Without a limit, a cache in which
    /// everything is hot would be walked from end to end under the lock.
    /// </summary>
    protected const int MaxSecondChances = 32;

    private long _bytes;
    private long _reserved;
    private int _count;

    public long Bytes => Volatile.Read(ref _bytes);

    public int Count => Volatile.Read(ref _count);

    /// <summary>Where the count of hits in an entry saturates.</summary>
    public abstract byte HitCeiling { get; }

    protected long MaxBytes { get; } = maxBytes;

    protected int MaxEntries { get; } = maxEntries;

    public static Policy Create(EvictionPolicy policy, long maxBytes, int maxEntries) => policy switch
    {
        EvictionPolicy.Lfu => new LfuPolicy(maxBytes, maxEntries),
        EvictionPolicy.Lru => new LruPolicy(maxBytes, maxEntries),
        EvictionPolicy.S3Fifo => new S3FifoPolicy(maxBytes, maxEntries),
        _ => throw new ArgumentOutOfRangeException(nameof(policy), policy, "Eviction takes Lfu, Lru or S3Fifo."),
    };

    /// <summary>The queue that an entry of this policy stands in.</summary>
    public abstract EntryQueue QueueOf(StoreEntry entry);

    public bool HasRoomFor(StoreEntry entry) => HasRoomFor(entry.Bytes + entry.UncountedBytes) && Count < MaxEntries;

    /// <summary>Whether it can be kept at all.</summary>
    public bool CanHold(StoreEntry entry) => entry.Bytes + entry.SharedBytes <= MaxBytes - _reserved;

    /// <summary>Takes so many bytes for something else, and lets go of entries where they do not fit any more.</summary>
    public void Reserve(long bytes, ref Removals removals)
    {
        _reserved = bytes;
        while (Count > 0 && !HasRoomFor(0))
            EvictOne(ref removals);
    }

    /// <summary>Takes in an entry, and lets go of others first until it fits.</summary>
    public void Add(StoreEntry entry, ref Removals removals)
    {
        MakeRoomFor(entry, ref removals);
        Enqueue(entry);
        CountIn(entry);
    }

    /// <summary>
    /// Puts an entry where an older one of its key stands, with what is known of how often it is asked for. False: the older one
    /// had to go to make room, and nothing stands in its place.
    /// </summary>
    public bool Replace(StoreEntry old, StoreEntry entry, ref Removals removals)
    {
        while (old.Queue != 0 && !HasRoomFor(entry.Bytes + entry.UncountedBytes - old.Bytes))
            EvictOne(ref removals);
        if (old.Queue == 0)
            return false;
        CountOut(old);
        Requeue(old, entry);
        CountIn(entry);
        return true;
    }

    public void Remove(StoreEntry entry)
    {
        Dequeue(entry);
        CountOut(entry);
    }

    protected virtual void MakeRoomFor(StoreEntry entry, ref Removals removals)
    {
        while (!HasRoomFor(entry))
            EvictOne(ref removals);
    }

    /// <summary>Lets one entry go; called only while there is one.</summary>
    protected abstract void EvictOne(ref Removals removals);

    protected abstract void Enqueue(StoreEntry entry);

    protected virtual void Dequeue(StoreEntry entry) => QueueOf(entry).Remove(entry);

    protected abstract void Requeue(StoreEntry old, StoreEntry entry);

    /// <summary>Lets go of an entry that stands in no queue any more.</summary>
    protected void Evict(StoreEntry dequeued, ref Removals removals)
    {
        CountOut(dequeued);
        removals.Evict(dequeued);
    }

    private bool HasRoomFor(long bytes) => Bytes + _reserved + bytes <= MaxBytes;

    private void CountIn(StoreEntry entry)
    {
        Volatile.Write(ref _bytes, _bytes + entry.Bytes + entry.EnterShared());
        Volatile.Write(ref _count, _count + 1);
    }

    private void CountOut(StoreEntry entry)
    {
        Volatile.Write(ref _bytes, _bytes - entry.Bytes - entry.LeaveShared());
        Volatile.Write(ref _count, _count - 1);
    }
}
