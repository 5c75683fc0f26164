using System.Runtime.CompilerServices;
using EfSecondLevelCache.Store;
using EfSecondLevelCache.Store.Eviction;

namespace EfSecondLevelCache.Tests.Store;

/// <summary>What must hold of a store's inside whenever nobody is writing.</summary>
internal static class StoreStructure
{
    public static void Verify(BoundedStore store)
    {
        var policy = PolicyOf(store);
        var table = TableOf(store);
        var entries = store.Entries().ToList();

        Assert.Equal(entries.Count, entries.Distinct().Count());
        Assert.Equal(entries.Count, store.Count);
        Assert.Equal(entries.Count, table.Count);
        Assert.Equal(entries.Sum(entry => entry.Bytes), store.Bytes);
        Assert.InRange(store.Bytes, 0, MaxBytesOf(policy));
        Assert.InRange(store.Count, 0, MaxEntriesOf(policy));
        Assert.All(entries, entry => Assert.Same(entry, table.FindSameKey(entry, out _)));
        VerifyQueues(policy, entries);
    }

    /// <summary>Every entry stands in the queue that it names, once, and no queue holds anything else.</summary>
    private static void VerifyQueues(Policy policy, List<StoreEntry> entries)
    {
        foreach (var ofQueue in entries.GroupBy(entry => entry.Queue))
        {
            Assert.NotEqual(0, ofQueue.Key);
            var queue = policy.QueueOf(ofQueue.First());
            var queued = new HashSet<StoreEntry>();
            StoreEntry? newer = null;
            for (var entry = queue.Newest; entry is not null; newer = entry, entry = entry.Older)
            {
                Assert.True(queued.Add(entry), $"{entry} stands twice in its queue");
                Assert.Same(newer, entry.Newer);
            }

            Assert.Same(newer, queue.Oldest);
            Assert.True(queued.SetEquals(ofQueue));
            Assert.Equal(queued.Count, queue.Count);
            Assert.Equal(queued.Sum(entry => entry.Bytes), queue.Bytes);
        }
    }

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_policy")]
    private static extern ref Policy PolicyOf(BoundedStore store);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_table")]
    private static extern ref EntryTable TableOf(BoundedStore store);

    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "get_MaxBytes")]
    private static extern long MaxBytesOf(Policy policy);

    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "get_MaxEntries")]
    private static extern int MaxEntriesOf(Policy policy);
}
