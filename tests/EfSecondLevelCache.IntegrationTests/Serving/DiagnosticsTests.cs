using System.Runtime.CompilerServices;
using EfSecondLevelCache.IntegrationTests.Support;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;

namespace EfSecondLevelCache.IntegrationTests.Serving;

/// <summary>What the cache tells of itself.</summary>
public sealed class DiagnosticsTests(ShopDatabase database) : ShopTests(database)
{
    [Fact]
    public async Task Statistics_count_commands()
    {
        await using var cache = new SecondLevelCache();
        await using var db = Open(cache);
        await db.Products.Cacheable().CountAsync();
        await db.Products.Cacheable().CountAsync();
        await db.Products.Cacheable().CountAsync();
        await db.Categories.Include(c => c.Products).AsSplitQuery().Cacheable().ToListAsync();
        await db.Products.Where(p => DateTime.UtcNow.Year < p.Id).Cacheable().ToListAsync();
        await db.Products.ToListAsync();

        var statistics = cache.Statistics;
        Assert.Equal((2, 3, 3, 1), (statistics.Hits, statistics.Misses, statistics.Fills, statistics.Refusals));
        Assert.Equal([RefusalReason.VolatileFunction], statistics.RefusalsByReason.Keys);
        Assert.Equal(2 / 6d, statistics.HitRatio);
        Assert.Equal(3, statistics.Entries);
        Assert.InRange(statistics.Bytes, 100, 100_000);
        Assert.Equal((0, 0, 0, 0), (statistics.Evictions, statistics.Expirations, statistics.Invalidations, statistics.TooLarge));

        await db.Orders.Where(o => o.Id == 1).ExecuteUpdateAsync(s => s.SetProperty(o => o.Quantity, 1));
        Assert.Equal(1, cache.Statistics.Invalidations);
    }

    [Fact]
    public async Task A_hit_ratio_is_of_all_that_was_to_be_cached_and_the_rest_is_told_apart()
    {
        await using var cache = new SecondLevelCache();
        await using var db = Open(cache);
        for (var i = 0; i < 5; i++)
        {
            await db.Products.Cacheable().CountAsync();
            await db.Products.Where(p => DateTime.UtcNow.Year < p.Id).Cacheable().ToListAsync();
            await db.Products.NotCacheable().CountAsync();
            await db.Orders.CountAsync();
        }

        var statistics = cache.Statistics;
        Assert.Equal((4, 1, 5, 10, 20), (statistics.Hits, statistics.Misses, statistics.Refusals, statistics.NotRequested, statistics.Queries));
        Assert.Equal((0.4, 0.2, 0.8), (statistics.HitRatio, statistics.HitRatioOfAllQueries, statistics.HitRatioOfLookUps));
    }

    [Fact]
    public async Task A_query_that_turns_out_to_be_refused_is_no_miss()
    {
        await using var cache = new SecondLevelCache();
        await using var db = Open(cache);
        // A column of another name than EF Core expects: seen when it has been executed.
        for (var i = 0; i < 2; i++)
            await Assert.ThrowsAsync<InvalidOperationException>(() => db.Products.FromSqlRaw("""SELECT "Id" FROM products""").Cacheable().ToListAsync());

        Assert.Equal((0, 0, 2), (cache.Statistics.Hits, cache.Statistics.Misses, cache.Statistics.Refusals));
    }

