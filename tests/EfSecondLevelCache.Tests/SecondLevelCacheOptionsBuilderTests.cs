using System.Globalization;
using EfSecondLevelCache.Tests.Support;
using Microsoft.EntityFrameworkCore;

namespace EfSecondLevelCache.Tests;

public class SecondLevelCacheOptionsBuilderTests
{
    private static readonly TimeProvider Time = new OtherTime();

    private static readonly Action<SecondLevelCacheOptionsBuilder> Everything = cache => cache
        .MaxBytes(64L << 20).MaxEntries(1_000).MaxEntryBytes(1L << 20).Eviction(EvictionPolicy.S3Fifo)
        .DefaultTimeToLive(TimeSpan.FromMinutes(5)).CacheAllQueries()
        .CacheQueriesOf<Product>(TimeSpan.FromMinutes(1)).NeverCache<Order>().VaryBy(TenantOf).UniformSessions().UseTimeProvider(Time);

    [Fact]
    public void The_defaults_are_the_documented_ones()
    {
        var options = SecondLevelCacheOptionsBuilder.Build(null);

        Assert.Equal(268_435_456, options.MaxBytes);
        Assert.Equal(1_000_000, options.MaxEntries);
        Assert.Equal(4_194_304, options.MaxEntryBytes);
        Assert.Equal(EvictionPolicy.Lfu, options.Eviction);
        Assert.Equal(TimeSpan.FromMinutes(10), options.DefaultTimeToLive);
        Assert.False(options.CacheAllQueries);
        Assert.Empty(options.EntityRules);
        Assert.Null(options.VaryBy);
        Assert.False(options.UniformSessions);
        Assert.Same(TimeProvider.System, options.TimeProvider);
    }

    [Fact]
    public void Every_setting_arrives()
    {
        var options = SecondLevelCacheOptionsBuilder.Build(Everything);

        Assert.Equal(64L << 20, options.MaxBytes);
        Assert.Equal(1_000, options.MaxEntries);
        Assert.Equal(1 << 20, options.MaxEntryBytes);
        Assert.Equal(EvictionPolicy.S3Fifo, options.Eviction);
        Assert.Equal(TimeSpan.FromMinutes(5), options.DefaultTimeToLive);
        Assert.True(options.CacheAllQueries);
        Assert.Equal(
            [new EntityRule(typeof(Product), TimeSpan.FromMinutes(1), Never: false), new EntityRule(typeof(Order), null, Never: true)],
            options.EntityRules);
        Assert.Equal(TenantOf, options.VaryBy);
        Assert.True(options.UniformSessions);
        Assert.Same(Time, options.TimeProvider);
    }

    [Fact]
    public void The_last_call_of_a_setting_counts()
        => Assert.Equal(7, SecondLevelCacheOptionsBuilder.Build(cache => cache.MaxEntries(5).MaxEntries(7)).MaxEntries);

    [Theory]
    [InlineData(1L << 20)]
    [InlineData(long.MaxValue)]
    public void MaxBytes_may_be_at_its_bounds(long bytes)
        => Assert.Equal(bytes, SecondLevelCacheOptionsBuilder.Build(cache => cache.MaxBytes(bytes)).MaxBytes);

    [Theory]
    [InlineData((1L << 20) - 1, "1,048,575")]
    [InlineData(0, "0")]
    [InlineData(-1, "-1")]
    [InlineData(long.MinValue, "-9,223,372,036,854,775,808")]
    public void MaxBytes_out_of_its_range_is_an_error(long bytes, string shown)
        => AssertError("bytes", bytes, $"MaxBytes is {shown} bytes", "MaxBytes(256L << 20)", cache => cache.MaxBytes(bytes));

    [Theory]
    [InlineData(1)]
    [InlineData(int.MaxValue)]
    public void MaxEntries_may_be_at_its_bounds(int entries)
        => Assert.Equal(entries, SecondLevelCacheOptionsBuilder.Build(cache => cache.MaxEntries(entries)).MaxEntries);

    [Theory]
    [InlineData(0, "0")]
    [InlineData(-5_000, "-5,000")]
    public void MaxEntries_out_of_its_range_is_an_error(int entries, string shown)
        => AssertError("entries", entries, $"MaxEntries is {shown}", "SecondLevelCache.Enabled", cache => cache.MaxEntries(entries));

