using EfSecondLevelCache.Store;
using EfSecondLevelCache.Store.Eviction;

namespace EfSecondLevelCache.Tests.Store.Eviction;

public class GreedyDualQueueTests
{
    private readonly GreedyDualQueue _queue = new();

    [Fact]
    public void The_lowest_rate_goes_first_and_of_equal_ones_the_oldest()
    {
        StoreEntry[] entries = [new TestEntry(0), new TestEntry(1), new TestEntry(2), new TestEntry(3)];
        _queue.Add(entries[0], 8);
        _queue.Add(entries[1], 0.001f);
        _queue.Add(entries[2], 3);
        _queue.Add(entries[3], 3);

        Assert.Equal([entries[1], entries[2], entries[3], entries[0]], TakeAll());
    }

    [Fact]
    public void What_came_before_the_inflation_is_overtaken()
    {
        var once = new TestEntry(0);
        var later = new TestEntry(1);
        _queue.Add(once, 8);
        _queue.InflateTo(10);
        _queue.Add(later, 1);

        Assert.Equal([once, later], TakeAll());
    }

    [Fact]
    public void What_was_put_back_stands_where_it_stood()
    {
        StoreEntry[] entries = [new TestEntry(0, bytes: 5), new TestEntry(1, bytes: 7)];
        _queue.Add(entries[0], 2);
        _queue.Add(entries[1], 2);
        var queue = _queue.QueueOf(entries[0]);

        _queue.Remove(entries[0]);
        Assert.Equal((1, 7), (_queue.Count, _queue.Bytes));
        _queue.PutBack(entries[0], queue);

        Assert.Equal((2, 12), (_queue.Count, _queue.Bytes));
        Assert.Equal(entries, TakeAll());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void It_agrees_with_a_sorted_list_to_the_width_of_a_class(int seed)
    {
        var random = new Random(seed);
        var rates = new Dictionary<StoreEntry, float>();
        for (var key = 0; key < 5_000; key++)
        {
            var entry = new TestEntry(key);
            rates[entry] = (float)Math.Pow(2, random.NextDouble() * 80 - 40);
            _queue.Add(entry, rates[entry]);
        }

        var last = 0f;
        foreach (var entry in TakeAll())
        {
            Assert.True(rates[entry] > last / 1.5f);
            last = Math.Max(last, rates[entry]);
        }

        Assert.Equal((0, 0), (_queue.Count, _queue.Bytes));
    }

    private List<StoreEntry> TakeAll()
    {
        var taken = new List<StoreEntry>();
        while (_queue.Lowest() is { } lowest)
        {
            _queue.Remove(lowest);
            taken.Add(lowest);
        }

        return taken;
    }
}
