using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.Extensions.DependencyInjection;

namespace EfSecondLevelCache.IntegrationTests.Serving;

/// <summary>How a context gets its cache, and what a user is told who configures it wrongly.</summary>
public sealed class ConfigurationTests(ShopDatabase database) : ShopTests(database)
{
    public static TheoryData<string> BadSettings => [.. BadSettingsByName.Keys];

    private static Dictionary<string, (Action<SecondLevelCacheOptionsBuilder> Set, string Setting, string Value)> BadSettingsByName
    { get; } = new()
    {
        ["no bytes"] = (c => c.MaxBytes(0), "MaxBytes", "0"),
        ["negative bytes"] = (c => c.MaxBytes(-5), "MaxBytes", "-5"),
        ["no entries"] = (c => c.MaxEntries(0), "MaxEntries", "0"),
        ["negative entries"] = (c => c.MaxEntries(-1), "MaxEntries", "-1"),
        ["no bytes of an entry"] = (c => c.MaxEntryBytes(0), "MaxEntryBytes", "0"),
        ["entry larger than everything"] = (c => c.MaxBytes(1 << 20).MaxEntryBytes(2 << 20), "MaxEntryBytes", "2,097,152"),
        ["no time to live"] = (c => c.DefaultTimeToLive(TimeSpan.Zero), "DefaultTimeToLive", "00:00:00"),
        ["negative time to live"] = (c => c.DefaultTimeToLive(TimeSpan.FromSeconds(-1)), "DefaultTimeToLive", "-00:00:01"),
        ["endless time to live"] = (c => c.DefaultTimeToLive(TimeSpan.MaxValue), "DefaultTimeToLive", "10675199"),
        ["rule without a time to live"] = (c => c.CacheQueriesOf<Order>(TimeSpan.Zero), "CacheQueriesOf<Order>", "00:00:00"),
    };