    [Theory]
    [InlineData(1L << 10)]
    [InlineData(1L << 30)]
    public void MaxEntryBytes_may_be_at_its_bounds(long bytes)
        => Assert.Equal(bytes, SecondLevelCacheOptionsBuilder.Build(cache => cache.MaxBytes(2L << 30).MaxEntryBytes(bytes)).MaxEntryBytes);

    [Theory]
    [InlineData((1L << 10) - 1, "1,023")]
    [InlineData((1L << 30) + 1, "1,073,741,825")]
    [InlineData(0, "0")]
    [InlineData(long.MaxValue, "9,223,372,036,854,775,807")]
    public void MaxEntryBytes_out_of_its_range_is_an_error(long bytes, string shown)
        => AssertError("bytes", bytes, $"MaxEntryBytes is {shown} bytes", "MaxEntryBytes(4L << 20)", cache => cache.MaxEntryBytes(bytes));

    [Fact]
    public void An_eviction_policy_must_be_one_that_has_a_name()
    {
        Assert.All(
            Enum.GetValues<EvictionPolicy>(),
            policy => Assert.Equal(policy, SecondLevelCacheOptionsBuilder.Build(cache => cache.Eviction(policy)).Eviction));
        AssertError("policy", (EvictionPolicy)7, "Eviction is 7", "Lfu, Lru or S3Fifo", cache => cache.Eviction((EvictionPolicy)7));
    }

    public static TheoryData<TimeSpan> GoodTimes => [TimeSpan.FromMilliseconds(1), TimeSpan.FromMinutes(5), TimeSpan.FromDays(365)];

    public static TheoryData<TimeSpan, string> BadTimes => new()
    {
        { TimeSpan.Zero, "00:00:00" },
        { TimeSpan.FromTicks(-1), "-00:00:00.0000001" },
        { TimeSpan.FromTicks(9_999), "00:00:00.0009999" },
        { TimeSpan.FromDays(365) + TimeSpan.FromTicks(1), "365.00:00:00.0000001" },
        { TimeSpan.MaxValue, "10675199.02:48:05.4775807" },
        { Timeout.InfiniteTimeSpan, "-00:00:00.0010000" },
    };

    [Theory]
    [MemberData(nameof(GoodTimes))]
    public void Times_to_live_may_be_at_their_bounds(TimeSpan time)
    {
        var options = SecondLevelCacheOptionsBuilder.Build(cache => cache.DefaultTimeToLive(time).CacheQueriesOf<Product>(time));

        Assert.Equal(time, options.DefaultTimeToLive);
        Assert.Equal(time, options.EntityRules[0].TimeToLive);
    }

    [Theory]
    [MemberData(nameof(BadTimes))]
    public void A_default_time_to_live_out_of_its_range_is_an_error(TimeSpan time, string shown)
        => AssertError(
            "timeToLive", time, $"DefaultTimeToLive is {shown}", "TimeSpan.FromMinutes(5)", cache => cache.DefaultTimeToLive(time));

    [Theory]
    [MemberData(nameof(BadTimes))]
    public void A_time_to_live_of_an_entity_out_of_its_range_is_an_error(TimeSpan time, string shown)
        => AssertError(
            "timeToLive",
            time,
            $"CacheQueriesOf<Product> is {shown}",
            "TimeSpan.FromMinutes(5)",
            cache => cache.CacheQueriesOf<Product>(time));

    [Fact]
    public void Messages_are_the_same_in_every_culture()
    {
        var current = CultureInfo.CurrentCulture;
        CultureInfo.CurrentCulture = new CultureInfo("de-DE");
        try
        {
            AssertError("bytes", 1_000L, "MaxBytes is 1,000 bytes; give at least 1,048,576", "MiB", cache => cache.MaxBytes(1_000));
        }
        finally
        {
            CultureInfo.CurrentCulture = current;
        }
    }

    [Fact]
    public void Delegates_must_be_given()
    {
        Assert.Throws<ArgumentNullException>("varyBy", () => SecondLevelCacheOptionsBuilder.Build(cache => cache.VaryBy(null!)));
        Assert.Throws<ArgumentNullException>(
            "timeProvider", () => SecondLevelCacheOptionsBuilder.Build(cache => cache.UseTimeProvider(null!)));
    }

