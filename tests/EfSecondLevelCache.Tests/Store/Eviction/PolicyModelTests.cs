using EfSecondLevelCache.Store;
using Microsoft.Extensions.Time.Testing;

namespace EfSecondLevelCache.Tests.Store.Eviction;

/// <summary>Each policy against its naive model: after every operation both keep the same keys.</summary>
public class PolicyModelTests
{
    [Theory]
    [EveryPolicy]
    public void A_policy_keeps_what_its_naive_model_keeps_within_a_bound_of_bytes(EvictionPolicy policy)
    {
        for (var seed = 0; seed < 20; seed++)
            Compare(policy, maxBytes: 2_000, maxEntries: 1_000_000, seed, operations: 2_000);
    }

    [Theory]
    [EveryPolicy]
    public void A_policy_keeps_what_its_naive_model_keeps_within_a_bound_of_entries(EvictionPolicy policy)
    {
        for (var seed = 0; seed < 10; seed++)
            Compare(policy, maxBytes: long.MaxValue, maxEntries: 40, seed, operations: 3_000);
    }

    [Theory]
    [EveryPolicy]
    public void A_policy_keeps_what_its_naive_model_keeps_where_both_bounds_bind(EvictionPolicy policy)
    {
        for (var seed = 0; seed < 20; seed++)
            Compare(policy, maxBytes: 1_500, maxEntries: 25, seed, operations: 3_000);
    }

    [Theory]
    [EveryPolicy]
    public void A_policy_keeps_what_its_naive_model_keeps_in_a_store_that_is_almost_too_small(EvictionPolicy policy)
    {
        for (var seed = 0; seed < 20; seed++)
            Compare(policy, maxBytes: 1 + seed * 20, maxEntries: 1 + seed / 2, seed, operations: 500);
    }

    /// <summary>Long enough for the sketch to halve its counters several times.</summary>
    [Fact]
    public void Lfu_forgets_as_its_naive_model_does()
        => Compare(EvictionPolicy.Lfu, maxBytes: 1_000, maxEntries: 1_000_000, seed: 1, operations: 30_000);

    private static void Compare(EvictionPolicy policy, long maxBytes, int maxEntries, int seed, int operations)
    {
        var random = new Random(seed);
        var store = new BoundedStore(maxBytes, maxEntries, policy, new FakeTimeProvider());
        var model = NaivePolicy.Create(policy, maxBytes, maxEntries);
        var entries = new Dictionary<long, TestEntry>();
        for (var operation = 0; operation < operations; operation++)
        {
            // Squared, so that some keys are asked for much more often than others.
            var key = (long)(Math.Pow(random.NextDouble(), 2) * 200);
            switch (random.Next(100))
            {
                case < 2 when entries.TryGetValue(key, out var entry):
                    Assert.Equal(model.Entries.Any(kept => kept.Key == key), store.Remove(entry, RemovalCause.Invalidated));
                    model.Remove(key);
                    break;

                case < 70:
                    var isFound = store.Find(key) is not null;
                    Assert.Equal(model.Find(key), isFound);
                    if (isFound)
                        break;
                    goto default;

                default:
                    var (bytes, cost) = (1 + (long)Math.Pow(10, random.NextDouble() * 3), random.Next(4) == 0 ? random.Next(1, 50) : 1);
                    var added = new TestEntry(key, bytes, cost);
                    Assert.Equal(model.Add(key, bytes, cost), store.Add(added));
                    if (added.Queue != 0)
                        entries[key] = added;
                    break;
            }

            if (!model.Entries.Select(entry => entry.Key).ToHashSet().SetEquals(store.Entries().Select(entry => ((TestEntry)entry).Key)))
                Assert.Fail($"The store and its model differ after operation {operation} of seed {seed}.");
        }

        StoreStructure.Verify(store);
    }
}
