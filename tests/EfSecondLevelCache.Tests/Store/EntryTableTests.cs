using EfSecondLevelCache.Store;

namespace EfSecondLevelCache.Tests.Store;

public class EntryTableTests
{
    [Fact]
    public void A_reader_never_misses_an_entry_that_is_there_while_the_table_grows_and_others_come_and_go()
    {
        const int Permanent = 64;
        const int Others = 20_000;
        BoundedStore? current = null;
        var missed = 0;
        var reader = new Thread(() =>
        {
            while (Volatile.Read(ref current) is { } store)
            {
                for (var key = 0; key < Permanent; key++)
                {
                    if (store.Find(key) is null)
                        missed++;
                }
            }
        });

        for (var round = 0; round < 20; round++)
        {
            var store = new BoundedStore(long.MaxValue, int.MaxValue, EvictionPolicy.Lru, TimeProvider.System);
            for (var key = 0; key < Permanent; key++)
                store.Add(new TestEntry(key));
            Volatile.Write(ref current, store);
            if (round == 0)
                reader.Start();

            var others = Enumerable.Range(Permanent, Others).Select(key => new TestEntry(key)).ToList();
            others.ForEach(entry => store.Add(entry));
            for (var key = 0; key < Permanent; key++)
                store.Add(new TestEntry(key));
            others.ForEach(entry => store.Remove(entry, RemovalCause.Invalidated));

            Assert.Equal(Permanent, store.Count);
            StoreStructure.Verify(store);
        }

        Volatile.Write(ref current, null);
        reader.Join();
        Assert.Equal(0, missed);
    }

    [Fact]
    public void An_addition_moves_few_entries_however_many_there_are()
    {
        var table = new EntryTable();
        var entries = new List<StoreEntry>();
        var most = 0;
        for (var key = 0; key < 5_000; key++)
        {
            var links = entries.ConvertAll(entry => entry.NextInBucket);
            table.Add(new TestEntry(key));
            most = Math.Max(most, entries.Zip(links).Count(pair => pair.First.NextInBucket != pair.Second));
            entries.Add(table.FindSameKey(new TestEntry(key), out _)!);
        }

        Assert.InRange(most, 1, EntryTable.BucketsPerStep * EntryTable.MaxChain);
    }

    [Fact]
    public void Whatever_is_done_in_the_middle_of_growth_is_done_to_the_right_chain()
    {
        for (var count = 60; count < 300; count++)
        {
            var store = new BoundedStore(long.MaxValue, int.MaxValue, EvictionPolicy.Lru, TimeProvider.System);
            var entries = Enumerable.Range(0, count).Select(key => new TestEntry(key)).ToArray();
            Array.ForEach(entries, entry => store.Add(entry));
            StoreStructure.Verify(store);

            for (var key = 0; key < count; key += 3)
            {
                Assert.True(store.Remove(entries[key], RemovalCause.Invalidated));
                Assert.True(store.Add(entries[key + 1 < count ? key + 1 : key] = new TestEntry(key + 1 < count ? key + 1 : key)));
            }

            StoreStructure.Verify(store);
            Assert.All(entries.Where(entry => entry.Queue != 0), entry => Assert.Same(entry, store.Find(entry.Key)));
            foreach (var entry in entries)
                entry.Invalidate();
            Assert.Equal(store.Count, store.Sweep(int.MaxValue));
            Assert.Empty(store.Entries());

            store.Clear();
            Assert.True(store.Add(new TestEntry(0)));
            Assert.NotNull(store.Find(0));
            StoreStructure.Verify(store);
        }
    }

    [Fact]
    public void Chosen_collisions_cost_entries_but_never_a_long_search()
    {
        var store = new BoundedStore(long.MaxValue, int.MaxValue, EvictionPolicy.Lru, TimeProvider.System);
        for (var key = 0; key < 10_000; key++)
            Assert.True(store.Add(new TestEntry(key, hash: 7)));

        Assert.Equal(EntryTable.MaxChain, store.Count);
        Assert.NotNull(store.Find(9_999, 7));
        StoreStructure.Verify(store);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(20)]
    [InlineData(40)]
    public void Hashes_that_differ_in_a_few_neighbouring_bits_are_spread(int shift)
    {
        var store = new BoundedStore(long.MaxValue, int.MaxValue, EvictionPolicy.Lru, TimeProvider.System);
        for (var key = 0; key < 100_000; key++)
            store.Add(new TestEntry(key, hash: (ulong)key << shift));

        Assert.Equal(100_000, store.Count);
    }
}
