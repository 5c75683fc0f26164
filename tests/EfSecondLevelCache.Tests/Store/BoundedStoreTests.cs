using EfSecondLevelCache.Store;
using Microsoft.Extensions.Time.Testing;

namespace EfSecondLevelCache.Tests.Store;

/// <summary>What every policy's store does.</summary>
public class BoundedStoreTests
{
    private readonly FakeTimeProvider _time = new();
    private readonly List<(StoreEntry Entry, RemovalCause Cause)> _removed = [];

    [Theory]
    [EveryPolicy]
    public void An_entry_is_found_by_its_key(EvictionPolicy policy)
    {
        var store = Make(policy);
        var entry = new TestEntry(1);

        Assert.True(store.Add(entry));

        Assert.Same(entry, store.Find(1));
        Assert.Null(store.Find(2));
        StoreStructure.Verify(store);
    }

    [Theory]
    [EveryPolicy]
    public void Keys_of_equal_hash_are_told_apart(EvictionPolicy policy)
    {
        var store = Make(policy);
        var entries = Enumerable.Range(0, 10).Select(key => new TestEntry(key, hash: 42)).ToList();

        Assert.All(entries, entry => Assert.True(store.Add(entry)));

        Assert.All(entries, entry => Assert.Same(entry, store.Find(entry.Key, 42)));
        Assert.Null(store.Find(10, 42));
    }

    [Theory]
    [EveryPolicy]
    public void A_newer_entry_of_the_same_key_takes_the_place_of_the_older(EvictionPolicy policy)
    {
        var store = Make(policy, maxBytes: 10, maxEntries: 1);
        var old = new TestEntry(1, bytes: 4);
        var entry = new TestEntry(1, bytes: 10);
        store.Add(old);

        Assert.True(store.Add(entry));

        Assert.Same(entry, store.Find(1));
        Assert.Equal((1, 10), (store.Count, store.Bytes));
        Assert.Equal([(old, RemovalCause.Replaced)], _removed);
        StoreStructure.Verify(store);
    }

    [Theory]
    [EveryPolicy]
    public void Removing_takes_this_very_entry_and_not_its_successor(EvictionPolicy policy)
    {
        var store = Make(policy);
        var old = new TestEntry(1);
        var entry = new TestEntry(1);
        store.Add(old);
        store.Add(entry);

        Assert.False(store.Remove(old, RemovalCause.Invalidated));
        Assert.Same(entry, store.Find(1));

        Assert.True(store.Remove(entry, RemovalCause.Invalidated));
        Assert.False(store.Remove(entry, RemovalCause.Invalidated));
        Assert.Null(store.Find(1));
        Assert.Equal([(old, RemovalCause.Replaced), (entry, RemovalCause.Invalidated)], _removed);
        StoreStructure.Verify(store);
    }

    [Theory]
    [EveryPolicy]
    public void An_entry_is_added_only_once(EvictionPolicy policy)
    {
        var store = Make(policy);
        var entry = new TestEntry(7);
        store.Add(entry);
        store.Remove(entry, RemovalCause.Invalidated);

        var error = Assert.Throws<InvalidOperationException>(() => store.Add(entry));

        Assert.Contains("key 7", error.Message);
        Assert.Equal(0, store.Count);
    }

    [Theory]
    [EveryPolicy]
    public void Neither_bound_is_ever_exceeded(EvictionPolicy policy)
    {
        var store = Make(policy, maxBytes: 1_000, maxEntries: 50);
        var random = new Random(1);
        for (var i = 0; i < 20_000; i++)
        {
            var key = random.Next(300);
            if (store.Find(key) is null)
                store.Add(new TestEntry(key, bytes: random.Next(1, 200)));
            Assert.InRange(store.Bytes, 0, 1_000);
            Assert.InRange(store.Count, 0, 50);
            if (i % 100 == 0)
                StoreStructure.Verify(store);
        }

        Assert.Contains(_removed, removal => removal.Cause == RemovalCause.Evicted);
    }

    [Theory]
    [EveryPolicy]
    public void An_entry_larger_than_the_store_is_not_kept(EvictionPolicy policy)
    {
        var store = Make(policy, maxBytes: 100);
        store.Add(new TestEntry(1, bytes: 50));

        Assert.False(store.Add(new TestEntry(2, bytes: 101)));

        Assert.Null(store.Find(2));
        Assert.NotNull(store.Find(1));
        Assert.Empty(_removed);
    }

