namespace EfSecondLevelCache.Store.Eviction;

/// <summary>
/// Least recently used. A hit only marks its entry, because moving it would take the lock; a marked entry moves to the front when
/// it has become the oldest (lazy promotion).
/// </summary>
internal sealed class LruPolicy(long maxBytes, int maxEntries) : Policy(maxBytes, maxEntries)
{
    private readonly EntryQueue _queue = new(1);

    public override byte HitCeiling => 1;

    protected override void EvictOne(ref Removals removals)
    {
        var chances = MaxSecondChances;
        var victim = _queue.Oldest!;
        _queue.Remove(victim);
        while (victim.Hits > 0 && victim.IsLive(removals.Now) && _queue.Oldest is { } next && chances-- > 0)
        {
            victim.Hits = 0;
            _queue.AddNewest(victim);
            victim = next;
            _queue.Remove(victim);
        }

        Evict(victim, ref removals);
    }

    protected override void Enqueue(StoreEntry entry) => _queue.AddNewest(entry);

    public override EntryQueue QueueOf(StoreEntry entry) => _queue;

    protected override void Requeue(StoreEntry old, StoreEntry entry)
    {
        _queue.Remove(old);
        _queue.AddNewest(entry);
    }
}
