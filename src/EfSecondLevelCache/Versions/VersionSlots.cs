using System.Numerics;

namespace EfSecondLevelCache.Versions;

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

    private const int PageBits = 14;
    private const int PageSize = 1 << PageBits;

    /// <summary>A cache has one of the slots that things share for so many bytes of its bound: 8 MiB of slots from 64 MiB on.</summary>
    private const int BytesForSlot = 64;

    private const int MostShared = 1 << 20;

    private readonly Lock _closing = new();
    private readonly Dictionary<int, int> _closed = [];

    /// <summary>A page is made when the first of its slots is bumped: what has no page never changed.</summary>
    private readonly long[]?[] _pages;

    private readonly int _own;
    private readonly int _shared;
    private int _used = 1;
    private long _count;

    /// <param name="own">How many things have a slot of their own; more than that share, which removes too much, never too little.</param>
    /// <param name="shared">How many slots the things share that are too many to have one of their own; a power of two.</param>
    public VersionSlots(int own = PageSize, int shared = MostShared)
    {
        _own = own;
        _shared = shared;
        _pages = new long[]?[(own + shared + PageSize - 1) >> PageBits];
    }

    /// <summary>The memory that all of its pages take, once each has had a change.</summary>
    public long MostBytes => (long)_pages.Length * PageSize * sizeof(long);

    /// <summary>Makes slots for a cache of this bound.</summary>
    public static VersionSlots ForBound(long maxBytes)
        => new(shared: (int)BitOperations.RoundUpToPowerOf2((uint)Math.Clamp(maxBytes / BytesForSlot, PageSize, MostShared)));

    /// <summary>The count of changes so far: take it before a query is executed.</summary>
    public long Now => Volatile.Read(ref _count);

    /// <summary>A slot for one more thing that can change.</summary>
    public int Next()
    {
        var next = Interlocked.Increment(ref _used) - 1;
        return next < _own ? next : 1 + (next % (_own - 1));
    }

    /// <summary>The slot that a thing shares with others of other hashes.</summary>
    public int OfHash(ulong hash) => _own + (int)(hash & ((ulong)_shared - 1));

    public bool IsUpToDate(ReadOnlySpan<int> slots, long asOf)
    {
        var pages = _pages;
        foreach (var slot in slots)
        {
            if (Volatile.Read(ref pages[slot >> PageBits]) is { } page && Volatile.Read(ref page[slot & (PageSize - 1)]) > asOf)
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
                Volatile.Write(ref Place(slot), Interlocked.Increment(ref _count));
            }
        }
    }

    /// <summary>Never lowers a slot: of two changes at once, the later one must stand.</summary>
    private void Raise(int slot, long version)
    {
        ref var place = ref Place(slot);
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

    private ref long Place(int slot)
    {
        ref var place = ref _pages[slot >> PageBits];
        var page = Volatile.Read(ref place) ?? Interlocked.CompareExchange(ref place, new long[PageSize], null) ?? place!;
        return ref page[slot & (PageSize - 1)];
    }
}
