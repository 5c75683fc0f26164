using EfSecondLevelCache.Store;

namespace EfSecondLevelCache.Tests.Store;

public class FrequencySketchTests
{
    private readonly FrequencySketch _sketch = new();

    [Fact]
    public void What_was_never_added_is_unknown()
        => Assert.Equal(0, _sketch.Estimate(TestEntry.HashOf(1)));

    [Fact]
    public void An_estimate_is_never_below_the_count_and_seldom_above()
    {
        var random = new Random(1);
        var counts = new Dictionary<long, int>();
        for (var i = 0; i < 2_000; i++)
        {
            var key = random.Next(600);
            var times = random.Next(1, 3);
            counts[key] = Math.Min(15, counts.GetValueOrDefault(key) + times);
            _sketch.Add(TestEntry.HashOf(key), times);
        }

        Assert.All(counts, count => Assert.InRange(_sketch.Estimate(TestEntry.HashOf(count.Key)), count.Value, 15));
        Assert.InRange(counts.Count(count => _sketch.Estimate(TestEntry.HashOf(count.Key)) > count.Value), 0, 30);
    }

    [Fact]
    public void A_counter_saturates_and_spills_into_no_other()
    {
        for (var key = 0; key < 200; key++)
            _sketch.Add(TestEntry.HashOf(key), times: 20);

        Assert.All(Enumerable.Range(0, 200), key => Assert.Equal(15, _sketch.Estimate(TestEntry.HashOf(key))));
        Assert.InRange(Enumerable.Range(1_000, 1_000).Count(key => _sketch.Estimate(TestEntry.HashOf(key)) > 0), 0, 20);
    }

    [Fact]
    public void Everything_is_halved_after_ten_additions_for_each_word()
    {
        _sketch.Add(TestEntry.HashOf(1), 9);
        for (var i = 0; i < 10_239 - 9; i++)
            _sketch.Add(TestEntry.HashOf(2), 1);
        Assert.Equal((0, 9, 15), (_sketch.Period, _sketch.Estimate(TestEntry.HashOf(1)), _sketch.Estimate(TestEntry.HashOf(2))));

        _sketch.Add(TestEntry.HashOf(2), 1);

        Assert.Equal((1, 4, 7), (_sketch.Period, _sketch.Estimate(TestEntry.HashOf(1)), _sketch.Estimate(TestEntry.HashOf(2))));
    }

    [Fact]
    public void Growth_forgets_nothing()
    {
        for (var key = 0; key < 500; key++)
            _sketch.Add(TestEntry.HashOf(key), 1 + key % 15);
        var before = Enumerable.Range(0, 500).Select(key => _sketch.Estimate(TestEntry.HashOf(key))).ToList();

        _sketch.EnsureCapacity(100_000);

        Assert.Equal(before, Enumerable.Range(0, 500).Select(key => _sketch.Estimate(TestEntry.HashOf(key))));
    }
}
