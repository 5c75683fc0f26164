using System.Data;
using System.Data.Common;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.Extensions.Time.Testing;
using Npgsql;
using NpgsqlTypes;

namespace EfSecondLevelCache.IntegrationTests.Serving;

/// <summary>A key is made of everything that decides the answer: what goes over the wire, and what the asker said of caching.</summary>
public sealed class KeyTests(ShopDatabase database) : ShopTests(database)
{
    public static TheoryData<string> Pairs => [.. PairsByName.Keys];

    /// <summary>Two lists of parameters for one text whose values are equal in their order, and whose answers differ.</summary>
    private static Dictionary<string, (string Sql, NpgsqlParameter[] First, NpgsqlParameter[] Second)> PairsByName { get; } = new()
    {
        ["names"] = ("@a - @b",
            [new("a", 1), new("b", 10)],
            [new("b", 1), new("a", 10)]),
        ["positions of typed parameters"] = ("@a - @b",
            [new NpgsqlParameter<int>("a", 1), new NpgsqlParameter<int>("b", 10)],
            [new NpgsqlParameter<int>("b", 1), new NpgsqlParameter<int>("a", 10)]),
        ["the size that cuts a text"] = ("length(@a)",
            [new("a", NpgsqlDbType.Text) { Value = "abcdef" }],
            [new("a", NpgsqlDbType.Text) { Value = "abcdef", Size = 2 }]),
        ["the size that cuts bytes"] = ("length(@a)",
            [new("a", NpgsqlDbType.Bytea) { Value = new byte[] { 1, 2, 3 } }],
            [new("a", NpgsqlDbType.Bytea) { Value = new byte[] { 1, 2, 3 }, Size = 1 }]),
        ["the type"] = ("octet_length(@a::text)",
            [new("a", NpgsqlDbType.Text) { Value = "a  " }],
            [new("a", NpgsqlDbType.Char) { Value = "a  " }]),
        ["the type by its name"] = ("length(@a::text)",
            [new NpgsqlParameter { ParameterName = "a", DataTypeName = "jsonb", Value = """{"a":  1}""" }],
            [new NpgsqlParameter { ParameterName = "a", DataTypeName = "json", Value = """{"a":  1}""" }]),
    };

    [Theory]
    [MemberData(nameof(Pairs))]
    public async Task Parameters_of_raw_SQL_that_differ_in_what_is_sent_have_keys_of_their_own(string name)
    {
        var (sql, first, second) = PairsByName[name];
        await using var cache = new SecondLevelCache();
        var answers = new List<int>();
        foreach (var parameters in new[] { first, second, first, second })
        {
            await using var plain = Open(cache: null);
            await using var cached = Open(cache);
            var expected = await ReadAsync(plain, sql, parameters);
            Assert.Equal(expected, await ReadAsync(cached, sql, parameters));
            answers.Add(expected);
        }

        Assert.NotEqual(answers[0], answers[1]);
        // Npgsql rewrites a parameter that it has cut, and then what was executed is not what was looked up.
        Assert.InRange(cache.Statistics.Hits, 1, 2);
    }

    [Fact]
    public async Task A_parameter_that_brings_something_back_is_refused()
    {
        await using var cache = new SecondLevelCache();
        for (var i = 0; i < 2; i++)
        {
            await using var db = Open(cache);
            var parameter = new NpgsqlParameter("Value", NpgsqlDbType.Integer) { Value = 7, Direction = ParameterDirection.InputOutput };
            await MissAsync(() => ReadAsync(db, "@Value", [parameter]));
        }

        Assert.Equal(2, cache.Statistics.RefusalsByReason[RefusalReason.ParameterType]);
    }

    [Fact]
    public async Task An_interceptor_that_cuts_a_parameter_of_LINQ_changes_the_command()
    {
        await using var cache = new SecondLevelCache();
        var name = "Product 1 and more";
        await using (var db = Open(cache, options => options.AddInterceptors(new ParameterCutter())))
            Assert.Equal(1, await db.Products.Where(p => p.Name == name).Cacheable().CountAsync());
        await using (var db = Open(cache))
            Assert.Equal(0, await db.Products.Where(p => p.Name == name).Cacheable().CountAsync());
        Assert.Equal(1, cache.Statistics.RefusalsByReason[RefusalReason.CommandChanged]);
    }

