using EfSecondLevelCache.IntegrationTests.Serving;
using EfSecondLevelCache.IntegrationTests.Support;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using Npgsql.EntityFrameworkCore.PostgreSQL.Infrastructure;

namespace EfSecondLevelCache.IntegrationTests.Compatibility;

/// <summary>What a query throws, it throws with the cache too: the same type, the same words, also where it is served.</summary>
public sealed class ExceptionTests(ShopDatabase database) : ShopTests(database)
{
    private static readonly CancellationToken Cancelled = new(canceled: true);

    public static TheoryData<string> Cancellations => [.. Asks.Keys];

    private static readonly Dictionary<string, Func<ShopContext, CancellationToken, Task>> Asks = new()
    {
        ["ToListAsync"] = (db, token) => db.Products.Cacheable().ToListAsync(token),
        ["FirstAsync"] = (db, token) => db.Products.Cacheable().OrderBy(p => p.Id).FirstAsync(token),
        ["CountAsync"] = (db, token) => db.Products.Cacheable().CountAsync(token),
        ["split"] = (db, token) => db.Categories.Include(c => c.Products).AsSplitQuery().Cacheable().ToListAsync(token),
        ["FindAsync"] = (db, token) => db.Products.FindAsync([7], token).AsTask(),
        ["LoadAsync"] = (db, token) => db.Products.Cacheable().LoadAsync(token),
        ["ForEachAsync"] = (db, token) => db.Products.Cacheable().ForEachAsync(_ => { }, token),
        ["AnyAsync"] = (db, token) => db.Products.Cacheable().AnyAsync(p => p.Id == 3, token),
        ["raw SQL"] = (db, token) => db.Products.FromSqlRaw("SELECT * FROM products").Cacheable().ToListAsync(token),
        ["scalar SQL"] = (db, token) => db.Database.SqlQueryRaw<int>("""SELECT "Id" AS "Value" FROM products""").Cacheable().ToListAsync(token),
        ["a compiled query"] = async (db, token)
            => await EF.CompileAsyncQuery((ShopContext shop, int id) => shop.Products.Where(p => p.Id > id))(db, 1).ToListAsync(token),
        ["a stream"] = async (db, token) =>
        {
            await foreach (var _ in db.Products.Cacheable().AsAsyncEnumerable().WithCancellation(token)) { }
        },
        ["a query that varies"] = (db, token) => db.Products.Cacheable(q => q.VaryBy("x")).ToListAsync(token),
        ["a query with a token"] = (db, token) => db.Products.Cacheable(q => q.NotOlderThan(default)).ToListAsync(token),
    };

    [Theory]
    [MemberData(nameof(Cancellations))]
    public async Task A_token_that_is_cancelled_ahead_is_met_as_without_the_cache(string ask)
    {
        foreach (var configure in (Action<DbContextOptionsBuilder>[])[_ => { }, Retrying])
        {
            await using var cache = new SecondLevelCache(c => c.CacheAllQueries());
            await AssertSameAsync(cache, configure, ask);
            Assert.Equal("", await ThrownAsync(cache, configure, default, ask));
            await AssertSameAsync(cache, configure, ask);
            Assert.Equal("", await ThrownAsync(cache, configure, default, ask));
        }
    }

