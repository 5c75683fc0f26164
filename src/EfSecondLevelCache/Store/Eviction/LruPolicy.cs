namespace EfSecondLevelCache.Store.Eviction;

/// <summary>
/// Least recently used. A hit only marks its entry, because moving it would take the lock; the entry moves to the front when it
/// comes to be the oldest (lazy promotion).
/// </summary>
internal sealed class LruPolicy(long maxBytes, int maxEntries) : Policy(maxBytes, maxEntries)
{
    private readonly EntryQueue _queue = new();

    public override byte FrequencyCeiling => 1;

    public override long Bytes => _queue.Bytes;

    public override int Count => _queue.Count;

    public override bool MakeRoom(StoreEntry entry, StoreEntry? replaced, ref Removals removals)
    {
        while (_queue.Bytes + entry.Bytes - BytesOf(replaced) > MaxBytes || (replaced?.Queue is null && _queue.Count >= MaxEntries))
        {
            var victim = NextVictim(removals.Now);
            _queue.Remove(victim);
            removals.Evict(victim);
        }

        return true;
    }

    public override void Add(StoreEntry entry) => _queue.AddNewest(entry);

    public override void Replace(StoreEntry old, StoreEntry entry)
    {
        _queue.Replace(old, entry);
        _queue.MoveToNewest(entry);
    }

    public override void Remove(StoreEntry entry) => _queue.Remove(entry);

    private StoreEntry NextVictim(long now)
    {
        // Ends: a mark that was cleared here is set again only by a hit, and the count of entries bounds the walk in any case.
        for (var promoted = 0; promoted < _queue.Count; promoted++)
        {
            var oldest = _queue.Oldest!;
            if (oldest.Frequency == 0 || !oldest.IsLive(now))
                break;
            oldest.Frequency = 0;
            _queue.MoveToNewest(oldest);
        }

        return _queue.Oldest!;
    }

    private static long BytesOf(StoreEntry? replaced) => replaced?.Queue is null ? 0 : replaced.Bytes;
}
