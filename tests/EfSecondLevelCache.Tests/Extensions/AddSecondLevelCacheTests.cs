using EfSecondLevelCache.EntityFramework;
using EfSecondLevelCache.Tests.Support;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Storage;
using Microsoft.Extensions.DependencyInjection;

namespace EfSecondLevelCache.Tests.Extensions;

public class AddSecondLevelCacheTests
{
    [Fact]
    public void A_context_finds_its_cache()
    {
        using var context = new ShopContext();

        Assert.NotNull(context.Database.GetSecondLevelCache());
        Assert.Same(context.Database.GetSecondLevelCache(), context.Database.GetSecondLevelCache());
    }

    [Fact]
    public void A_context_without_a_cache_finds_none()
    {
        using var context = ShopContext.WithoutCache();

        Assert.Null(context.Database.GetSecondLevelCache());
    }

    [Fact]
    public void It_may_stand_before_or_after_the_provider()
    {
        using var after = new ShopContext(options => options.UseNpgsql(ShopContext.ConnectionString).AddSecondLevelCache());
        using var before = new ShopContext(options => options.AddSecondLevelCache().UseNpgsql(ShopContext.ConnectionString));

        Assert.Same(after.Database.GetSecondLevelCache(), before.Database.GetSecondLevelCache());
        Assert.Equal(QueryCacheOutcome.Miss, after.Products.Cacheable().ExplainCache().Outcome);
        Assert.Equal(QueryCacheOutcome.Miss, before.Products.Cacheable().ExplainCache().Outcome);
    }

    [Fact]
    public async Task Each_overload_leaves_its_builder_for_the_next_call()
    {
        await using var cache = new SecondLevelCache();
        DbContextOptionsBuilder plain = new DbContextOptionsBuilder();
        Assert.Same(plain, plain.AddSecondLevelCache());
        plain = new DbContextOptionsBuilder();
        Assert.Same(plain, plain.AddSecondLevelCache(c => c.MaxEntries(5)));
        plain = new DbContextOptionsBuilder();
        Assert.Same(plain, plain.AddSecondLevelCache(cache));

        // The options of a generic builder stay those of its context.
        DbContextOptions<ShopContext>[] options =
        [
            new DbContextOptionsBuilder<ShopContext>().UseNpgsql().AddSecondLevelCache().Options,
            new DbContextOptionsBuilder<ShopContext>().UseNpgsql().AddSecondLevelCache(c => c.MaxEntries(5)).Options,
            new DbContextOptionsBuilder<ShopContext>().UseNpgsql().AddSecondLevelCache(cache).Options,
        ];
        Assert.Equal(5, CacheOf(options[1]).Options.MaxEntries);
        Assert.Same(cache, CacheOf(options[2]));
        Assert.Distinct(options.Select(CacheOf));
    }

    [Fact]
    public void Null_is_an_error_that_names_the_parameter()
    {
        var options = new DbContextOptionsBuilder();

        Assert.Throws<ArgumentNullException>("configure", () => options.AddSecondLevelCache((Action<SecondLevelCacheOptionsBuilder>)null!));
        Assert.Throws<ArgumentNullException>("cache", () => options.AddSecondLevelCache((SecondLevelCache)null!));
        Assert.Throws<ArgumentNullException>("optionsBuilder", () => ((DbContextOptionsBuilder)null!).AddSecondLevelCache());
        Assert.Throws<ArgumentNullException>("services", () => ((IServiceCollection)null!).AddSecondLevelCache());
        Assert.Throws<ArgumentNullException>("database", () => ((DatabaseFacade)null!).GetSecondLevelCache());
    }

    [Fact]
    public void Twice_the_same_is_once()
    {
        using var cache = new SyncDisposed();
        Configure(options => options.AddSecondLevelCache().AddSecondLevelCache());
        Configure(options => options.AddSecondLevelCache(FiveEntries).AddSecondLevelCache(FiveEntries));
        Configure(options => options.AddSecondLevelCache(c => c.MaxEntries(5)).AddSecondLevelCache(c => c.MaxEntries(5)));
        Configure(options => options.AddSecondLevelCache(cache.Cache).AddSecondLevelCache(cache.Cache));

        static void FiveEntries(SecondLevelCacheOptionsBuilder cache) => cache.MaxEntries(5);
    }