    [Theory]
    [MemberData(nameof(Cancellations))]
    public async Task A_token_that_is_cancelled_ahead_is_met_so_on_an_open_connection_too(string ask)
    {
        var plain = await ThrownOpenAsync(null);
        await using var cache = new SecondLevelCache(c => c.CacheAllQueries());
        Assert.Equal(plain, await ThrownOpenAsync(cache));
        Assert.Equal("", await ThrownAsync(cache, _ => { }, default, ask));
        Assert.Equal(plain, await ThrownOpenAsync(cache));

        async Task<string> ThrownOpenAsync(SecondLevelCache? cache)
        {
            await using var db = Open(cache);
            await db.Database.OpenConnectionAsync();
            return await Thrown.ByAsync(() => Asks[ask](db, Cancelled));
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(39)]
    [InlineData(40)]
    public async Task A_token_that_is_cancelled_in_the_middle_of_a_stream_is_met_as_without_the_cache(int after)
    {
        await using var cache = new SecondLevelCache();
        var plain = await StreamAsync(null);
        Assert.Equal(plain, await StreamAsync(cache));
        Assert.Equal(plain, await StreamAsync(cache));
        Assert.Equal(1, cache.Statistics.Hits);

        async Task<string> StreamAsync(SecondLevelCache? cache)
        {
            using var source = new CancellationTokenSource();
            await using var db = Open(cache);
            var rows = 0;
            var thrown = await Thrown.ByAsync(async () =>
            {
                await foreach (var _ in db.Products.OrderBy(p => p.Id).Cacheable().AsAsyncEnumerable().WithCancellation(source.Token))
                {
                    if (++rows == after)
                        await source.CancelAsync();
                }
            });
            return $"{rows} rows, {thrown}";
        }
    }

    [Fact]
    public async Task A_context_that_is_disposed_is_met_as_without_the_cache()
    {
        await using var cache = new SecondLevelCache();
        var plain = await DisposedAsync(null);
        Assert.All(plain, thrown => Assert.Contains("ObjectDisposed", thrown, StringComparison.Ordinal));
        Assert.Equal(plain, await DisposedAsync(cache));
        await using (var db = Open(cache))
            await db.Products.Cacheable().ToListAsync();
        Assert.Equal(plain, await DisposedAsync(cache));

        async Task<string[]> DisposedAsync(SecondLevelCache? cache)
        {
            IQueryable<Product> before;
            IQueryable<Product> marked;
            IQueryable<Product> varied;
            await using (var db = Open(cache))
                (before, marked, varied) = (db.Products, db.Products.Cacheable(), db.Products.Cacheable(q => q.VaryBy("x")));
            return
            [
                await Thrown.ByAsync(() => before.Cacheable().ToListAsync()),
                await Thrown.ByAsync(() => Task.FromResult(before.Cacheable(q => q.VaryBy("x")).ToList())),
                await Thrown.ByAsync(() => marked.ToListAsync()),
                await Thrown.ByAsync(() => Task.FromResult(marked.Count())),
                await Thrown.ByAsync(() => varied.CountAsync()),
            ];
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_second_operation_on_a_context_is_refused_as_without_the_cache(bool checks)
    {
        await using var cache = new SecondLevelCache();
        await using (var db = Open(cache))
            await db.Products.Cacheable().ToListAsync();
        Assert.Equal(await SecondAsync(null), await SecondAsync(cache));

        // A first operation that is under way, and a second one, which the cache could serve.
        async Task<string> SecondAsync(SecondLevelCache? cache)
        {
            await using var db = Open(cache, o => o.EnableThreadSafetyChecks(checks).EnableServiceProviderCaching(checks));
            var first = db.Database.ExecuteSqlRawAsync("SELECT pg_sleep(0.5)");
            var second = await Thrown.ByAsync(() => db.Products.Cacheable().ToListAsync());
            await first;
            return checks ? second : "";
        }
    }

    [Fact]
    public async Task A_connection_that_breaks_in_the_middle_of_the_rows_is_met_as_without_the_cache()
    {
        const string Sql = "SELECT g AS \"Value\" FROM generate_series(1, 200000) g CROSS JOIN (SELECT count(*) FROM products) c";
        await using var cache = new SecondLevelCache(c => c.MaxEntryBytes(1 << 10));
        foreach (var configure in (Action<DbContextOptionsBuilder>[])[_ => { }, o => o.EnableDetailedErrors().EnableServiceProviderCaching(false)])
            Assert.Equal(await BreakAsync(null, configure), await BreakAsync(cache, configure));

        async Task<string> BreakAsync(SecondLevelCache? cache, Action<DbContextOptionsBuilder> configure)
        {
            await using var db = Open(cache, configure);
            await db.Database.OpenConnectionAsync();
            var process = ((NpgsqlConnection)db.Database.GetDbConnection()).ProcessID;
            var rows = 0;
            // The server's last word may get through, or not.
            return (await Assert.ThrowsAnyAsync<NpgsqlException>(async () =>
            {
                await foreach (var _ in db.Database.SqlQueryRaw<int>(Sql).Cacheable().AsAsyncEnumerable())
                {
                    if (rows++ == 10)
                        await Database.ExecuteAsync($"SELECT pg_terminate_backend({process})");
                }
            })).IsTransient.ToString();
        }
    }

    [Fact]
    public async Task An_error_of_the_database_is_met_as_without_the_cache()
    {
        await using var cache = new SecondLevelCache();
        foreach (var configure in (Action<DbContextOptionsBuilder>[])[_ => { }, Retrying])
        {
            Assert.Equal(await ErrorAsync(null), await ErrorAsync(cache));

            async Task<string[]> ErrorAsync(SecondLevelCache? cache)
            {
                await using var db = Open(cache, configure);
                return
                [
                    await Thrown.ByAsync(() => db.Products.Cacheable().Select(p => 1 / (p.Id - 5)).ToListAsync()),
                    await Thrown.ByAsync(() => Task.FromResult(db.Products.Cacheable().Select(p => 1 / (p.Id - 5)).ToList())),
                    await Thrown.ByAsync(() => db.Database.SqlQueryRaw<int>("SELECT nothing FROM products").Cacheable().ToListAsync()),
                    await Thrown.ByAsync(() => db.Products.Cacheable().SingleAsync()),
                    await Thrown.ByAsync(() => db.Products.Cacheable().FirstAsync(p => p.Id < 0)),
                ];
            }
        }
    }

    private static void Retrying(DbContextOptionsBuilder options)
        => new NpgsqlDbContextOptionsBuilder(options).EnableRetryOnFailure();

    /// <summary>Which exception it is depends on whether the pool has a connection, and other tests clear all pools at any moment.</summary>
    private async Task AssertSameAsync(SecondLevelCache cache, Action<DbContextOptionsBuilder> configure, string ask)
    {
        for (var attempt = 1; ; attempt++)
        {
            await ThrownAsync(null, configure, default, ask);
            var plain = await ThrownAsync(null, configure, Cancelled, ask);
            Assert.Contains("Cancel", plain, StringComparison.Ordinal);
            await ThrownAsync(null, configure, default, ask);
            var cached = await ThrownAsync(cache, configure, Cancelled, ask);
            if (plain == cached)
                return;
            Assert.True(attempt < 5, $"{plain} without the cache, {cached} with it");
        }
    }

    private async Task<string> ThrownAsync(SecondLevelCache? cache, Action<DbContextOptionsBuilder> configure, CancellationToken token, string ask)
    {
        await using var db = Open(cache, configure);
        return await Thrown.ByAsync(() => Asks[ask](db, token));
    }
}
