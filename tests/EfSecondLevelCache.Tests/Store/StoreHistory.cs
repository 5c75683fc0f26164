using System.Collections.Concurrent;
using System.Diagnostics;
using EfSecondLevelCache.Store;

namespace EfSecondLevelCache.Tests.Store;

/// <summary>
/// What several threads asked of a store and were told, and whether it can have happened one after the other. Every entry is
/// added once, so a key is a register whose values are all different, and for those it is enough to compare intervals:
/// an operation that ended before another one began came first, whoever ran them.
/// </summary>
internal sealed class StoreHistory
{
    private readonly ConcurrentQueue<Lookup> _lookups = new();
    private readonly ConcurrentDictionary<TestEntry, Life> _lives = new();

    /// <summary>When the operation under way on this thread began: what it removes was there until then at least.</summary>
    [ThreadStatic]
    private static long _began;

    public void OnRemoved(StoreEntry entry, RemovalCause cause)
    {
        var life = _lives[(TestEntry)entry];
        Assert.Equal(1, Interlocked.Increment(ref life.TimesRemoved));
        life.Cause = cause;
        life.MayBeGoneFrom = _began;
        life.IsGoneFrom = Stopwatch.GetTimestamp();
    }

    public void Find(BoundedStore store, long key)
    {
        var began = Stopwatch.GetTimestamp();
        var found = store.Find(key);
        _lookups.Enqueue(new Lookup(key, found, began, Stopwatch.GetTimestamp()));
    }

    public void Add(BoundedStore store, TestEntry entry)
    {
        var life = _lives[entry] = new Life { MayBeThereFrom = Began() };
        if (store.Add(entry))
            life.IsThereFrom = Stopwatch.GetTimestamp();
    }

    /// <summary>As a change does: the entry stays where it is, but is not to be served any more.</summary>
    public void Invalidate(TestEntry entry)
    {
        var life = _lives[entry];
        var began = Stopwatch.GetTimestamp();
        InterlockedMin(ref life.MayBeStaleFrom, began);
        entry.Invalidate();
        InterlockedMin(ref life.IsStaleFrom, Stopwatch.GetTimestamp());
    }

    public void Remove(BoundedStore store, TestEntry entry)
    {
        Began();
        store.Remove(entry, RemovalCause.Invalidated);
    }

    public void Clear(BoundedStore store)
    {
        Began();
        store.Clear();
    }

    public void Sweep(BoundedStore store)
    {
        Began();
        store.Sweep(8);
    }

    public void Verify()
    {
        var livesByKey = _lives.Where(life => life.Value.IsThereFrom != long.MaxValue).ToLookup(life => life.Key.Key);
        foreach (var lookup in _lookups)
        {
            if (lookup.Found is { } found)
            {
                var life = _lives[found];
                Assert.Equal(lookup.Key, found.Key);
                Assert.True(life.MayBeThereFrom < lookup.Ended, $"{found} was found before it was added");
                Assert.True(lookup.Began < life.IsGoneFrom, $"{found} was found after it had left ({life.Cause})");
                Assert.True(lookup.Began < life.IsStaleFrom, $"{found} was found after it had become stale");
            }
            else
            {
                foreach (var (entry, life) in livesByKey[lookup.Key])
                {
                    Assert.False(
                        life.IsThereFrom < lookup.Began
                            && lookup.Ended < life.MayBeGoneFrom
                            && lookup.Ended < life.MayBeStaleFrom,
                        $"{entry} was there all the time, and was not found");
                }
            }
        }

        VerifyOrder();
    }

    /// <summary>Who found an entry shows that its predecessors are gone: nobody finds one of these later.</summary>
    private void VerifyOrder()
    {
        foreach (var ofKey in _lookups.Where(lookup => lookup.Found is not null).GroupBy(lookup => lookup.Key))
        {
            var firstEnded = ofKey.GroupBy(lookup => lookup.Found!).ToDictionary(group => group.Key, group => group.Min(lookup => lookup.Ended));
            var lastBegan = ofKey.GroupBy(lookup => lookup.Found!).ToDictionary(group => group.Key, group => group.Max(lookup => lookup.Began));
            foreach (var (one, oneEnded) in firstEnded)
            {
                foreach (var (other, otherBegan) in lastBegan)
                {
                    Assert.False(
                        one != other && oneEnded < otherBegan && firstEnded[other] < lastBegan[one],
                        $"{one} and {other} of the same key were found in turns");
                }
            }
        }
    }

    private static long Began() => _began = Stopwatch.GetTimestamp();

    private static void InterlockedMin(ref long location, long value)
    {
        for (var seen = Volatile.Read(ref location); value < seen;)
            seen = Interlocked.CompareExchange(ref location, value, seen);
    }

    private sealed record Lookup(long Key, TestEntry? Found, long Began, long Ended);

    /// <summary>Of an entry; a moment that did not come is never.</summary>
    private sealed class Life
    {
        public long MayBeThereFrom = long.MaxValue;
        public long IsThereFrom = long.MaxValue;
        public long MayBeStaleFrom = long.MaxValue;
        public long IsStaleFrom = long.MaxValue;
        public long MayBeGoneFrom = long.MaxValue;
        public long IsGoneFrom = long.MaxValue;
        public int TimesRemoved;
        public RemovalCause Cause;
    }
}