    [Fact]
    public void Twice_with_different_settings_is_an_error_that_shows_both()
    {
        using var cache = new SyncDisposed();
        using var other = new SyncDisposed();
        Action<DbContextOptionsBuilder>[] all =
        [
            options => options.AddSecondLevelCache(c => c.MaxEntries(5)).AddSecondLevelCache(c => c.MaxEntries(7)),
            options => options.AddSecondLevelCache().AddSecondLevelCache(c => c.MaxEntries(7)),
            options => options.AddSecondLevelCache(c => c.MaxEntries(5)).AddSecondLevelCache(),
            options => options.AddSecondLevelCache(cache.Cache).AddSecondLevelCache(),
            options => options.AddSecondLevelCache(cache.Cache).AddSecondLevelCache(other.Cache),
            options => options.AddSecondLevelCache(c => c.MaxEntries(5)).AddSecondLevelCache(cache.Cache),
        ];

        var messages = all.Select(configure => Assert.Throws<InvalidOperationException>(() => Configure(configure)).Message).ToArray();

        const string Start = "AddSecondLevelCache was called twice with different settings: first ";
        Assert.All(messages, message => Assert.StartsWith(Start, message, StringComparison.Ordinal));
        Assert.All(messages, message => Assert.EndsWith("Call it once.", message, StringComparison.Ordinal));
        Assert.Contains("MaxEntries = 5", messages[0], StringComparison.Ordinal);
        Assert.Contains("MaxEntries = 7", messages[0], StringComparison.Ordinal);
        Assert.Contains("the default cache", messages[1], StringComparison.Ordinal);
        Assert.Contains("an instance made by hand", messages[3], StringComparison.Ordinal);
    }

    [Fact]
    public void A_wrong_setting_is_an_error_where_it_stands()
        => Assert.Throws<ArgumentOutOfRangeException>(
            () => Configure(options => options.AddSecondLevelCache(cache => cache.MaxEntries(0))));

