using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.Extensions.Time.Testing;

namespace EfSecondLevelCache.IntegrationTests.Serving;

/// <summary>Which queries are cached.</summary>
public sealed class PolicyTests(ShopDatabase database) : ShopTests(database)
{
    [Fact]
    public async Task A_query_that_nobody_marked_is_not_cached()
    {
        await using var cache = new SecondLevelCache();
        await MissAsync(cache, db => db.Products.CountAsync());
        await MissAsync(cache, db => db.Products.CountAsync());
        var statistics = cache.Statistics;
        Assert.Equal((0, 0, 0, 0), (statistics.Hits, statistics.Misses, statistics.Fills, statistics.Refusals));
    }

    [Fact]
    public async Task NotCacheable_wins_over_every_Cacheable()
    {
        await using var cache = new SecondLevelCache(c => c.CacheAllQueries().CacheQueriesOf<Product>());
        for (var i = 0; i < 2; i++)
        {
            await MissAsync(cache, db => db.Products.NotCacheable().CountAsync());
            await MissAsync(cache, db => db.Products.Cacheable().NotCacheable().CountAsync());
            await MissAsync(cache, db => db.Products.NotCacheable().Where(p => p.Id > 3).Cacheable(TimeSpan.FromHours(1)).CountAsync());
        }

        Assert.Equal(0, cache.Statistics.Fills);
    }

    [Fact]
    public async Task A_query_marked_twice_takes_the_last_mark()
    {
        var clock = new FakeTimeProvider();
        await using var cache = new SecondLevelCache(c => c.UseTimeProvider(clock));
        await MissAsync(cache, ReadAsync);
        clock.Advance(TimeSpan.FromSeconds(5));
        await MissAsync(cache, ReadAsync);

        static Task<int> ReadAsync(ShopContext db)
            => db.Products.Cacheable(TimeSpan.FromHours(1)).Where(p => p.Id > 2).Cacheable(TimeSpan.FromSeconds(5)).CountAsync();
    }

    [Fact]
    public async Task CacheAllQueries_caches_what_nobody_marked()
    {
        await using var cache = new SecondLevelCache(c => c.CacheAllQueries());
        await MissAsync(cache, db => db.Products.CountAsync());
        await HitAsync(cache, db => db.Products.CountAsync());
        await MissAsync(cache, async db => await db.Products.FindAsync(3));
        await HitAsync(cache, async db => await db.Products.FindAsync(3));
        await MissAsync(cache, db => db.Database.SqlQuery<int>($"""SELECT "Id" AS "Value" FROM orders""").ToListAsync());
        await HitAsync(cache, db => db.Database.SqlQuery<int>($"""SELECT "Id" AS "Value" FROM orders""").ToListAsync());
    }

    [Fact]
    public async Task CacheQueriesOf_caches_every_query_that_reads_the_table_and_no_other()
    {
        await using var cache = new SecondLevelCache(c => c.CacheQueriesOf<Category>());
        for (var i = 0; i < 2; i++)
        {
            Func<SecondLevelCache, Func<ShopContext, Task<bool>>, Task<bool>> from = i == 0 ? MissAsync : HitAsync;
            await from(cache, db => db.Categories.AnyAsync());
            await from(cache, async db => await db.Categories.FindAsync(1) is not null);
            await from(cache, async db => (await db.Products.Include(p => p.Category).ToListAsync()).Count > 0);
            await from(cache, db => db.Products.AnyAsync(p => p.Category!.Name == "Category 2"));
            await from(cache, async db => (await db.Categories.FromSql($"SELECT * FROM categories").ToListAsync()).Count > 0);
            await MissAsync(cache, db => db.Products.AnyAsync());
            await MissAsync(cache, async db => await db.Orders.FindAsync(1));
        }
    }

    [Fact]
    public async Task NeverCache_wins_over_everything()
    {
        await using var cache = new SecondLevelCache(c => c.CacheAllQueries().CacheQueriesOf<Order>().NeverCache<Order>());
        for (var i = 0; i < 2; i++)
        {
            await MissAsync(cache, db => db.Orders.Cacheable().CountAsync());
            await MissAsync(cache, async db => await db.Orders.FindAsync(2));
            await MissAsync(cache, db => db.Products.Where(p => db.Orders.Any(o => o.ProductId == p.Id)).Cacheable().ToListAsync());
            await MissAsync(cache, db => db.Products.Join(db.Orders, p => p.Id, o => o.ProductId, (p, o) => o.Quantity).ToListAsync());
        }

        await MissAsync(cache, db => db.Products.CountAsync());
        await HitAsync(cache, db => db.Products.CountAsync());
    }

