using System.Collections.Concurrent;

namespace EfSecondLevelCache.Invalidation;

/// <summary>
/// Tells whether a result is up to date, without knowing the results: a counter of changes, and for each thing that can change a slot with
/// the counter's value at its last change. A result that was read at count n is up to date while none of its slots is above n. So a change
/// costs the same whatever depends on it. (Hibernate calls the idea update timestamps; a counter has no clock to be wrong.)
/// </summary>
internal sealed class VersionSlots
{
    /// <summary>The slot of "anything may have changed".</summary>
    public const int Everything = 0;

    /// <summary>The version of what is changing right now: no result is up to date, whenever it was read.</summary>
    private const long Changing = long.MaxValue;

    private readonly ConcurrentDictionary<object, int> _slotOf = new();
    private readonly Lock _closing = new();
    private readonly Dictionary<int, int> _closed = [];
    private readonly long[] _versions;
    private int _used = 1;
    private long _count;

    /// <param name="capacity">How many things have a slot of their own; more than that share, which removes too much, never too little.</param>
    public VersionSlots(int capacity = 1 << 14) => _versions = new long[capacity];

    /// <summary>The count of changes so far: take it before a query is executed.</summary>
    public long Now => Volatile.Read(ref _count);

    /// <summary>The slot of a thing that can change; made when first asked for.</summary>
    public int SlotOf<TKey>(TKey key)
        where TKey : notnull
        => _slotOf.TryGetValue(key, out var slot) ? slot : _slotOf.GetOrAdd(key, NextSlot);

    public bool IsUpToDate(ReadOnlySpan<int> slots, long asOf)
    {
        var versions = _versions;
        foreach (var slot in slots)
        {
            if (Volatile.Read(ref versions[slot]) > asOf)
                return false;
        }

        return true;
    }

    /// <summary>Something changed, and the change can be seen by everybody.</summary>
    public void Bump(ReadOnlySpan<int> slots)
    {
        var now = Interlocked.Increment(ref _count);
        foreach (var slot in slots)
            Raise(slot, now);
    }

    /// <summary>
    /// Something may change at any moment until <see cref="Reopen"/>: what depends on it is neither served nor kept. Calls nest.
    /// </summary>
    public void Close(ReadOnlySpan<int> slots)
    {
        lock (_closing)
        {
            foreach (var slot in slots)
            {
                _closed[slot] = _closed.GetValueOrDefault(slot) + 1;
                Raise(slot, Changing);
            }
        }
    }

    /// <summary>Ends a <see cref="Close"/>; what was read before is out of date.</summary>
    public void Reopen(ReadOnlySpan<int> slots)
    {
        lock (_closing)
        {
            foreach (var slot in slots)
            {
                if (--_closed[slot] > 0)
                    continue;
                _closed.Remove(slot);
                Volatile.Write(ref _versions[slot], Interlocked.Increment(ref _count));
            }
        }
    }

    /// <summary>Never lowers a slot: of two changes at once, the later one must stand.</summary>
    private void Raise(int slot, long version)
    {
        ref var place = ref _versions[slot];
        while (true)
        {
            var current = Volatile.Read(ref place);
            if (current < version)
            {
                if (Interlocked.CompareExchange(ref place, version, current) == current)
                    return;
            }
            else if (current != Changing || version == Changing)
            {
                return;
            }
            else
            {
                // Closed: a Reopen after us counts higher than we did. One that is under way may have counted before us: look again after it.
                lock (_closing)
                {
                    if (place == Changing)
                        return;
                }
            }
        }
    }

    /// <summary>GetOrAdd may ask for a slot that then goes unused; that does no harm.</summary>
    private int NextSlot(object key)
    {
        var next = Interlocked.Increment(ref _used) - 1;
        return next < _versions.Length ? next : 1 + (int)((uint)key.GetHashCode() % (uint)(_versions.Length - 1));
    }
}