    [Fact]
    public void Without_a_provider_the_error_names_UseNpgsql()
    {
        using var context = new ShopContext(options => options.AddSecondLevelCache());

        var error = Assert.Throws<InvalidOperationException>(() => context.Model);

        Assert.Contains("AddSecondLevelCache needs a database provider", error.Message, StringComparison.Ordinal);
        Assert.Contains("UseNpgsql(...)", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void With_another_provider_the_error_names_it_and_UseNpgsql()
    {
        using var context = new ShopContext(options =>
        {
            ((IDbContextOptionsBuilderInfrastructure)options).AddOrUpdateExtension(new OtherProvider());
            options.AddSecondLevelCache();
        });

        var error = Assert.Throws<InvalidOperationException>(() => context.Model);

        Assert.Contains("AddSecondLevelCache works with PostgreSQL only", error.Message, StringComparison.Ordinal);
        Assert.Contains("OtherDb", error.Message, StringComparison.Ordinal);
        Assert.Contains("UseNpgsql(...)", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Contexts_of_equal_settings_share_a_cache_and_others_do_not()
    {
        static ShopContext Make(int entries) => ShopContext.With(cache => cache.MaxEntries(entries));
        using var one = Make(11);
        using var same = Make(11);
        using var other = Make(12);

        Assert.Same(one.Database.GetSecondLevelCache(), same.Database.GetSecondLevelCache());
        Assert.NotSame(one.Database.GetSecondLevelCache(), other.Database.GetSecondLevelCache());
    }

    /// <summary>EF Core refuses to go on after 20 internal service providers.</summary>
    [Fact]
    public void Any_number_of_caches_shares_one_internal_service_provider()
    {
        var factories = new HashSet<IRelationalCommandBuilderFactory>();
        var caches = new HashSet<SecondLevelCache>();
        for (var i = 0; i < 30; i++)
        {
            var entries = 100 + i;
            using var context = ShopContext.With(cache => cache.MaxEntries(entries).VaryBy(_ => $"{entries}"));
            factories.Add(context.GetService<IRelationalCommandBuilderFactory>());
            caches.Add(context.Database.GetSecondLevelCache()!);
        }

        Assert.Equal(30, caches.Count);
        Assert.Single(factories);
    }

    [Fact]
    public void The_cache_shows_in_the_log_of_a_contexts_options()
    {
        var options = new DbContextOptionsBuilder().UseNpgsql().AddSecondLevelCache(cache => cache.MaxEntries(5)).Options;
        var info = options.FindExtension<SecondLevelCacheOptionsExtension>()!.Info;
        var debug = new Dictionary<string, string>();
        info.PopulateDebugInfo(debug);

        Assert.False(info.IsDatabaseProvider);
        Assert.Equal("using SecondLevelCache ", info.LogFragment);
        Assert.Contains("MaxEntries = 5", debug["SecondLevelCache"], StringComparison.Ordinal);
    }

    // services.AddSecondLevelCache

    [Fact]
    public async Task The_cache_of_the_services_is_the_one_of_their_contexts()
    {
        await using var services = new ServiceCollection()
            .AddSecondLevelCache(cache => cache.MaxEntries(21))
            .AddDbContext<AppContext>(options => options.UseNpgsql(ShopContext.ConnectionString).AddSecondLevelCache())
            .BuildServiceProvider();
        await using var scope = services.CreateAsyncScope();

        var cache = scope.ServiceProvider.GetRequiredService<AppContext>().Database.GetSecondLevelCache();

        Assert.Same(services.GetRequiredService<SecondLevelCache>(), cache);
        Assert.Equal(21, cache!.Options.MaxEntries);
    }

    [Fact]
    public async Task Two_applications_in_one_process_have_a_cache_each()
    {
        static ServiceProvider Application() => new ServiceCollection()
            .AddSecondLevelCache()
            .AddDbContextPool<AppContext>(options => options.UseNpgsql(ShopContext.ConnectionString).AddSecondLevelCache())
            .BuildServiceProvider();
        await using var one = Application();
        await using var other = Application();
        await using var scope = one.CreateAsyncScope();
        await using var otherScope = other.CreateAsyncScope();

        var cache = scope.ServiceProvider.GetRequiredService<AppContext>().Database.GetSecondLevelCache();
        var otherCache = otherScope.ServiceProvider.GetRequiredService<AppContext>().Database.GetSecondLevelCache();

        Assert.Same(one.GetRequiredService<SecondLevelCache>(), cache);
        Assert.Same(other.GetRequiredService<SecondLevelCache>(), otherCache);
        Assert.NotSame(cache, otherCache);
    }

    [Fact]
    public async Task A_context_that_names_its_own_settings_does_not_use_the_cache_of_the_services()
    {
        await using var services = new ServiceCollection()
            .AddSecondLevelCache(cache => cache.MaxEntries(22))
            .AddDbContext<AppContext>(
                options => options.UseNpgsql(ShopContext.ConnectionString).AddSecondLevelCache(cache => cache.MaxEntries(23)))
            .BuildServiceProvider();
        await using var scope = services.CreateAsyncScope();

        Assert.Equal(23, scope.ServiceProvider.GetRequiredService<AppContext>().Database.GetSecondLevelCache()!.Options.MaxEntries);
    }

    [Fact]
    public async Task Services_without_a_cache_leave_contexts_the_process_default()
    {
        await using var services = new ServiceCollection()
            .AddDbContext<AppContext>(options => options.UseNpgsql(ShopContext.ConnectionString).AddSecondLevelCache())
            .BuildServiceProvider();
        await using var scope = services.CreateAsyncScope();
        using var configuresItself = new ShopContext();

        var cache = scope.ServiceProvider.GetRequiredService<AppContext>().Database.GetSecondLevelCache();

        Assert.Same(configuresItself.Database.GetSecondLevelCache(), cache);
    }

    [Fact]
    public void A_wrong_setting_of_the_services_is_an_error_at_start()
        => Assert.Throws<ArgumentOutOfRangeException>(() => new ServiceCollection().AddSecondLevelCache(cache => cache.MaxBytes(1)));

    [Fact]
    public async Task Services_that_are_given_the_same_settings_twice_have_one_cache()
    {
        await using var services = new ServiceCollection()
            .AddSecondLevelCache(cache => cache.MaxEntries(5)).AddSecondLevelCache(cache => cache.MaxEntries(5))
            .BuildServiceProvider();

        Assert.Equal(5, Assert.Single(services.GetServices<SecondLevelCache>()).Options.MaxEntries);
    }

    [Fact]
    public void Services_that_are_given_different_settings_are_an_error_that_shows_both()
    {
        var services = new ServiceCollection().AddSecondLevelCache(cache => cache.MaxEntries(5));

        var message = Assert.Throws<InvalidOperationException>(() => services.AddSecondLevelCache(cache => cache.MaxEntries(7))).Message;

        Assert.Contains("MaxEntries = 5", message, StringComparison.Ordinal);
        Assert.Contains("MaxEntries = 7", message, StringComparison.Ordinal);
        Assert.Contains("Call it once", message, StringComparison.Ordinal);
        Assert.Throws<InvalidOperationException>(() => services.AddSecondLevelCache());
    }

    [Fact]
    public async Task Services_that_have_a_cache_made_by_hand_take_no_other_settings()
    {
        await using var cache = new SecondLevelCache(c => c.MaxEntries(5));
        var services = new ServiceCollection().AddSingleton(cache);

        services.AddSecondLevelCache(c => c.MaxEntries(5));
        var message = Assert.Throws<InvalidOperationException>(() => services.AddSecondLevelCache(c => c.MaxEntries(7))).Message;

        Assert.Contains("MaxEntries = 5", message, StringComparison.Ordinal);
        Assert.Single(services);
    }

    [Fact]
    public async Task The_services_dispose_their_cache()
    {
        var services = new ServiceCollection().AddSecondLevelCache().BuildServiceProvider();
        var cache = services.GetRequiredService<SecondLevelCache>();

        await services.DisposeAsync();

        Assert.True(cache.IsDisposed);
    }

    [Fact]
    public void Services_that_are_disposed_synchronously_dispose_their_cache_too()
    {
        var services = new ServiceCollection().AddSecondLevelCache().BuildServiceProvider();
        var cache = services.GetRequiredService<SecondLevelCache>();

        services.Dispose();

        Assert.True(cache.IsDisposed);
    }

    private static DbContextOptions Configure(Action<DbContextOptionsBuilder> configure)
    {
        var options = new DbContextOptionsBuilder().UseNpgsql();
        configure(options);
        return options.Options;
    }

    private static SecondLevelCache CacheOf(DbContextOptions options)
        => options.FindExtension<SecondLevelCacheOptionsExtension>()!.CacheFor(options);

    private sealed class AppContext(DbContextOptions<AppContext> options) : DbContext(options);

    /// <summary>For tests that wait for nothing.</summary>
    private sealed class SyncDisposed : IDisposable
    {
        public SecondLevelCache Cache { get; } = new();

        public void Dispose() => Cache.DisposeAsync().AsTask().GetAwaiter().GetResult();
    }

    private sealed class OtherProvider : IDbContextOptionsExtension
    {
        public DbContextOptionsExtensionInfo Info => new OtherInfo(this);

        public void ApplyServices(IServiceCollection services)
        {
        }

        public void Validate(IDbContextOptions options)
        {
        }

        private sealed class OtherInfo(IDbContextOptionsExtension extension) : DbContextOptionsExtensionInfo(extension)
        {
            public override bool IsDatabaseProvider => true;

            public override string LogFragment => "using OtherDb ";

            public override int GetServiceProviderHashCode() => 1;

            public override bool ShouldUseSameServiceProvider(DbContextOptionsExtensionInfo other) => other is OtherInfo;

            public override void PopulateDebugInfo(IDictionary<string, string> debugInfo)
            {
            }
        }
    }
}
