using EfSecondLevelCache.Querying;

namespace EfSecondLevelCache.Tests.Querying;

public sealed class ShapeWorthTests
{
    private readonly ShapeWorth _worth = new();

    [Fact]
    public void A_shape_is_not_judged_before_its_time()
    {
        Invalidate(ShapeWorth.Patience - 1);

        Assert.Equal(100, Kept(of: 100));
    }

    [Fact]
    public void A_shape_that_only_goes_stale_is_kept_as_a_sample()
    {
        Invalidate(ShapeWorth.Patience);

        Assert.Equal(10, Kept(of: 10 * ShapeWorth.Sample));
    }

    [Fact]
    public void A_shape_that_is_served_more_often_than_it_goes_stale_is_kept()
    {
        for (var i = 0; i < 10 * ShapeWorth.Patience; i++)
        {
            _worth.Invalidated();
            _worth.Hit();
            _worth.Hit();
        }

        Assert.Equal(100, Kept(of: 100));
    }

    [Fact]
    public void A_shape_comes_back_when_its_results_are_served_again()
    {
        Invalidate(100 * ShapeWorth.Patience);
        for (var i = 0; i < 2 * ShapeWorth.Patience; i++)
            _worth.Hit();

        Assert.Equal(100, Kept(of: 100));
    }

    [Fact]
    public void A_shape_that_turns_bad_is_found_out_whatever_it_was_before()
    {
        for (var i = 0; i < 1000 * ShapeWorth.Patience; i++)
            _worth.Hit();
        Invalidate(20 * ShapeWorth.Patience);

        Assert.NotEqual(100, Kept(of: 100));
    }

    private void Invalidate(int times)
    {
        for (var i = 0; i < times; i++)
            _worth.Invalidated();
    }

    private int Kept(int of) => Enumerable.Range(0, of).Count(_ => _worth.Pays());
}
