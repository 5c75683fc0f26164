using System.Data.Common;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.EntityFrameworkCore.Query;
using Microsoft.EntityFrameworkCore.Storage;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using Npgsql.EntityFrameworkCore.PostgreSQL.Infrastructure.Internal;
using Npgsql.EntityFrameworkCore.PostgreSQL.Query.Internal;
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
    public async Task Parameters_of_text_search_are_told_apart()
    {
        await using var cache = new SecondLevelCache();
        foreach (var (word, found) in ((string, bool)[])[("fat", true), ("thin", false)])
        {
            Assert.Equal(found, await MissAsync(cache, MatchesAsync));
            Assert.Equal(found, await HitAsync(cache, MatchesAsync));

            Task<bool> MatchesAsync(ShopContext db)
            {
                NpgsqlTsQuery query = new NpgsqlTsQueryAnd(new NpgsqlTsQueryLexeme("cat"), new NpgsqlTsQueryLexeme(word));
                return db.Products.Cacheable().Select(_ => EF.Functions.ToTsVector("simple", "a fat cat").Matches(query)).FirstAsync();
            }
        }
    }

    [Fact]
    public async Task A_command_that_an_interceptor_changes_is_not_cached()
    {
        await using var cache = new SecondLevelCache();
        for (var i = 0; i < 3; i++)
        {
            await using var db = Open(cache, o => o.AddInterceptors(new Rewriting($"LIMIT {i + 1}")));
            Assert.Equal(i + 1, (await MissAsync(() => db.Products.Cacheable().ToListAsync())).Count);
            Assert.Equal(i + 1, (await MissAsync(() => Task.FromResult(db.Products.Cacheable().ToList()))).Count);
        }

        Assert.Equal(6, cache.Statistics.RefusalsByReason[RefusalReason.CommandChanged]);
        Assert.Equal(40, (await MissAsync(cache, db => db.Products.Cacheable().ToListAsync())).Count);
    }

    [Fact]
    public async Task A_query_of_a_replaced_SQL_generator_works_uncached()
    {
        await using var cache = new SecondLevelCache();
        await using var db = Open(cache, o => o.EnableServiceProviderCaching(false).ReplaceService<IQuerySqlGeneratorFactory, OwnGeneratorFactory>());
        Assert.Equal(40, await MissAsync(() => db.Products.Cacheable().CountAsync()));
        Assert.Equal(40, await MissAsync(() => db.Products.Cacheable().CountAsync()));
        Assert.Equal(2, cache.Statistics.RefusalsByReason[RefusalReason.NoPlan]);
    }

    [Fact]
    public async Task What_a_replaced_SQL_generator_writes_is_read_off_its_text()
    {
        await using var cache = new SecondLevelCache();
        var before = await MissAsync(cache, db => db.Orders.Cacheable().SumAsync(o => o.Quantity));
        await using (var db = Open(cache, o => o.EnableServiceProviderCaching(false).ReplaceService<IQuerySqlGeneratorFactory, OwnGeneratorFactory>()))
            Assert.Equal(1, await db.Orders.Where(o => o.Id == 2).ExecuteUpdateAsync(set => set.SetProperty(o => o.Quantity, o => o.Quantity + 1)));
        Assert.Equal(before + 1, await MissAsync(cache, db => db.Orders.Cacheable().SumAsync(o => o.Quantity)));
    }

    [Fact]
    public async Task A_query_of_Npgsql_s_generator_is_cached_whoever_made_it()
    {
        await using var cache = new SecondLevelCache();
        await using var db = Open(cache, o => o.EnableServiceProviderCaching(false).ReplaceService<IQuerySqlGeneratorFactory, OwnFactoryOfStockGenerators>());
        Assert.Equal(40, await MissAsync(() => db.Products.Cacheable().CountAsync()));
        Assert.Equal(40, await HitAsync(() => db.Products.Cacheable().CountAsync()));
    }

    [Fact]
    public async Task A_context_over_an_application_s_internal_services_works()
    {
        await using var services = new ServiceCollection().AddEntityFrameworkNpgsql().BuildServiceProvider();
        await using var cache = new SecondLevelCache();
        for (var i = 0; i < 2; i++)
        {
            await using var db = Open(cache, o => o.UseInternalServiceProvider(services));
            var quantity = await db.Orders.Where(o => o.Id == 1).Cacheable().Select(o => o.Quantity).SingleAsync();
            (await db.Orders.SingleAsync(o => o.Id == 1)).Quantity++;
            await db.SaveChangesAsync();
            Assert.Equal(quantity + 1, await db.Orders.Where(o => o.Id == 1).Cacheable().Select(o => o.Quantity).SingleAsync());
        }
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

    private sealed class Rewriting(string end) : DbCommandInterceptor
    {
        public override InterceptionResult<DbDataReader> ReaderExecuting(
            DbCommand command, CommandEventData eventData, InterceptionResult<DbDataReader> result)
        {
            command.CommandText += $"\n{end}";
            return result;
        }

        public override ValueTask<InterceptionResult<DbDataReader>> ReaderExecutingAsync(
            DbCommand command,
            CommandEventData eventData,
            InterceptionResult<DbDataReader> result,
            CancellationToken cancellationToken = default)
            => new(ReaderExecuting(command, eventData, result));
    }

    private sealed class OwnGeneratorFactory(
        QuerySqlGeneratorDependencies dependencies, IRelationalTypeMappingSource types, INpgsqlSingletonOptions options)
        : IQuerySqlGeneratorFactory
    {
        public QuerySqlGenerator Create()
            => new OwnGenerator(dependencies, types, options.ReverseNullOrderingEnabled, options.PostgresVersion);
    }

    private sealed class OwnGenerator(
        QuerySqlGeneratorDependencies dependencies, IRelationalTypeMappingSource types, bool reverseNullOrdering, Version version)
        : NpgsqlQuerySqlGenerator(dependencies, types, reverseNullOrdering, version);

    private sealed class OwnFactoryOfStockGenerators(
        QuerySqlGeneratorDependencies dependencies, IRelationalTypeMappingSource types, INpgsqlSingletonOptions options)
        : NpgsqlQuerySqlGeneratorFactory(dependencies, types, options);

    private static Task SqlAsync<T>(ShopContext db, string sql) => db.Database.SqlQueryRaw<T>(sql).Cacheable().ToListAsync();
}
