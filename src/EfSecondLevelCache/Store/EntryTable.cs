
namespace EfSecondLevelCache.Store;

/// <summary>
/// A hash table whose chains run through the entries. One writer at a time, under the store's lock; any number of readers, who
/// take none. What makes that safe:
/// <list type="bullet">
/// <item>A removed entry keeps its link, so a reader who stands on it goes on to what was behind it; an entry is never put in twice.</item>
/// <item>A replacement takes the old entry's place with one write: a reader finds the one or the other, never a gap.</item>
/// <item>Growing moves entries between chains, and a reader may then miss one that is there. It asks afterwards whether the table
/// was growing, and if so its answer is no answer.</item>
/// </list>
/// </summary>
internal sealed class EntryTable
{
    /// <summary>
    /// The longest chain. With honest hashes and at most one entry per bucket, the chance of a longer one in a million buckets is
    /// below 1e-17. With hashes that somebody chose, it bounds what a look-up costs.
    /// </summary>
    public const int MaxChain = 24;

    private const int InitialBuckets = 64;

    private volatile Bucket[] _buckets = new Bucket[InitialBuckets];
    private volatile bool _growing;

    public int Count { get; private set; }

    public int BucketCount => _buckets.Length;

    public StoreEntry? First(int bucket) => _buckets[bucket].Head;

    /// <summary>Looks for a key without a lock. False: the table was growing meanwhile, and nothing was learned.</summary>
    public bool TryFind<TProbe>(scoped in TProbe probe, out StoreEntry? found)
        where TProbe : struct, IStoreProbe, allows ref struct
    {
        var buckets = _buckets;
        var hash = probe.Hash;
        for (var entry = Head(buckets, hash); entry is not null; entry = entry.NextInBucket)
        {
            if (entry.Hash == hash && probe.Matches(entry))
            {
                found = entry;
                return true;
            }
        }

        found = null;
        return !_growing && buckets == _buckets;
    }

    /// <summary>The entry with the same key; <paramref name="last"/> is what has to go first if the chain is full.</summary>
    public StoreEntry? FindSameKey(StoreEntry entry, out StoreEntry? last)
    {
        last = null;
        var length = 0;
        for (var other = Head(_buckets, entry.Hash); other is not null; other = other.NextInBucket)
        {
            if (other.Hash == entry.Hash && other.HasSameKeyAs(entry))
                return other;
            last = ++length >= MaxChain ? other : null;
        }

        return null;
    }

    /// <summary>Adds an entry whose key is not in the table.</summary>
    public void Add(StoreEntry entry)
    {
        if (Count >= _buckets.Length)
            Grow();
        ref var bucket = ref BucketOf(_buckets, entry.Hash);
        entry.NextInBucket = bucket.Head;
        bucket.Head = entry;
        Count++;
    }

    public void Replace(StoreEntry old, StoreEntry entry)
    {
        entry.NextInBucket = old.NextInBucket;
        SetLinkTo(old, entry);
    }

    public void Remove(StoreEntry entry)
    {
        SetLinkTo(entry, entry.NextInBucket);
        Count--;
    }

    /// <summary>Forgets all entries. Readers under way go on in the chains as they were.</summary>
    public void Clear()
    {
        _buckets = new Bucket[InitialBuckets];
        Count = 0;
    }

    private void SetLinkTo(StoreEntry target, StoreEntry? replacement)
    {
        ref var bucket = ref BucketOf(_buckets, target.Hash);
        if (bucket.Head == target)
        {
            bucket.Head = replacement;
            return;
        }

        var previous = bucket.Head!;
        while (previous.NextInBucket != target)
            previous = previous.NextInBucket!;
        previous.NextInBucket = replacement;
    }

    private void Grow()
    {
        _growing = true;
        var buckets = new Bucket[_buckets.Length * 2];
        foreach (var bucket in _buckets)
        {
            for (var entry = bucket.Head; entry is not null;)
            {
                var next = entry.NextInBucket;
                ref var target = ref BucketOf(buckets, entry.Hash);
                entry.NextInBucket = target.Head;
                target.Head = entry;
                entry = next;
            }
        }

        _buckets = buckets;
        _growing = false;
    }

    private static StoreEntry? Head(Bucket[] buckets, ulong hash) => BucketOf(buckets, hash).Head;

    /// <summary>Folded and multiplied (Knuth's Fibonacci hashing), so that hashes are spread whichever few bits they differ in.</summary>
    private static ref Bucket BucketOf(Bucket[] buckets, ulong hash)
        => ref buckets[(int)((hash ^ (hash >> 32)) * 0x9E37_79B9_7F4A_7C15 >> 32) & (buckets.Length - 1)];

    /// <summary>A struct, because an element of an array of a class costs a type check at every access by reference.</summary>
    private struct Bucket
    {
        public volatile StoreEntry? Head;
    }
}