    [Fact]
    public async Task The_migrations_history_is_never_cached()
    {
        await using var cache = new SecondLevelCache(c => c.CacheAllQueries());
        await using var db = Open(cache);
        await db.Database.ExecuteSqlRawAsync(
            """
            CREATE TABLE IF NOT EXISTS "__EFMigrationsHistory" ("MigrationId" varchar(150) PRIMARY KEY, "ProductVersion" varchar(32));
            DELETE FROM "__EFMigrationsHistory"
            """);
        Assert.Empty(await db.Database.GetAppliedMigrationsAsync());
        await Database.ExecuteAsync("""INSERT INTO "__EFMigrationsHistory" VALUES ('1_first', '10')""");
        Assert.Single(await db.Database.GetAppliedMigrationsAsync());
        Assert.Equal("1_first", await db.Database.SqlQuery<string>($"""SELECT "MigrationId" AS "Value" FROM "__EFMigrationsHistory" """)
            .SingleAsync());
        await Database.ExecuteAsync("""DELETE FROM "__EFMigrationsHistory" """);
        Assert.Empty(await db.Database.SqlQuery<string>($"""SELECT "MigrationId" AS "Value" FROM "__EFMigrationsHistory" """)
            .ToListAsync());
    }

    [Fact]
    public async Task The_kill_switch_sends_queries_to_the_database_and_misses_no_change()
    {
        await using var cache = new SecondLevelCache();
        await MissAsync(cache, db => db.Products.Cacheable().CountAsync());
        await MissAsync(cache, db => db.Categories.Where(c => c.Id == 1).Select(c => c.Name).Cacheable().SingleAsync());

        cache.Enabled = false;
        await MissAsync(cache, db => db.Products.Cacheable().CountAsync());
        await MissAsync(cache, db => db.Orders.Cacheable().CountAsync());
        await using (var db = Open(cache))
        {
            (await db.Categories.SingleAsync(c => c.Id == 1)).Name = "renamed while off";
            await db.SaveChangesAsync();
        }

        cache.Enabled = true;
        await HitAsync(cache, db => db.Products.Cacheable().CountAsync());
        await MissAsync(cache, db => db.Orders.Cacheable().CountAsync());
        Assert.Equal("renamed while off", await MissAsync(
            cache, db => db.Categories.Where(c => c.Id == 1).Select(c => c.Name).Cacheable().SingleAsync()));
    }

    [Fact]
    public async Task After_the_cache_is_disposed_queries_go_on_without_it()
    {
        var cache = new SecondLevelCache();
        await MissAsync(cache, db => db.Products.Cacheable().CountAsync());
        await cache.DisposeAsync();
        await MissAsync(cache, db => db.Products.Cacheable().CountAsync());
        await MissAsync(cache, db => db.Products.Cacheable().CountAsync());
        await using var db = Open(cache);
        Assert.Equal(1, await db.Orders.Where(o => o.Id == 1).ExecuteUpdateAsync(s => s.SetProperty(o => o.Quantity, 1)));
        await cache.DisposeAsync();
    }

    [Fact]
    public async Task A_query_with_no_table_is_cached()
    {
        await using var cache = new SecondLevelCache();
        Assert.Equal(42, await MissAsync(cache, db => db.Database.SqlQuery<int>($"""SELECT 42 AS "Value" """).Cacheable().SingleAsync()));
        Assert.Equal(42, await HitAsync(cache, db => db.Database.SqlQuery<int>($"""SELECT 42 AS "Value" """).Cacheable().SingleAsync()));
    }

    [Fact]
    public void A_mark_on_a_query_that_is_not_of_EF_Core_is_ignored()
    {
        var numbers = new[] { 1, 2, 3 }.AsQueryable();
        Assert.Equal([2, 3], numbers.Cacheable().Where(n => n > 1).Cacheable(TimeSpan.FromSeconds(1)).NotCacheable());
        Assert.Equal([1, 2, 3], numbers.Cacheable(q => q.Tag("t").VaryBy("v")));
    }

    [Fact]
    public async Task Cacheable_is_no_part_of_what_EF_Core_makes_of_the_query()
    {
        await using var cache = new SecondLevelCache();
        await using var db = Open(cache);
        await using var plain = Open(null);
        Assert.Equal(
            plain.Products.Where(p => p.Id > 3).TagWith("mine").ToQueryString(),
            db.Products.Where(p => p.Id > 3).TagWith("mine").Cacheable(q => q.Tag("t").VaryBy("v")).ToQueryString());
    }

    [Fact]
    public async Task A_context_without_the_cache_executes_a_marked_query()
    {
        await using var db = Open(null);
        Assert.Null(db.Database.GetSecondLevelCache());
        Assert.Equal(40, await db.Products.Cacheable(q => q.Tag("t").VaryBy("v").Sliding(TimeSpan.FromSeconds(1))).CountAsync());
        Assert.Equal(40, await db.Products.NotCacheable().CountAsync());
    }
}