    [Theory]
    [MemberData(nameof(BadSettings))]
    public void A_bad_setting_is_named_with_its_value(string name)
    {
        var (set, setting, value) = BadSettingsByName[name];
        var options = new DbContextOptionsBuilder().UseNpgsql(Tap.ConnectionString);
        foreach (var configure in (Func<object>[])[() => new SecondLevelCache(set), () => options.AddSecondLevelCache(set)])
        {
            var e = Assert.ThrowsAny<ArgumentException>(configure);
            Assert.Contains(setting, e.Message, StringComparison.Ordinal);
            Assert.Contains(value, e.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_bad_setting_of_a_query_is_named_with_its_value()
    {
        await using var cache = new SecondLevelCache();
        await using var db = Open(cache);
        AssertNamed("TimeToLive", "00:00:00", () => db.Products.Cacheable(TimeSpan.Zero));
        AssertNamed("TimeToLive", "-00:00:05", () => db.Products.Cacheable(q => q.TimeToLive(TimeSpan.FromSeconds(-5))));
        AssertNamed("Sliding", "00:00:00", () => db.Products.Cacheable(q => q.Sliding(TimeSpan.Zero)));
        AssertNamed("MaxCachedRows", "-1", () => db.Products.Cacheable(q => q.MaxCachedRows(-1)));
        Assert.ThrowsAny<ArgumentException>(() => db.Products.Cacheable(q => q.Tag(" ")));
        Assert.ThrowsAny<ArgumentException>(() => db.Products.Cacheable(q => q.DependsOn("")));
        Assert.ThrowsAny<ArgumentException>(() => db.Products.Cacheable((Action<QueryCachePolicyBuilder>)null!));

        static void AssertNamed(string setting, string value, Func<object> mark)
        {
            var e = Assert.ThrowsAny<ArgumentException>(mark);
            Assert.Contains(setting, e.Message, StringComparison.OrdinalIgnoreCase);
            Assert.Contains(value, e.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task An_unknown_table_in_DependsOn_is_named()
    {
        await using var cache = new SecondLevelCache();
        await using var db = Open(cache);
        var e = await Assert.ThrowsAnyAsync<Exception>(() => db.Products.Cacheable(q => q.DependsOn("no_such_table")).CountAsync());
        Assert.True(e is InvalidOperationException or ArgumentException, $"{e}");
        Assert.Contains("DependsOn", e.Message, StringComparison.Ordinal);
        Assert.Contains("no_such_table", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_cache_without_Npgsql_is_an_error_that_says_so()
    {
        var e = Assert.Throws<InvalidOperationException>(() =>
        {
            using var db = new ShopContext(new DbContextOptionsBuilder<ShopContext>().AddSecondLevelCache(c => c.MaxEntries(7)).Options);
            return db.Products.ToList();
        });
        Assert.Contains("UseNpgsql", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Two_different_caches_on_one_builder_are_an_error()
    {
        await using var one = new SecondLevelCache();
        await using var two = new SecondLevelCache();
        var e = Assert.Throws<InvalidOperationException>(
            () => new DbContextOptionsBuilder().UseNpgsql(Tap.ConnectionString).AddSecondLevelCache(one).AddSecondLevelCache(two));
        Assert.Contains("AddSecondLevelCache", e.Message, StringComparison.Ordinal);
        Assert.Throws<InvalidOperationException>(() => new DbContextOptionsBuilder().UseNpgsql(Tap.ConnectionString)
            .AddSecondLevelCache(c => c.MaxEntries(5)).AddSecondLevelCache(c => c.MaxEntries(6)));

        // The same twice is not.
        new DbContextOptionsBuilder().UseNpgsql(Tap.ConnectionString).AddSecondLevelCache(one).AddSecondLevelCache(one);
        new DbContextOptionsBuilder().UseNpgsql(Tap.ConnectionString)
            .AddSecondLevelCache(c => c.MaxEntries(5)).AddSecondLevelCache(c => c.MaxEntries(5));
    }

    [Fact]
    public void Contexts_with_equal_settings_share_a_cache_and_others_do_not()
    {
        using var one = WithSettings(c => c.MaxEntries(1001).CacheQueriesOf<Order>());
        using var same = WithSettings(c => c.CacheQueriesOf<Order>().MaxEntries(1001));
        using var other = WithSettings(c => c.MaxEntries(1002).CacheQueriesOf<Order>());
        Assert.NotNull(one.Database.GetSecondLevelCache());
        Assert.Same(one.Database.GetSecondLevelCache(), same.Database.GetSecondLevelCache());
        Assert.NotSame(one.Database.GetSecondLevelCache(), other.Database.GetSecondLevelCache());

        using var plain = new ShopContext(new DbContextOptionsBuilder().UseNpgsql(Tap.ConnectionString).AddSecondLevelCache().Options);
        using var plainAgain = new ShopContext(new DbContextOptionsBuilder().AddSecondLevelCache().UseNpgsql(Tap.ConnectionString).Options);
        Assert.NotNull(plain.Database.GetSecondLevelCache());
        Assert.Same(plain.Database.GetSecondLevelCache(), plainAgain.Database.GetSecondLevelCache());

        ShopContext WithSettings(Action<SecondLevelCacheOptionsBuilder> configure)
            => new(new DbContextOptionsBuilder<ShopContext>().UseNpgsql(Tap.ConnectionString).AddSecondLevelCache(configure).Options);
    }

    [Fact]
    public async Task A_context_that_configures_itself_finds_the_same_cache_each_time()
    {
        await using var first = new SelfConfigured(Tap.ConnectionString);
        await first.Products.Cacheable(q => q.VaryBy(Database.Tap.ConnectionString)).CountAsync();
        await using var second = new SelfConfigured(Tap.ConnectionString);
        await HitAsync(() => second.Products.Cacheable(q => q.VaryBy(Database.Tap.ConnectionString)).CountAsync());
        Assert.Same(first.Database.GetSecondLevelCache(), second.Database.GetSecondLevelCache());
    }

    [Fact]
    public async Task An_application_s_contexts_share_the_cache_of_its_services()
    {
        await using var services = new ServiceCollection()
            .AddSecondLevelCache(c => c.MaxEntries(77))
            .AddDbContext<PlainContext>(o => o.UseNpgsql(Tap.ConnectionString).AddSecondLevelCache())
            .AddDbContextFactory<FactoryContext>(o => o.UseNpgsql(Tap.ConnectionString).AddSecondLevelCache())
            .AddDbContextPool<PooledContext>(o => o.UseNpgsql(Tap.ConnectionString).AddSecondLevelCache())
            .BuildServiceProvider();
        var cache = services.GetRequiredService<SecondLevelCache>();

        for (var i = 0; i < 2; i++)
        {
            Func<Func<Task<int>>, Task<int>> from = i == 0 ? MissAsync : HitAsync;
            await using var scope = services.CreateAsyncScope();
            var plain = scope.ServiceProvider.GetRequiredService<PlainContext>();
            await using var made = await services.GetRequiredService<IDbContextFactory<FactoryContext>>().CreateDbContextAsync();
            var pooled = scope.ServiceProvider.GetRequiredService<PooledContext>();
            foreach (var db in (ShopContext[])[plain, made, pooled])
            {
                Assert.Same(cache, db.Database.GetSecondLevelCache());
                await from(() => db.Products.Cacheable().CountAsync());
            }
        }

        Assert.Equal(3, cache.Statistics.Hits);
    }

    [Fact]
    public async Task Two_applications_do_not_share_a_cache()
    {
        await using var one = Application();
        await using var two = Application();
        Assert.NotSame(one.GetRequiredService<SecondLevelCache>(), two.GetRequiredService<SecondLevelCache>());
        await using var scopeOfOne = one.CreateAsyncScope();
        await using var scopeOfTwo = two.CreateAsyncScope();
        await MissAsync(() => scopeOfOne.ServiceProvider.GetRequiredService<PlainContext>().Products.Cacheable().CountAsync());
        await MissAsync(() => scopeOfTwo.ServiceProvider.GetRequiredService<PlainContext>().Products.Cacheable().CountAsync());

        ServiceProvider Application() => new ServiceCollection().AddSecondLevelCache()
            .AddDbContext<PlainContext>(o => o.UseNpgsql(Tap.ConnectionString).AddSecondLevelCache()).BuildServiceProvider();
    }

    [Fact]
    public void A_bad_setting_of_the_services_is_an_error_at_start()
        => Assert.Contains(
            "MaxEntries",
            Assert.ThrowsAny<ArgumentException>(() => new ServiceCollection().AddSecondLevelCache(c => c.MaxEntries(0))).Message,
            StringComparison.Ordinal);

    [Fact]
    public async Task Many_caches_do_not_make_many_internal_service_providers()
    {
        // EF Core refuses to make more than twenty.
        for (var i = 0; i < 30; i++)
        {
            await using var cache = new SecondLevelCache();
            await using var db = Open(cache);
            Assert.Equal(40, await db.Products.Cacheable().CountAsync());
        }
    }

    private sealed class PlainContext(DbContextOptions<PlainContext> options) : ShopContext(options);

    private sealed class FactoryContext(DbContextOptions<FactoryContext> options) : ShopContext(options);

    private sealed class PooledContext(DbContextOptions<PooledContext> options) : ShopContext(options);

    private sealed class SelfConfigured(string connectionString) : ShopContext(new DbContextOptions<SelfConfigured>())
    {
        protected override void OnConfiguring(DbContextOptionsBuilder optionsBuilder)
            => optionsBuilder.UseNpgsql(connectionString).AddSecondLevelCache(c => c.MaxEntries(4242).VaryBy(_ => "mine"));
    }
}
