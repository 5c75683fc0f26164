using Microsoft.EntityFrameworkCore;
using Npgsql;
using NpgsqlTypes;

namespace EfSecondLevelCache.IntegrationTests.Serving;

/// <summary>Queries whose result would be wrong the next time: they are marked, they work, and they are not cached.</summary>
public sealed class RefusalTests(ShopDatabase database) : ShopTests(database)
{
    public static TheoryData<string> Refused => [.. RefusedByName.Keys];

    private static Dictionary<string, (RefusalReason Reason, Func<ShopContext, Task> Query)> RefusedByName { get; } = new()
    {
        ["the time, in LINQ"] = (RefusalReason.VolatileFunction, db => db.Products.Select(p => DateTime.UtcNow).Cacheable().FirstAsync()),
        ["the time, in a predicate"] = (RefusalReason.VolatileFunction, db => db.Products.Where(p => DateTime.UtcNow.Year > p.Id)
            .Cacheable().ToListAsync()),
        ["random, in LINQ"] = (RefusalReason.VolatileFunction, db => db.Products.OrderBy(p => EF.Functions.Random()).Cacheable()
            .FirstAsync()),
        ["a new uuid, in LINQ"] = (RefusalReason.VolatileFunction, db => db.Products.Select(p => Guid.NewGuid()).Cacheable().FirstAsync()),
        ["the time, in SQL"] = (RefusalReason.VolatileFunction, db => SqlAsync<DateTime>(db, "SELECT now() AS \"Value\"")),
        ["the time without parentheses"] = (RefusalReason.VolatileFunction,
            db => SqlAsync<DateTime>(db, "SELECT current_timestamp AS \"Value\"")),
        ["random, in SQL"] = (RefusalReason.VolatileFunction, db => SqlAsync<double>(db, "SELECT random() AS \"Value\" FROM orders")),
        ["a sequence"] = (RefusalReason.VolatileFunction,
            db => SqlAsync<long>(db, "SELECT nextval(pg_get_serial_sequence('orders', 'Id')) AS \"Value\"")),
        ["a user's function"] = (RefusalReason.UnknownFunction, db => SqlAsync<long>(db, "SELECT order_count() AS \"Value\"")),
        ["a lock, FOR UPDATE"] = (RefusalReason.LocksRows, db => db.Orders.FromSql($"SELECT * FROM orders FOR UPDATE").Cacheable()
            .ToListAsync()),
        ["a lock, for share of"] = (RefusalReason.LocksRows,
            db => db.Orders.FromSql($"select * from orders o for key share of o skip locked").Cacheable().ToListAsync()),
        ["a common table expression that writes"] = (RefusalReason.MayWrite, db => SqlAsync<int>(
            db, "WITH u AS (UPDATE orders SET \"Quantity\" = 1 WHERE \"Id\" = 1 RETURNING \"Id\") SELECT \"Id\" AS \"Value\" FROM u")),
        ["a sample"] = (RefusalReason.SamplesTable,
            db => SqlAsync<int>(db, "SELECT \"Id\" AS \"Value\" FROM orders TABLESAMPLE BERNOULLI (50)")),
        ["a catalog"] = (RefusalReason.SystemTable, db => SqlAsync<string>(db, "SELECT relname::text AS \"Value\" FROM pg_class")),
        ["the information schema"] = (RefusalReason.SystemTable,
            db => SqlAsync<string>(db, "SELECT table_name::text AS \"Value\" FROM information_schema.tables")),
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public async Task A_query_that_can_not_be_cached_works_and_says_why(string name)
    {
        await Database.ExecuteAsync(
            "CREATE OR REPLACE FUNCTION order_count() RETURNS bigint LANGUAGE sql STABLE AS 'SELECT count(*) FROM orders'");
        var (reason, query) = RefusedByName[name];
        await using var cache = new SecondLevelCache();
        await using var db = Open(cache);
        for (var i = 0; i < 2; i++)
        {
            IReadOnlyList<QueryCacheExplanation> explanations = [];
            Assert.NotEmpty(await Tap.DuringAsync(async () => explanations = await db.ExplainCacheAsync(() => query(db))));
            var explanation = Assert.Single(explanations);
            Assert.Equal((QueryCacheOutcome.Refused, reason), (explanation.Outcome, explanation.Refusal?.Reason));
            Assert.False(explanation.IsCacheable);
            Assert.NotEmpty(explanation.Refusal!.Detail);
            Assert.NotEmpty(explanation.Refusal.Remedy);
        }

        Assert.Equal(2, cache.Statistics.RefusalsByReason[reason]);
        Assert.Equal(0, cache.Statistics.Fills);
    }

    [Fact]
    public async Task DependsOn_lifts_the_refusal_of_a_function_that_the_cache_does_not_know()
    {
        await Database.ExecuteAsync(
            "CREATE OR REPLACE FUNCTION order_count() RETURNS bigint LANGUAGE sql STABLE AS 'SELECT count(*) FROM orders'");
        await using var cache = new SecondLevelCache();
        var before = await MissAsync(cache, CountAsync);
        await HitAsync(cache, CountAsync);
        await using (var db = Open(cache))
        {
            db.Add(new Order { ProductId = 1 });
            await db.SaveChangesAsync();
        }

        Assert.Equal(before + 1, await MissAsync(cache, CountAsync));

        static Task<long> CountAsync(ShopContext db)
            => db.Database.SqlQuery<long>($"""SELECT order_count() AS "Value" """).Cacheable(q => q.DependsOn("orders")).SingleAsync();
    }

    [Fact]
    public async Task A_parameter_that_has_no_exact_form_sends_the_query_to_the_database()
    {
        await using var cache = new SecondLevelCache();
        await using var db = Open(cache);
        foreach (var (content, found) in ((byte[], int)[])[([1, 2, 3], 1), ([1, 2, 77], 0), ([1, 2, 4], 1)])
        {
            using var stream = new MemoryStream(content);
            var parameter = new NpgsqlParameter { Value = stream, NpgsqlDbType = NpgsqlDbType.Bytea };
            Assert.Equal(found, (await MissAsync(
                () => db.Products.FromSqlRaw("""SELECT * FROM products WHERE "Picture" = {0}""", parameter).Cacheable()
                    .ToListAsync())).Count);
        }

        Assert.Equal(3, cache.Statistics.RefusalsByReason[RefusalReason.ParameterType]);
    }

    [Fact]
    public async Task A_write_is_never_skipped()
    {
        await using var cache = new SecondLevelCache(c => c.CacheAllQueries());
        await using var db = Open(cache);
        var before = await db.Orders.NotCacheable().CountAsync();
        for (var i = 0; i < 3; i++)
        {
            await db.Database.ExecuteSqlAsync($"""INSERT INTO orders ("ProductId", "Quantity") VALUES (1, 1)""");
            await db.Database.SqlQuery<int>($"""INSERT INTO orders ("ProductId", "Quantity") VALUES (2, 2) RETURNING "Id" AS "Value" """)
                .ToListAsync();
        }

        Assert.Equal(before + 6, await db.Orders.NotCacheable().CountAsync());
    }

    private static Task SqlAsync<T>(ShopContext db, string sql) => db.Database.SqlQueryRaw<T>(sql).Cacheable().ToListAsync();
}