    [Theory]
    [EveryPolicy]
    public void Each_entry_that_leaves_is_told_of_once(EvictionPolicy policy)
    {
        var store = Make(policy, maxBytes: 200, maxEntries: 30);
        var random = new Random(2);
        var added = new List<StoreEntry>();
        for (var i = 0; i < 5_000; i++)
        {
            var entry = new TestEntry(random.Next(100), bytes: random.Next(1, 40));
            if (store.Add(entry))
                added.Add(entry);
            if (random.Next(20) == 0)
                store.Remove(entry, RemovalCause.Invalidated);
        }

        store.Clear();

        Assert.Equal(added.Count, _removed.Count);
        Assert.Equal(added.ToHashSet(), _removed.Select(removal => removal.Entry).ToHashSet());
    }

    [Theory]
    [EveryPolicy]
    public void An_expired_entry_is_not_found(EvictionPolicy policy)
    {
        var store = Make(policy);
        store.Add(new TestEntry(1, expiresAt: store.Clock.Now + 1_000));

        _time.Advance(TimeSpan.FromMilliseconds(999));
        Assert.NotNull(store.Find(1));

        _time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Null(store.Find(1));
    }

    [Theory]
    [EveryPolicy]
    public void A_sliding_entry_lives_as_long_as_it_is_found_but_not_past_its_time_to_live(EvictionPolicy policy)
    {
        var store = Make(policy);
        store.Add(new TestEntry(1, expiresAt: store.Clock.Now + 1_000, sliding: 300));

        for (var found = 0; found < 4; found++)
        {
            _time.Advance(TimeSpan.FromMilliseconds(200));
            Assert.NotNull(store.Find(1));
        }

        _time.Advance(TimeSpan.FromMilliseconds(200));
        Assert.Null(store.Find(1));
    }

    [Theory]
    [EveryPolicy]
    public void A_sliding_entry_dies_when_it_is_not_found_for_its_period(EvictionPolicy policy)
    {
        var store = Make(policy);
        _time.Advance(TimeSpan.FromSeconds(5));
        store.Add(new TestEntry(1, sliding: 300));

        _time.Advance(TimeSpan.FromMilliseconds(299));
        Assert.NotNull(store.Find(1));

        _time.Advance(TimeSpan.FromMilliseconds(300));
        Assert.Null(store.Find(1));
    }

    [Theory]
    [EveryPolicy]
    public void A_stale_entry_is_not_found(EvictionPolicy policy)
    {
        var store = Make(policy);
        var entry = new TestEntry(1);
        store.Add(entry);

        entry.Invalidate();

        Assert.Null(store.Find(1));
    }

    [Theory]
    [EveryPolicy]
    public void An_entry_that_is_dead_already_is_not_kept_nor_does_it_replace_a_live_one(EvictionPolicy policy)
    {
        var store = Make(policy);
        var live = new TestEntry(1);
        store.Add(live);
        var stale = new TestEntry(1);
        stale.Invalidate();

        Assert.False(store.Add(stale));
        Assert.False(store.Add(new TestEntry(1, expiresAt: store.Clock.Now)));

        Assert.Same(live, store.Find(1));
    }

    [Theory]
    [EveryPolicy]
    public void A_dead_entry_is_replaced_in_place_under_the_cause_of_its_death(EvictionPolicy policy)
    {
        var store = Make(policy, maxEntries: 2);
        var stale = new TestEntry(1);
        var expired = new TestEntry(2, expiresAt: store.Clock.Now + 1);
        store.Add(stale);
        store.Add(expired);
        stale.Invalidate();
        _time.Advance(TimeSpan.FromMilliseconds(1));

        store.Add(new TestEntry(1));
        store.Add(new TestEntry(2));

        Assert.Equal([(stale, RemovalCause.Invalidated), (expired, RemovalCause.Expired)], _removed);
        Assert.NotNull(store.Find(1));
        Assert.NotNull(store.Find(2));
    }

