namespace EfSecondLevelCache.Store.Eviction;

/// <summary>
/// S3-FIFO (Yang et al., SOSP 2023): new entries pass through a small queue, and only those that were found at least twice there,
/// or that come back soon after they left it, get into the main one. The main one spares an entry once for each time it was found.
/// </summary>
internal sealed class S3FifoPolicy(long maxBytes, int maxEntries) : Policy(maxBytes, maxEntries)
{
    private const int SmallShare = 10;
    private const int HitsForMain = 2;

    private readonly EntryQueue _small = new(1);
    private readonly EntryQueue _main = new(2);
    private readonly GhostTable _ghosts = new();

    public override byte HitCeiling => 3;

    protected override void EvictOne(ref Removals removals)
    {
        for (var chances = MaxSecondChances; ; chances--)
        {
            var isFromSmall = _main.Count == 0
                || _small.Bytes > MaxBytes / SmallShare
                || _small.Count > MaxEntries / SmallShare;
            var queue = isFromSmall ? _small : _main;
            var victim = queue.Oldest!;
            queue.Remove(victim);
            if (chances > 0 && victim.IsLive(removals.Now) && victim.Hits >= (isFromSmall ? HitsForMain : 1))
            {
                victim.Hits = (byte)(isFromSmall ? 0 : victim.Hits - 1);
                _main.AddNewest(victim);
                continue;
            }

            if (isFromSmall)
                _ghosts.Add(victim.Hash, capacity: Count);
            Evict(victim, ref removals);
            return;
        }
    }

    protected override void Enqueue(StoreEntry entry)
        => (_ghosts.Contains(entry.Hash) ? _main : _small).AddNewest(entry);

    public override EntryQueue QueueOf(StoreEntry entry) => entry.Queue == _small.Number ? _small : _main;

    protected override void Requeue(StoreEntry old, StoreEntry entry)
    {
        entry.Hits = old.Hits;
        QueueOf(old).Replace(old, entry);
    }
}
