using System.Numerics;

namespace EfSecondLevelCache.Store.Eviction;

/// <summary>
/// A priority queue after GreedyDual (Cherkasova's GDSF): an entry's priority is its rate (what it is worth per byte) plus an
/// inflation that rises to the priority of each entry that goes, so that an entry which is not asked for any more is overtaken in
/// the end by all that come after it. Rates are rounded down to classes, four to a factor of four; in a class, the order of
/// entering is the order of priority, so that each is a plain queue and the lowest of all is the lowest of their heads (CAMP's).
/// </summary>
internal sealed class GreedyDualQueue
{
    /// <summary>The bits of a float's mantissa that do not count: of the 23 one is left.</summary>
    private const int IgnoredBits = 22;

    /// <summary>The number of classes of positive floats. Their queues have the numbers from 1 to this.</summary>
    public const short Classes = 1 << 31 - IgnoredBits;

    private readonly EntryQueue?[] _classes = new EntryQueue?[Classes];
    private readonly ulong[] _occupied = new ulong[Classes / 64];
    private double _inflation;

    public int Count { get; private set; }

    public long Bytes { get; private set; }

    public void Add(StoreEntry entry, float rate)
    {
        var rateClass = BitConverter.SingleToInt32Bits(rate) >> IgnoredBits;
        entry.Priority = _inflation + BitConverter.Int32BitsToSingle(rateClass << IgnoredBits);
        Enter(entry, rateClass).AddNewest(entry);
    }

    /// <summary>Undoes the removal of what was the lowest.</summary>
    public void PutBack(StoreEntry entry, EntryQueue queue) => Enter(entry, queue.Number - 1).AddOldest(entry);

    public EntryQueue QueueOf(StoreEntry entry) => _classes[entry.Queue - 1]!;

    public void Remove(StoreEntry entry)
    {
        var rateClass = entry.Queue - 1;
        QueueOf(entry).Remove(entry);
        Count--;
        Bytes -= entry.Bytes;
        if (_classes[rateClass]!.Count == 0)
            _occupied[rateClass >> 6] &= ~(1UL << rateClass);
    }

    public StoreEntry? Lowest()
    {
        StoreEntry? lowest = null;
        for (var i = 0; i < _occupied.Length; i++)
        {
            for (var bits = _occupied[i]; bits != 0; bits &= bits - 1)
            {
                var oldest = _classes[i * 64 + BitOperations.TrailingZeroCount(bits)]!.Oldest!;
                if (lowest is null || oldest.Priority < lowest.Priority)
                    lowest = oldest;
            }
        }

        return lowest;
    }

    /// <summary>Says that an entry of this priority had its turn.</summary>
    public void InflateTo(double priority) => _inflation = Math.Max(_inflation, priority);

    private EntryQueue Enter(StoreEntry entry, int rateClass)
    {
        Count++;
        Bytes += entry.Bytes;
        _occupied[rateClass >> 6] |= 1UL << rateClass;
        return _classes[rateClass] ??= new EntryQueue((short)(rateClass + 1));
    }
}