    [Theory]
    [EveryPolicy]
    public void Dead_entries_go_before_live_ones(EvictionPolicy policy)
    {
        var store = Make(policy, maxBytes: 1_000);
        var entries = Enumerable.Range(0, 1_000).Select(key => new TestEntry(key)).ToList();
        entries.ForEach(entry => store.Add(entry));
        foreach (var entry in entries.Where(entry => entry.Key % 4 == 0))
            entry.Invalidate();
        _removed.Clear();

        for (var key = 1_000; key < 1_100; key++)
            store.Add(new TestEntry(key));

        // Where to look first is up to the table, so that a few live ones may have gone before enough dead ones were found.
        Assert.InRange(_removed.Count(removal => removal.Cause == RemovalCause.Invalidated), 100, 250);
        Assert.InRange(_removed.Count(removal => removal.Cause == RemovalCause.Evicted), 0, 5);
    }

    [Theory]
    [EveryPolicy]
    public void An_expired_entry_that_is_next_to_go_goes_as_expired(EvictionPolicy policy)
    {
        var store = Make(policy, maxBytes: 10);
        var expired = Enumerable.Range(0, 10).Select(key => new TestEntry(key, expiresAt: store.Clock.Now + 1)).ToList();
        expired.ForEach(entry => store.Add(entry));
        expired.ForEach(entry => store.Find(entry.Key));
        _time.Advance(TimeSpan.FromMilliseconds(1));

        for (var key = 100; key < 110; key++)
            store.Add(new TestEntry(key));

        Assert.Equal(10, _removed.Count(removal => removal.Cause == RemovalCause.Expired));
        Assert.DoesNotContain(_removed, removal => removal.Cause != RemovalCause.Expired);
    }

    [Theory]
    [EveryPolicy]
    public void Sweeping_removes_dead_entries_in_bounded_steps_and_goes_round(EvictionPolicy policy)
    {
        var store = Make(policy);
        for (var key = 0; key < 1_000; key++)
            store.Add(new TestEntry(key, expiresAt: store.Clock.Now + (key % 2 == 0 ? 1_000 : 2_000)));
        _time.Advance(TimeSpan.FromSeconds(1));

        Assert.InRange(store.Sweep(100), 1, 100);
        Assert.InRange(store.Count, 900, 999);
        while (store.Sweep(100) > 0)
        {
        }

        Assert.Equal(500, store.Count);
        Assert.All(_removed, removal => Assert.Equal(RemovalCause.Expired, removal.Cause));
        StoreStructure.Verify(store);

        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(500, store.Sweep(int.MaxValue));
        Assert.Equal((0, 0), (store.Count, store.Bytes));
        StoreStructure.Verify(store);
    }

    [Theory]
    [EveryPolicy]
    public void Clearing_leaves_nothing(EvictionPolicy policy)
    {
        var store = Make(policy);
        var entries = Enumerable.Range(0, 1_000).Select(key => new TestEntry(key)).ToList();
        entries.ForEach(entry => store.Add(entry));

        store.Clear();

        Assert.Equal((0, 0), (store.Count, store.Bytes));
        Assert.All(entries, entry => Assert.Null(store.Find(entry.Key)));
        Assert.All(_removed, removal => Assert.Equal(RemovalCause.Cleared, removal.Cause));
        Assert.Equal(1_000, _removed.Count);
        store.Add(new TestEntry(1));
        StoreStructure.Verify(store);
    }

    [Fact]
    public void A_hit_allocates_nothing()
    {
        var store = Make(EvictionPolicy.Lfu);
        store.Add(new TestEntry(1, sliding: 1_000));
        store.Find(new TestProbe(1));

        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1_000; i++)
            store.Find(new TestProbe(1));

        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    [Fact]
    public void A_listener_may_use_the_store()
    {
        BoundedStore? store = null;
        store = new BoundedStore(100, 100, EvictionPolicy.Lru, _time, (entry, _) => store!.Add(new TestEntry(2)));
        var first = new TestEntry(1);
        store.Add(first);

        store.Remove(first, RemovalCause.Invalidated);

        Assert.NotNull(store.Find(2));
    }

    [Theory]
    [InlineData(0, 1, "maxBytes")]
    [InlineData(1, 0, "maxEntries")]
    public void A_bound_below_one_is_an_error(long maxBytes, int maxEntries, string parameter)
        => Assert.Throws<ArgumentOutOfRangeException>(parameter,
            () => new BoundedStore(maxBytes, maxEntries, EvictionPolicy.Lfu, TimeProvider.System));

    private BoundedStore Make(EvictionPolicy policy, long maxBytes = 1_000_000, int maxEntries = 1_000_000)
        => new(maxBytes, maxEntries, policy, _time, (entry, cause) => _removed.Add((entry, cause)));
}
