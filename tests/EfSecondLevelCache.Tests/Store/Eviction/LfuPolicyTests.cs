using EfSecondLevelCache.Store;
using Microsoft.Extensions.Time.Testing;

namespace EfSecondLevelCache.Tests.Store.Eviction;

/// <summary>What <c>Lfu</c> promises beyond what every policy does.</summary>
public class LfuPolicyTests
{
    [Fact]
    public void A_scan_does_not_push_out_what_is_asked_for_again_and_again()
    {
        var store = Make(maxBytes: 100);
        Ask(store, keys: 50, times: 5);

        for (var key = 1_000; key < 50_000; key++)
        {
            store.Add(new TestEntry(key));
            if (key % 1_000 == 0)
                Assert.InRange(Ask(store, keys: 50, times: 1), 49, 50);
        }
    }

    [Fact]
    public void A_loop_that_is_larger_than_the_store_is_served_in_part()
    {
        var store = Make(maxBytes: 100);
        var hits = 0;
        for (var round = 0; round < 200; round++)
            hits += Ask(store, keys: 150, times: 1);

        Assert.InRange(hits / (200 * 150.0), 0.3, 0.7);
    }

    [Fact]
    public void What_was_in_demand_once_gives_way_to_what_is_in_demand_now()
    {
        var store = Make(maxBytes: 100);
        Ask(store, keys: 80, times: 100);

        Ask(store, keys: 80, times: 300, from: 1_000);

        Assert.InRange(Kept(store, 80, from: 1_000), 75, 80);
    }

    [Fact]
    public void Of_entries_asked_for_equally_often_small_ones_stay()
    {
        var store = Make(maxBytes: 10_000);
        for (var round = 0; round < 20; round++)
        {
            Ask(store, keys: 100, times: 1, bytes: 50);
            Ask(store, keys: 100, times: 1, from: 1_000, bytes: 500);
        }

        Assert.InRange(Kept(store, 100), 95, 100);
    }

    [Fact]
    public void A_large_result_stays_where_it_is_as_expensive_for_its_bytes()
    {
        var store = Make(maxBytes: 10_000);
        for (var round = 0; round < 20; round++)
        {
            Ask(store, keys: 200, times: 1, bytes: 50, cost: 100);
            Ask(store, keys: 3, times: 1, from: 1_000, bytes: 1_000, cost: 10_000);
        }

        Assert.Equal(3, Kept(store, 3, from: 1_000));
    }

    [Fact]
    public void An_entry_that_is_refilled_after_its_death_keeps_its_standing()
    {
        var store = Make(maxBytes: 100);
        Ask(store, keys: 50, times: 10);
        foreach (var entry in store.Entries().Cast<TestEntry>().Where(entry => entry.Key < 50))
            entry.Invalidate();
        Ask(store, keys: 50, times: 1);

        for (var key = 1_000; key < 5_000; key++)
            store.Add(new TestEntry(key));

        Assert.InRange(Kept(store, 50), 49, 50);
    }

    /// <summary>Were it not for luck, whoever can make entries look frequent could keep everybody else out of main.</summary>
    [Fact]
    public void Even_the_most_frequent_entries_do_not_shut_a_candidate_out_for_ever()
    {
        var store = Make(maxBytes: 100);
        var scanned = 10_000L;
        for (var round = 0; round < 300; round++)
            AskAndScan();

        var tries = 0;
        for (; Kept(store, 1, from: 5_000) == 0; tries++)
        {
            Assert.InRange(tries, 0, 1_000);
            Ask(store, keys: 1, times: 10, from: 5_000);
            AskAndScan();
        }

        Assert.InRange(tries, 2, 1_000);

        void AskAndScan()
        {
            Ask(store, keys: 80, times: 15);
            for (var i = 0; i < 60; i++)
                store.Add(new TestEntry(scanned++));
        }
    }

    private static BoundedStore Make(long maxBytes) => new(maxBytes, int.MaxValue, EvictionPolicy.Lfu, new FakeTimeProvider());

    /// <summary>Asks for each key in turn, so many times, and adds what is missing; the number of hits.</summary>
    private static int Ask(BoundedStore store, int keys, int times, long from = 0, long bytes = 1, double cost = 1)
    {
        var hits = 0;
        for (var i = 0; i < keys * times; i++)
        {
            if (store.Find(from + i % keys) is not null)
                hits++;
            else
                store.Add(new TestEntry(from + i % keys, bytes, cost));
        }

        return hits;
    }

    private static int Kept(BoundedStore store, int keys, long from = 0)
        => store.Entries().Cast<TestEntry>().Count(entry => entry.Key >= from && entry.Key < from + keys);
}