    [Fact]
    public void A_result_larger_than_the_whole_cache_is_a_contradiction_that_is_named()
    {
        var error = Assert.Throws<ArgumentException>(
            () => SecondLevelCacheOptionsBuilder.Build(cache => cache.MaxEntryBytes((1L << 20) + 1).MaxBytes(1L << 20)));

        Assert.Contains("MaxEntryBytes(1,048,577)", error.Message, StringComparison.Ordinal);
        Assert.Contains("MaxBytes(1,048,576)", error.Message, StringComparison.Ordinal);
        Assert.Contains("Lower MaxEntryBytes or raise MaxBytes", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_result_may_be_as_large_as_the_whole_cache()
    {
        var options = SecondLevelCacheOptionsBuilder.Build(cache => cache.MaxBytes(1L << 20).MaxEntryBytes(1L << 20));

        Assert.Equal(options.MaxBytes, options.MaxEntryBytes);
    }

    [Fact]
    public void Where_only_one_of_the_two_is_given_the_default_of_the_other_gives_way()
    {
        Assert.Equal(1 << 20, SecondLevelCacheOptionsBuilder.Build(cache => cache.MaxBytes(1L << 20)).MaxEntryBytes);

        var large = SecondLevelCacheOptionsBuilder.Build(cache => cache.MaxEntryBytes(1L << 30));
        Assert.True(large.MaxEntryBytes <= large.MaxBytes);
    }

    // Contexts of equal settings share a cache.

    [Fact]
    public void Settings_made_twice_by_one_lambda_are_equal()
    {
        var (one, other) = (SecondLevelCacheOptionsBuilder.Build(Everything), SecondLevelCacheOptionsBuilder.Build(Everything));

        Assert.NotSame(one, other);
        Assert.Equal(one, other);
        Assert.Equal(one.GetHashCode(), other.GetHashCode());
    }

    [Fact]
    public void A_lambda_that_captures_nothing_is_equal_to_itself_each_time_it_is_met()
    {
        static SecondLevelCacheOptions Configure()
            => SecondLevelCacheOptionsBuilder.Build(cache => cache.VaryBy(context => context.GetType().Name));

        Assert.Equal(Configure(), Configure());
    }

    [Fact]
    public void A_lambda_that_captures_is_equal_where_it_captured_the_same_object()
    {
        var tenants = new Tenants("a");
        SecondLevelCacheOptions Configure(Tenants of) => SecondLevelCacheOptionsBuilder.Build(cache => cache.VaryBy(of.Of));

        Assert.Equal(Configure(tenants), Configure(tenants));
        Assert.NotEqual(Configure(tenants), Configure(new Tenants("a")));
    }

    [Fact]
    public void A_lambda_that_captures_a_variable_differs_from_call_to_call()
    {
        static SecondLevelCacheOptions Configure(string tenant) => SecondLevelCacheOptionsBuilder.Build(cache => cache.VaryBy(_ => tenant));

        Assert.NotEqual(Configure("a"), Configure("b"));
    }

    [Fact]
    public void Settings_that_differ_in_anything_are_not_equal()
    {
        Action<SecondLevelCacheOptionsBuilder>?[] all =
        [
            null,
            cache => cache.MaxBytes(65L << 20),
            cache => cache.MaxEntries(1_001),
            cache => cache.MaxEntryBytes(2L << 20),
            cache => cache.Eviction(EvictionPolicy.Lru),
            cache => cache.DefaultTimeToLive(TimeSpan.FromMinutes(6)),
            cache => cache.CacheAllQueries(),
            cache => cache.CacheQueriesOf<Product>(),
            cache => cache.CacheQueriesOf<Product>(TimeSpan.FromMinutes(1)),
            cache => cache.CacheQueriesOf<Order>(),
            cache => cache.NeverCache<Product>(),
            cache => cache.CacheQueriesOf<Product>().NeverCache<Order>(),
            cache => cache.VaryBy(TenantOf),
            cache => cache.UniformSessions(),
            cache => cache.UseTimeProvider(Time),
        ];

        Assert.Distinct(all.Select(SecondLevelCacheOptionsBuilder.Build));
    }

    private static string? TenantOf(DbContext context) => context.ToString();

    private static void AssertError(
        string parameter, object value, string problem, string wayOut, Action<SecondLevelCacheOptionsBuilder> configure)
    {
        var error = Assert.Throws<ArgumentOutOfRangeException>(parameter, () => SecondLevelCacheOptionsBuilder.Build(configure));
        Assert.Equal(value, error.ActualValue);
        Assert.Contains(problem, error.Message, StringComparison.Ordinal);
        Assert.Contains(wayOut, error.Message, StringComparison.Ordinal);
    }

    private sealed class Tenants(string name)
    {
        public string? Of(DbContext context) => name;
    }

    private sealed class OtherTime : TimeProvider;
}
