namespace EfSecondLevelCache.Tests;

public class QueryCachePolicyBuilderTests
{
    [Fact]
    public void Nothing_said_is_the_default()
    {
        var builder = new QueryCachePolicyBuilder();

        Assert.Equal(QueryCachePolicy.Default, builder.Policy);
        Assert.False(builder.Varies);
    }

    [Fact]
    public void Every_setting_arrives()
    {
        var builder = new QueryCachePolicyBuilder()
            .TimeToLive(TimeSpan.FromMinutes(5)).Sliding(TimeSpan.FromMinutes(1)).MaxCachedRows(100)
            .Tag("a").Tag("b").DependsOn("orders").DependsOn("sales.lines").VaryBy("de");

        Assert.Equal(
            new QueryCachePolicy
            {
                TimeToLive = TimeSpan.FromMinutes(5),
                Sliding = TimeSpan.FromMinutes(1),
                MaxCachedRows = 100,
                Tags = ["a", "b"],
                DependsOn = ["orders", "sales.lines"],
            },
            builder.Policy);
        Assert.True(builder.Varies);
        Assert.Equal("de", builder.VaryByValue);
    }

    [Fact]
    public void To_vary_by_null_is_to_vary()
    {
        var builder = new QueryCachePolicyBuilder().VaryBy(null);

        Assert.True(builder.Varies);
        Assert.Null(builder.VaryByValue);
    }

    [Theory]
    [MemberData(nameof(SecondLevelCacheOptionsBuilderTests.GoodTimes), MemberType = typeof(SecondLevelCacheOptionsBuilderTests))]
    public void Times_may_be_at_their_bounds(TimeSpan time)
    {
        var policy = new QueryCachePolicyBuilder().TimeToLive(time).Sliding(time).Policy;

        Assert.Equal(time, policy.TimeToLive);
        Assert.Equal(time, policy.Sliding);
    }

    [Theory]
    [MemberData(nameof(SecondLevelCacheOptionsBuilderTests.BadTimes), MemberType = typeof(SecondLevelCacheOptionsBuilderTests))]
    public void A_time_out_of_its_range_is_an_error(TimeSpan time, string shown)
    {
        var timeToLive = Assert.Throws<ArgumentOutOfRangeException>("timeToLive", () => new QueryCachePolicyBuilder().TimeToLive(time));
        Assert.StartsWith($"TimeToLive is {shown}; give a time between 1 ms and 365 days", timeToLive.Message, StringComparison.Ordinal);

        var sliding = Assert.Throws<ArgumentOutOfRangeException>("idle", () => new QueryCachePolicyBuilder().Sliding(time));
        Assert.StartsWith($"Sliding is {shown}; give a time between 1 ms and 365 days", sliding.Message, StringComparison.Ordinal);
        Assert.Equal(time, sliding.ActualValue);
    }

    [Fact]
    public void Who_gives_no_time_is_told_how_not_to_cache()
    {
        var error = Assert.Throws<ArgumentOutOfRangeException>(() => new QueryCachePolicyBuilder().TimeToLive(TimeSpan.Zero));

        Assert.Contains("NotCacheable()", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(int.MaxValue)]
    public void MaxCachedRows_may_be_at_its_bounds(int rows)
        => Assert.Equal(rows, new QueryCachePolicyBuilder().MaxCachedRows(rows).Policy.MaxCachedRows);

    [Fact]
    public void A_negative_number_of_rows_is_an_error()
    {
        var error = Assert.Throws<ArgumentOutOfRangeException>("rows", () => new QueryCachePolicyBuilder().MaxCachedRows(-1));

        Assert.StartsWith("MaxCachedRows is -1; give 0 or more, or leave it out", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData(" \t\n")]
    public void Names_must_not_be_blank(string? name)
    {
        Assert.ThrowsAny<ArgumentException>(() => new QueryCachePolicyBuilder().Tag(name!));
        Assert.ThrowsAny<ArgumentException>(() => new QueryCachePolicyBuilder().DependsOn(name!));
    }

    [Fact]
    public void Policies_of_equal_settings_are_equal()
    {
        static QueryCachePolicy Make() => new QueryCachePolicyBuilder().Tag("a").DependsOn("b").TimeToLive(TimeSpan.FromMinutes(1)).Policy;

        Assert.Equal(Make(), Make());
        Assert.Equal(Make().GetHashCode(), Make().GetHashCode());
        Assert.NotEqual(new QueryCachePolicyBuilder().Tag("a").Tag("b").Policy, new QueryCachePolicyBuilder().Tag("b").Tag("a").Policy);
        Assert.NotEqual(new QueryCachePolicyBuilder().Tag("a").Policy, new QueryCachePolicyBuilder().DependsOn("a").Policy);
    }
}