    [Fact]
    public async Task Statistics_tell_what_could_be_cured()
    {
        await using var cache = new SecondLevelCache(c => c.CacheAllQueries());
        await using var db = Open(cache);
        for (var i = 0; i < 3; i++)
            await db.Products.Where(p => DateTime.UtcNow.Year < p.Id).ToListAsync();
        await using (await db.Database.BeginTransactionAsync())
            await db.Products.CountAsync();
        await db.Products.FromSqlRaw("SELECT * FROM products FOR UPDATE").ToListAsync();

        var curable = cache.Statistics.Curable;
        Assert.Equal([(RefusalReason.VolatileFunction, 3), (RefusalReason.InTransaction, 1)], curable.Select(c => (c.Refusal.Reason, c.Commands)));
        Assert.Contains("now", curable[0].Refusal.Detail, StringComparison.Ordinal);
        Assert.Contains("AllowInTransactions", curable[1].Refusal.Remedy, StringComparison.Ordinal);
        Assert.Equal(1, cache.Statistics.RefusalsByReason[RefusalReason.LocksRows]);
        var text = cache.Statistics.ToString();
        Assert.Contains("Could be cached: 3 x VolatileFunction", text, StringComparison.Ordinal);
        Assert.Contains("0.0 % served of what was to be cached", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_log_tells_of_a_refusal_once_for_each_query_and_reason_and_again_to_who_debugs()
    {
        var log = new LogEvents();
        using var loggers = LoggerFactory.Create(builder => builder.SetMinimumLevel(LogLevel.Debug).AddProvider(log));
        await using var cache = new SecondLevelCache(c => c.MaxEntryBytes(1 << 10));
        for (var i = 0; i < 3; i++)
        {
            await using var db = Open(cache, o => o.UseLoggerFactory(loggers));
            await db.Products.Where(p => DateTime.UtcNow.Year < p.Id).Cacheable().ToListAsync();
            // Compiled anew for each execution.
            await db.Products.FromSql($"""SELECT * FROM products WHERE "Id" > {i} AND now() > '2020-01-01' """).Cacheable().ToListAsync();
            await db.Products.Cacheable().ToListAsync();
            await using (await db.Database.BeginTransactionAsync())
                await db.Products.Cacheable().CountAsync();
        }

        var told = log.Events.Zip(log.Levels, (e, level) => (e.Id.Name, level)).Where(e => e.level >= LogLevel.Information).ToList();
        Assert.Equal(3, told.Count(e => e.Name == "Refused"));
        Assert.Equal(1, told.Count(e => e.Name == "TooLarge"));
        Assert.Equal(9, log.Events.Count(e => e.Id.Name == "Refused"));
    }

    [Fact]
    public void What_is_told_to_people_is_told_in_words()
    {
        var told = typeof(SecondLevelCache).Assembly.GetExportedTypes().Where(type => type.GetMethod("<Clone>$") is not null && !type.IsAbstract);
        Assert.All(told, type => Assert.False(type.GetMethod("ToString", [])!.IsDefined(typeof(CompilerGeneratedAttribute), inherit: false), $"{type}"));

        var status = new ChangeSourceStatus
        {
            Database = "shop",
            Kind = ChangeSourceKind.Notifications,
            State = ChangeSourceState.Lost,
            Position = "0/16B3748",
            Lag = TimeSpan.FromMilliseconds(1.25),
            Reconnects = 2,
            Events = 3000,
            Flushes = 1,
            Uncaptured = ["public.orders", "public.lines"],
            Fault = new TimeoutException("too late"),
        };
        Assert.Equal(
            "Notifications of shop: Lost, at 0/16B3748, lag 1.3 ms, 3,000 events, 2 reconnects, 1 flushes; not captured: public.orders, public.lines; "
            + "TimeoutException: too late",
            status.ToString());
        var entry = new CacheEntryInfo
        {
            CommandText = "SELECT 1",
            Dependencies = ["a", "b"],
            Tags = ["c"],
            Rows = 1,
            Bytes = 2000,
            Age = TimeSpan.FromSeconds(3),
            Hits = 4,
        };
        Assert.Equal(
            $"1 rows, 2,000 bytes, 3.0 s old, 4 hits; depends on a, b; tags c{Environment.NewLine}SELECT 1", entry.ToString());
        using var cache = new SecondLevelCache();
        Assert.Equal(cache.Statistics.ToString(), cache.ToString());
    }

    [Fact]
    public async Task A_cache_that_nobody_used_has_a_hit_ratio_of_zero()
    {
        await using var cache = new SecondLevelCache();
        Assert.Equal((0, 0, 0, 0d), (cache.Statistics.Hits, cache.Statistics.Entries, cache.Statistics.Bytes, cache.Statistics.HitRatio));
    }

    [Fact]
    public async Task An_explanation_tells_what_would_happen_without_executing()
    {
        await using var cache = new SecondLevelCache();
        await using var db = Open(cache);
        var query = db.Products.Include(p => p.Category).Where(p => p.Id < 9).TagWith("mine").Cacheable(TimeSpan.FromMinutes(3));

        QueryCacheExplanation? before = null;
        Assert.Empty(await Tap.DuringAsync(() => Task.FromResult(before = query.ExplainCache())));
        Assert.True(before!.IsCacheable);
        Assert.Null(before.Refusal);
        Assert.Equal(QueryCacheOutcome.Miss, before.Outcome);
        Assert.Equal(TimeSpan.FromMinutes(3), before.TimeToLive);
        Assert.Equal(["categories[Id in the result]", "products"], before.Dependencies.Order());
        Assert.Equal((0, 0), (cache.Statistics.Misses, cache.Statistics.Hits));

        var executed = await Tap.DuringAsync(() => query.ToListAsync());
        Assert.Equal([before.CommandText], executed);
        Assert.Equal(QueryCacheOutcome.Hit, query.ExplainCache().Outcome);

        var text = query.ExplainCache().ToString();
        Assert.Contains("products", text, StringComparison.Ordinal);
        Assert.Contains("00:03:00", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_explanation_tells_why_not()
    {
        await using var cache = new SecondLevelCache(c => c.NeverCache<Order>());
        await using var db = Open(cache);
        AssertRefused(RefusalReason.NotRequested, db.Products);
        AssertRefused(RefusalReason.NeverCached, db.Products.Cacheable().NotCacheable());
        AssertRefused(RefusalReason.NeverCached, db.Orders.Cacheable());
        AssertRefused(RefusalReason.VolatileFunction, db.Products.Where(p => DateTime.UtcNow.Year > p.Id).Cacheable());
        await using (await db.Database.BeginTransactionAsync())
            AssertRefused(RefusalReason.InTransaction, db.Products.Cacheable());
        cache.Enabled = false;
        AssertRefused(RefusalReason.Disabled, db.Products.Cacheable());

        static void AssertRefused<T>(RefusalReason reason, IQueryable<T> query)
        {
            var explanation = query.ExplainCache();
            Assert.False(explanation.IsCacheable);
            Assert.Equal((reason, QueryCacheOutcome.Refused), (explanation.Refusal!.Reason, explanation.Outcome));
            Assert.Null(explanation.TimeToLive);
            Assert.Contains($"{reason}", explanation.ToString(), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task An_explanation_of_an_execution_has_every_command_in_its_order()
    {
        await using var cache = new SecondLevelCache();
        await using var db = Open(cache);
        var explanations = await db.ExplainCacheAsync(async () =>
        {
            await db.Products.Cacheable().CountAsync();
            db.Products.Cacheable().Count();
            await db.Orders.FirstAsync();
            await db.Categories.Include(c => c.Products).AsSplitQuery().Cacheable(TimeSpan.FromMinutes(2)).ToListAsync();
        });

        Assert.Equal(
            [QueryCacheOutcome.Miss, QueryCacheOutcome.Hit, QueryCacheOutcome.Refused, QueryCacheOutcome.Miss, QueryCacheOutcome.Miss],
            explanations.Select(e => e.Outcome));
        Assert.Equal(RefusalReason.NotRequested, explanations[2].Refusal!.Reason);
        Assert.Equal(TimeSpan.FromMinutes(10), explanations[0].TimeToLive);
        Assert.Equal(TimeSpan.FromMinutes(2), explanations[4].TimeToLive);
        Assert.Equal(["categories"], explanations[3].Dependencies);
        Assert.Equal(["categories", "products"], explanations[4].Dependencies.Order());
    }

    [Fact]
    public async Task Only_what_can_be_explained_is()
    {
        await using var cache = new SecondLevelCache();
        await using var cached = Open(cache);
        await using var plain = Open(null);
        Assert.Throws<InvalidOperationException>(() => plain.Products.ExplainCache());
        Assert.Throws<InvalidOperationException>(() => new[] { 1 }.AsQueryable().ExplainCache());
        await Assert.ThrowsAsync<InvalidOperationException>(() => plain.ExplainCacheAsync(() => Task.CompletedTask));
        await Assert.ThrowsAsync<TimeoutException>(() => cached.ExplainCacheAsync(() => throw new TimeoutException()));
    }

    [Fact]
    public async Task The_log_tells_what_happened_without_values()
    {
        var log = new LogEvents();
        using var loggers = LoggerFactory.Create(builder => builder.SetMinimumLevel(LogLevel.Debug).AddProvider(log));
        await using var cache = new SecondLevelCache(c => c.MaxEntryBytes(8 << 10));
        await using var db = Open(cache, o => o.UseLoggerFactory(loggers));
        var id = 31337;
        await db.Products.Where(p => p.Id == id).Cacheable().ToListAsync();
        await db.Products.Where(p => p.Id == id).Cacheable().ToListAsync();
        await db.Products.SelectMany(_ => db.Products, (a, b) => a.Name + b.Name).Cacheable().ToListAsync();
        await db.Products.Where(p => DateTime.UtcNow.Year == p.Id).Cacheable().ToListAsync();

        Assert.Equal(["Miss", "Stored", "Hit", "Miss", "TooLarge", "Refused"], log.Events.Select(e => e.Id.Name));
        Assert.Equal(log.Events.Count - 1, log.Events.Select(e => e.Id.Id).Distinct().Count());
        Assert.DoesNotContain(log.Events, e => e.Text.Contains("31337", StringComparison.Ordinal));
        Assert.Contains(nameof(RefusalReason.VolatileFunction), log.Events[^1].Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Entries_show_what_is_kept()
    {
        var clock = new FakeTimeProvider();
        await using var cache = new SecondLevelCache(c => c.UseTimeProvider(clock));
        await MissAsync(cache, db => db.Products.Where(p => p.Id < 9).Cacheable(q => q.Tag("a").Tag("b")).ToListAsync());
        clock.Advance(TimeSpan.FromSeconds(5));
        await HitAsync(cache, db => db.Products.Where(p => p.Id < 9).Cacheable(q => q.Tag("a").Tag("b")).ToListAsync());

        var entry = Assert.Single(cache.Entries());
        Assert.Contains("FROM products", entry.CommandText, StringComparison.Ordinal);
        Assert.Equal(["products"], entry.Dependencies);
        Assert.Equal(["a", "b"], entry.Tags);
        Assert.Equal((8, 1, TimeSpan.FromSeconds(5)), (entry.Rows, entry.Hits, entry.Age));
        Assert.Equal(cache.Statistics.Bytes, entry.Bytes);
    }
}