    [Fact]
    public async Task The_time_to_live_is_that_of_who_asks()
    {
        var clock = new FakeTimeProvider();
        await using var cache = new SecondLevelCache(c => c.UseTimeProvider(clock));
        await MissAsync(cache, db => db.Products.Cacheable(TimeSpan.FromHours(1)).CountAsync());
        await MissAsync(cache, db => db.Products.Cacheable(TimeSpan.FromSeconds(2)).CountAsync());
        clock.Advance(TimeSpan.FromSeconds(3));
        await MissAsync(cache, db => db.Products.Cacheable(TimeSpan.FromSeconds(2)).CountAsync());
        await HitAsync(cache, db => db.Products.Cacheable(TimeSpan.FromHours(1)).CountAsync());
    }

    [Fact]
    public async Task A_tag_finds_the_result_of_who_named_it()
    {
        await using var cache = new SecondLevelCache();
        await MissAsync(cache, db => db.Products.Cacheable().CountAsync());
        await MissAsync(cache, db => db.Products.Cacheable(q => q.Tag("menu")).CountAsync());
        await cache.InvalidateTagAsync("menu");
        await MissAsync(cache, db => db.Products.Cacheable(q => q.Tag("menu")).CountAsync());
        await HitAsync(cache, db => db.Products.Cacheable().CountAsync());
    }

    [Fact]
    public async Task A_table_that_one_states_is_a_dependency_of_that_one()
    {
        await using var cache = new SecondLevelCache();
        await MissAsync(cache, db => db.Products.Cacheable().CountAsync());
        await MissAsync(cache, db => db.Products.Cacheable(q => q.DependsOn("orders")).CountAsync());
        await cache.InvalidateTableAsync("orders");
        await MissAsync(cache, db => db.Products.Cacheable(q => q.DependsOn("orders")).CountAsync());
        await HitAsync(cache, db => db.Products.Cacheable().CountAsync());
    }

    [Fact]
    public async Task What_one_would_be_refused_is_not_served_because_another_stated_its_tables()
    {
        await Database.ExecuteAsync("CREATE MATERIALIZED VIEW IF NOT EXISTS product_count AS SELECT count(*)::int AS \"Value\" FROM products");
        await using var cache = new SecondLevelCache();
        await MissAsync(cache, db => CountAsync(db, q => q.DependsOn("products")));
        await HitAsync(cache, db => CountAsync(db, q => q.DependsOn("products")));
        await MissAsync(cache, db => CountAsync(db, q => q.TimeToLive(TimeSpan.FromMinutes(10))));
        Assert.Equal(1, cache.Statistics.RefusalsByReason[RefusalReason.UntoldChanges]);

        static Task<int> CountAsync(ShopContext db, Action<QueryCachePolicyBuilder> policy)
            => db.Database.SqlQuery<int>($"""SELECT "Value" FROM product_count""").Cacheable(policy).SingleAsync();
    }

    [Fact]
    public async Task A_result_slides_for_who_asked_for_that()
    {
        var clock = new FakeTimeProvider();
        await using var cache = new SecondLevelCache(c => c.UseTimeProvider(clock));
        await MissAsync(cache, db => db.Products.Cacheable().CountAsync());
        await MissAsync(cache, db => db.Products.Cacheable(q => q.Sliding(TimeSpan.FromSeconds(2))).CountAsync());
        clock.Advance(TimeSpan.FromSeconds(3));
        await MissAsync(cache, db => db.Products.Cacheable(q => q.Sliding(TimeSpan.FromSeconds(2))).CountAsync());
        await HitAsync(cache, db => db.Products.Cacheable().CountAsync());
    }

    [Fact]
    public async Task What_is_kept_by_a_rule_serves_who_asks_with_the_defaults()
    {
        await using var cache = new SecondLevelCache(c => c.CacheAllQueries());
        await MissAsync(cache, db => db.Products.CountAsync());
        await HitAsync(cache, db => db.Products.Cacheable().CountAsync());
    }

    private static Task<int> ReadAsync(ShopContext db, string sql, NpgsqlParameter[] parameters)
    {
        var text = "SELECT (" + sql + ")::int AS \"Value\" FROM products WHERE \"Id\" = 1";
        return db.Database.SqlQueryRaw<int>(text, [.. parameters]).Cacheable().SingleAsync();
    }

    private sealed class ParameterCutter : DbCommandInterceptor
    {
        public override ValueTask<InterceptionResult<DbDataReader>> ReaderExecutingAsync(
            DbCommand command, CommandEventData eventData, InterceptionResult<DbDataReader> result, CancellationToken cancellationToken = default)
        {
            command.Parameters[0].Size = "Product 1".Length;
            return new(result);
        }
    }
}
