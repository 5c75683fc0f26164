namespace EfSecondLevelCache.Store;

/// <summary>
/// A hash table whose chains run through the entries. One writer at a time, under the store's lock; any number of readers, who
/// take none. What makes that safe:
/// <list type="bullet">
/// <item>A removed entry keeps its link, so a reader who stands on it goes on to what was behind it; an entry is never put in twice.</item>
/// <item>A replacement takes the old entry's place with one write: a reader finds the one or the other, never a gap.</item>
/// <item>Growing moves entries between chains, and a reader may then miss one that is there. It asks afterwards whether anything was
/// moved meanwhile, and if so its answer is no answer.</item>
/// </list>
/// It grows a few buckets with each entry that is added (incremental rehashing), so that no writer waits until a million entries have moved.
/// </summary>
internal sealed class EntryTable
{
    /// <summary>
    /// The longest chain. With honest hashes and at most one entry per bucket, the chance of a longer one in a million buckets is
    /// below 1e-17. With hashes that somebody chose, it bounds what a look-up costs.
    /// </summary>
    public const int MaxChain = 24;

    /// <summary>So many buckets are moved at once: none is felt, and the table has grown long before it is full again.</summary>
    public const int BucketsPerStep = 8;

    private const int InitialBuckets = 64;

    private volatile Bucket[] _buckets = new Bucket[InitialBuckets];

    /// <summary>What the table is growing out of; null while it does not grow.</summary>
    private volatile Bucket[]? _outgrown;

    /// <summary>So many of the outgrown buckets are given up: what belongs there is in the new ones.</summary>
    private volatile int _moved;

    /// <summary>Odd while entries are being moved, and another one afterwards.</summary>
    private volatile int _version;

    public int Count { get; private set; }

    public int BucketCount => _buckets.Length;

    /// <summary>The first entry of a chain; while the table grows, of two that are still one.</summary>
    public StoreEntry? First(int bucket)
        => _outgrown is { } outgrown && bucket >= _moved && bucket < outgrown.Length ? outgrown[bucket].Head : _buckets[bucket].Head;

    /// <summary>Looks for a key without a lock. False: entries were moved meanwhile, and nothing was learned.</summary>
    public bool TryFind<TProbe>(scoped in TProbe probe, out StoreEntry? found)
        where TProbe : struct, IStoreProbe, allows ref struct
    {
        var version = _version;
        var hash = probe.Hash;
        for (var entry = BucketOf(hash).Head; entry is not null; entry = entry.NextInBucket)
        {
            if (entry.Hash == hash && probe.Matches(entry))
            {
                found = entry;
                return true;
            }
        }

        found = null;
        return (version & 1) == 0 && version == _version;
    }

    /// <summary>The entry with the same key; <paramref name="last"/> is what has to go first if the chain is full.</summary>
    public StoreEntry? FindSameKey(StoreEntry entry, out StoreEntry? last)
    {
        last = null;
        var length = 0;
        for (var other = BucketOf(entry.Hash).Head; other is not null; other = other.NextInBucket)
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
        if (_outgrown is null && Count >= _buckets.Length)
            StartGrowing();
        if (_outgrown is { } outgrown)
            MoveSome(outgrown);
        ref var bucket = ref BucketOf(entry.Hash);
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
        _version++;
        _outgrown = null;
        _buckets = new Bucket[InitialBuckets];
        Count = 0;
        _version++;
    }

    private void SetLinkTo(StoreEntry target, StoreEntry? replacement)
    {
        ref var bucket = ref BucketOf(target.Hash);
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

    private void StartGrowing()
    {
        var buckets = new Bucket[_buckets.Length * 2];
        _version++;
        _moved = 0;
        _outgrown = _buckets;
        _buckets = buckets;
        _version++;
    }

    private void MoveSome(Bucket[] outgrown)
    {
        _version++;
        for (var end = _moved + BucketsPerStep; _moved < end; _moved++)
        {
            ref var source = ref outgrown[_moved];
            for (var entry = source.Head; entry is not null;)
            {
                var next = entry.NextInBucket;
                ref var target = ref _buckets[IndexOf(entry.Hash, _buckets)];
                entry.NextInBucket = target.Head;
                target.Head = entry;
                entry = next;
            }

            source.Head = null;
        }

        if (_moved == outgrown.Length)
            _outgrown = null;
        _version++;
    }

    /// <summary>Where entries of this hash are now.</summary>
    private ref Bucket BucketOf(ulong hash)
    {
        if (_outgrown is { } outgrown && IndexOf(hash, outgrown) is var index && index >= _moved)
            return ref outgrown[index];
        var buckets = _buckets;
        return ref buckets[IndexOf(hash, buckets)];
    }

    /// <summary>Folded and multiplied (Knuth's Fibonacci hashing), so that hashes are spread whichever few bits they differ in.</summary>
    private static int IndexOf(ulong hash, Bucket[] buckets)
        => (int)((hash ^ (hash >> 32)) * 0x9E37_79B9_7F4A_7C15 >> 32) & (buckets.Length - 1);

    /// <summary>A struct, because an element of an array of a class costs a type check at every access by reference.</summary>
    private struct Bucket
    {
        public volatile StoreEntry? Head;
    }
}
