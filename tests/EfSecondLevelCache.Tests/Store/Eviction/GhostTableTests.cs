using EfSecondLevelCache.Store.Eviction;

namespace EfSecondLevelCache.Tests.Store.Eviction;

public class GhostTableTests
{
    private readonly GhostTable _ghosts = new();

    [Fact]
    public void A_ghost_is_remembered_until_as_many_others_have_left_as_there_is_capacity_for()
    {
        _ghosts.Add(TestEntry.HashOf(0), capacity: 100);
        for (var key = 1; key < 100; key++)
            _ghosts.Add(TestEntry.HashOf(key), capacity: 100);
        Assert.True(_ghosts.Contains(TestEntry.HashOf(0)));

        _ghosts.Add(TestEntry.HashOf(100), capacity: 100);

        Assert.False(_ghosts.Contains(TestEntry.HashOf(0)));
        Assert.True(_ghosts.Contains(TestEntry.HashOf(1)));
        Assert.False(_ghosts.Contains(TestEntry.HashOf(1_000)));
    }

    [Fact]
    public void Nearly_all_are_remembered_at_any_capacity()
    {
        const int Capacity = 50_000;
        for (var key = 0; key < 3 * Capacity; key++)
            _ghosts.Add(TestEntry.HashOf(key), Capacity);

        var remembered = Enumerable.Range(2 * Capacity, Capacity).Count(key => _ghosts.Contains(TestEntry.HashOf(key)));
        var forgotten = Enumerable.Range(0, 2 * Capacity).Count(key => _ghosts.Contains(TestEntry.HashOf(key)));

        Assert.InRange(remembered, Capacity * 0.85, Capacity);
        Assert.InRange(forgotten, 0, 20);
    }
}
