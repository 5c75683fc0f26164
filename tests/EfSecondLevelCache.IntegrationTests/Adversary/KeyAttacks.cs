using System.Data;
using EfSecondLevelCache.IntegrationTests.Support;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using NpgsqlTypes;

namespace EfSecondLevelCache.IntegrationTests.Adversary;

/// <summary>The key is less than what decides the answer.</summary>
public sealed class KeyAttacks(PostgresServer server, ITestOutputHelper output) : AttackTests(server, output)
{
    private static readonly TimeSpan Hour = TimeSpan.FromHours(1);
    private static readonly TimeSpan Short = TimeSpan.FromMilliseconds(200);

    private const string Lying =
        "CREATE FUNCTION lying() RETURNS bigint LANGUAGE sql IMMUTABLE AS $$ SELECT count(*) FROM public.others $$;";

    private const string Stored =
        "CREATE MATERIALIZED VIEW stored AS SELECT name FROM items; CREATE VIEW recent AS SELECT name FROM items WHERE now() > '2000-01-01';";

    private static readonly Func<AttackContext, int, IAsyncEnumerable<Item>> ShortLived
        = EF.CompileAsyncQuery((AttackContext db, int id) => db.Items.Where(i => i.Id == id).Cacheable(TimeSpan.FromMilliseconds(200)));

    internal static readonly AttackList All = new(WeaknessKind.Key)
    {
        // What is sent of a parameter of raw SQL.
        { "swapped names of parameters", Two(Find(P("a", 1), P("b", 10)), Find(P("b", 1), P("a", 10))) },
        { "swapped names of parameters, composed", Two(
            db => Find(P("a", 1), P("b", 10))(db).Where(i => i.Id > 0), db => Find(P("b", 1), P("a", 10))(db).Where(i => i.Id > 0)) },
        { "swapped names of parameters, SqlQuery", Two(
            db => db.Values<int>("@a - @b", "", P("a", 1), P("b", 10)), db => db.Values<int>("@a - @b", "", P("b", 1), P("a", 10))) },
        { "a parameter that the SQL does not use", Two(
            db => db.Values<int>("@a + 0", "", P("a", 1), P("x", 5)), db => db.Values<int>("@a + 0", "", P("x", 1), P("a", 5))) },
        { "names with and without their marker", Two(Find(P("@a", 1), P("b", 10)), Find(P("b", 1), P("@a", 10))) },
        { "names in another case", Two(Find(P("A", 1), P("B", 10)), Find(P("B", 1), P("A", 10))) },
        { "a name that is given twice", Two(
            db => db.Values<int>("@a + 0", "", P("a", 1), P("a", 5)), db => db.Values<int>("@a + 0", "", P("a", 1), P("b", 5))) },
        { "the Size of a text", Two(
            db => db.Values<string>("@a", "", P("a", "onetwo", p => p.Size = 3)), db => db.Values<string>("@a", "", P("a", "onetwo"))) },
        { "the Size of a text, in WHERE", Two(
            db => db.Items.FromSqlRaw("SELECT * FROM items WHERE name = @a", P("a", "onetwo", p => p.Size = 3)),
            db => db.Items.FromSqlRaw("SELECT * FROM items WHERE name = @a", P("a", "onetwo"))) },
        { "the Size of bytes", Two(
            db => db.Values<string>("encode(@a, 'hex')", "", P("a", (byte[])[1, 2, 3], p => p.Size = 1)),
            db => db.Values<string>("encode(@a, 'hex')", "", P("a", (byte[])[1, 2, 3]))) },
        { "the Scale of a number", Two(
            db => db.Values<string>("@a::text", "", P("a", 1.25m, p => p.Scale = 1)), db => db.Values<string>("@a::text", "", P("a", 1.25m))) },
        { "the scale of a number's value", Two(
            db => db.Values<string>("@a::text", "", P("a", 1.0m)), db => db.Values<string>("@a::text", "", P("a", 1.00m))) },
        { "NpgsqlDbType", Two(
            db => db.Values<string>("pg_typeof(@a)::text", "", P("a", 1, p => p.NpgsqlDbType = NpgsqlDbType.Bigint)),
            db => db.Values<string>("pg_typeof(@a)::text", "", P("a", 1, p => p.NpgsqlDbType = NpgsqlDbType.Smallint))) },
        { "DbType", Two(
            db => db.Values<string>("pg_typeof(@a)::text", "", P("a", 1, p => p.DbType = DbType.Int64)),
            db => db.Values<string>("pg_typeof(@a)::text", "", P("a", 1))) },
        { "DataTypeName", "CREATE EXTENSION citext", Two(
            db => db.Values<bool>("@a = 'ONE'", "", P("a", "one", p => p.DataTypeName = "citext")),
            db => db.Values<bool>("@a = 'ONE'", "", P("a", "one"))) },
        { "char(n) or text", Two(
            db => db.Values<bool>("@a = 'a'::bpchar", "", P("a", "a ", p => p.NpgsqlDbType = NpgsqlDbType.Char)),
            db => db.Values<bool>("@a = 'a'::bpchar", "", P("a", "a ", p => p.NpgsqlDbType = NpgsqlDbType.Text))) },
        { "json or jsonb", Two(
            db => db.Values<string>("@a::text", "", P("a", """{"b": 1,  "a":1}""", p => p.NpgsqlDbType = NpgsqlDbType.Json)),
            db => db.Values<string>("@a::text", "", P("a", """{"b": 1,  "a":1}""", p => p.NpgsqlDbType = NpgsqlDbType.Jsonb))) },
        { "a type that the server is to find, and text", async s =>
        {
            await s.Read(db => db.Values<int>("id", "FROM items WHERE id = @a", P("a", "1", p => p.NpgsqlDbType = NpgsqlDbType.Unknown)));
            await s.Fail(db => db.Values<int>("id", "FROM items WHERE id = @a", P("a", "1")));
        } },
        { "the kind of a time", Two(
            db => db.Values<string>("pg_typeof(@a)::text", "", P("a", new DateTime(2024, 1, 1, 0, 0, 0, DateTimeKind.Utc))),
            db => db.Values<string>("pg_typeof(@a)::text", "", P("a", new DateTime(2024, 1, 1)))) },
        { "an array or its element", Two(
            db => db.Values<int>("cardinality(@a)", "", P("a", (int[])[1])), db => db.Values<int>("cardinality(@a)", "", P("a", (int[])[1, 1]))) },
        { "a lower bound of an array", Two(
            db => db.Values<string>("array_lower(@a, 1)::text || pg_typeof(@a)::text", "", P("a", (int[])[1, 2])),
            db => db.Values<string>("array_lower(@a, 1)::text || pg_typeof(@a)::text", "", P("a", (long[])[1, 2]))) },
        { "a list that is changed after it was given", async s =>
        {
            var list = new List<int> { 1 };
            await s.Read(db => db.Values<int>("id", "FROM items WHERE id = ANY(@a)", P("a", list)));
            list[0] = 2;
            await s.Read(db => db.Values<int>("id", "FROM items WHERE id = ANY(@a)", P("a", list)));
        } },
        { "bytes that are changed after they were given", async s =>
        {
            byte[] bytes = [1];
            await s.Read(db => db.Values<string>("encode(@a, 'hex')", "", P("a", bytes)));
            bytes[0] = 2;
            await s.Read(db => db.Values<string>("encode(@a, 'hex')", "", P("a", bytes)));
        } },
        { "negative zero", Two(
            db => db.Values<string>("@a::text", "", P("a", 0.0)), db => db.Values<string>("@a::text", "", P("a", -0.0))) },
        { "an output parameter is filled", async s =>
        {
            for (var i = 0; i < 2; i++)
            {
                var output = new NpgsqlParameter("Value", NpgsqlDbType.Integer) { Direction = ParameterDirection.Output };
                await s.Ask(async db => $"{(await db.Values<int>("price", "FROM items WHERE id = 1", output).ToListAsync())[0]} {output.Value}");
            }
        } },
        { "an input parameter that is an output, too", async s =>
        {
            for (var i = 0; i < 2; i++)
            {
                var both = P("id", 1, p => p.Direction = ParameterDirection.InputOutput);
                await s.Ask(async db => (await db.Items.FromSqlRaw("SELECT id + 1 AS id, grp, price, name FROM items WHERE id = @id", both)
                    .ToListAsync())[0].Name + both.Value);
            }
        } },
        { "the same text read as another type", Two(
            db => db.Values<int>("price", "FROM items"), db => db.Values<long>("price", "FROM items")) },
        { "a null of another type", Two(
            db => db.Values<string>("pg_typeof(@a)::text", "", P("a", DBNull.Value, p => p.NpgsqlDbType = NpgsqlDbType.Integer)),
            db => db.Values<string>("pg_typeof(@a)::text", "", P("a", DBNull.Value, p => p.NpgsqlDbType = NpgsqlDbType.Text))) },

        // What the second asker says of caching.
        { "a shorter time to live", async s =>
        {
            await s.Warm(db => db.Items.Cacheable(Hour));
            await s.Sql("UPDATE items SET name = 'new'");
            await s.Pass(Short * 2);
            await s.Read(db => db.Items.Cacheable(Short));
        } },
        { "a shorter time to live, compiled", async s =>
        {
            await s.Warm(db => db.Items.Where(i => i.Id == 1).Cacheable(Hour));
            await s.Sql("UPDATE items SET name = 'new'");
            await s.Pass(Short * 2);
            await s.Ask(db => ShortLived(db, 1).ToListAsync().AsTask());
        } },
        { "the time to live of a rule", async s =>
        {
            s.Options = cache => cache.CacheQueriesOf<Item>(Short);
            await s.Warm(db => db.Items.Cacheable(Hour));
            await s.Sql("UPDATE items SET name = 'new'");
            await s.Pass(Short * 2);
            await s.Read(db => db.Items);
        } },
        { "the default time to live", async s =>
        {
            s.Options = cache => cache.DefaultTimeToLive(Short);
            await s.Warm(db => db.Items.Cacheable(Hour));
            await s.Sql("UPDATE items SET name = 'new'");
            await s.Pass(Short * 2);
            await s.Read(db => db.Items.Cacheable());
        } },
        { "a sliding time", async s =>
        {
            await s.Warm(db => db.Items.Cacheable(Hour));
            await s.Sql("UPDATE items SET name = 'new'");
            await s.Pass(TimeSpan.FromMinutes(2));
            await s.Read(db => db.Items.Cacheable(q => q.TimeToLive(Hour).Sliding(TimeSpan.FromMinutes(1))));
        } },
        { "a shorter sliding time", async s =>
        {
            await s.Warm(db => db.Items.Cacheable(q => q.TimeToLive(Hour).Sliding(TimeSpan.FromMinutes(10))));
            await s.Sql("UPDATE items SET name = 'new'");
            await s.Pass(TimeSpan.FromMinutes(2));
            await s.Read(db => db.Items.Cacheable(q => q.TimeToLive(Hour).Sliding(TimeSpan.FromMinutes(1))));
        } },
        { "a tag", Later(q => q, q => q.Tag("x"), s => s.Cache(cache => cache.InvalidateTagAsync("x"))) },
        { "a second tag", Later(q => q.Tag("y"), q => q.Tag("y").Tag("x"), s => s.Cache(cache => cache.InvalidateTagAsync("x"))) },
        { "another tag", Later(q => q.Tag("y"), q => q.Tag("x"), s => s.Cache(cache => cache.InvalidateTagAsync("x"))) },
        { "MaxCachedRows", Later(q => q, q => q.MaxCachedRows(1), _ => Task.CompletedTask, reads: false) },
        { "fewer MaxCachedRows", Later(q => q.MaxCachedRows(100), q => q.MaxCachedRows(2), _ => Task.CompletedTask, reads: false) },
        { "NotCacheable", async s =>
        {
            await s.Warm(db => db.Items);
            await s.Sql("UPDATE items SET name = 'new'");
            await s.Read(db => db.Items.NotCacheable());
        } },
        { "a stated table", Lying, async s =>
        {
            await s.Warm(db => db.Values<long>("lying()").Cacheable());
            await s.Warm(db => db.Values<long>("lying()").Cacheable(q => q.DependsOn("others")));
            await s.Do(db => db.Save(new Other { Id = 9 }, EntityState.Added));
            await s.Read(db => db.Values<long>("lying()").Cacheable(q => q.DependsOn("others")));
        } },
        { "another stated table", Lying, async s =>
        {
            await s.Warm(db => db.Values<long>("lying()").Cacheable(q => q.DependsOn("items")));
            await s.Do(db => db.Save(new Other { Id = 9 }, EntityState.Added));
            await s.Read(db => db.Values<long>("lying()").Cacheable(q => q.DependsOn("others")));
        } },
        { "a materialized view without the table that it depends on", Stored, Stated(
            db => db.Values<string>("name", "FROM stored"), "UPDATE items SET name = 'new'; REFRESH MATERIALIZED VIEW stored") },
        { "an opaque view without the table that it depends on", Stored, Stated(
            db => db.Values<string>("name", "FROM recent"), "UPDATE items SET name = 'new'") },
        { "a STABLE function without the table that it reads",
            "CREATE FUNCTION told() RETURNS SETOF text LANGUAGE sql STABLE AS $$ SELECT name FROM public.items $$",
            Stated(db => db.Values<string>("n", "FROM told() n"), "UPDATE items SET name = 'new'") },
        { "a sequence without the table that it depends on", "CREATE SEQUENCE numbers", Stated(
            db => db.Values<long>("last_value", "FROM numbers"), "SELECT setval('numbers', 7)") },
        { "a table behind row security without what varies",
            """
            ALTER TABLE items ENABLE ROW LEVEL SECURITY;
            CREATE POLICY p ON items TO {role} USING (id = (SELECT min(id) FROM t1.items));
            """,
            async s =>
            {
                await using var db = s.Open(s.RoleConnectionString);
                await s.Warm(db, d => d.Items.Cacheable(q => q.VaryBy("x")));
                await s.Sql("UPDATE items SET name = 'new'");
                await s.Read(db, d => d.Items.Cacheable());
            } },
        { "VaryBy", async s =>
        {
            await s.Warm(db => db.Items.Cacheable(q => q.VaryBy("x")));
            await s.Sql("UPDATE items SET name = 'new'");
            await s.Read(db => db.Items.Cacheable(q => q.VaryBy("y")));
        } },
        { "VaryBy that looks like a parameter", Two(
            db => db.Values<string>("{0} || {1}", "", "a", "b").Cacheable(q => q.VaryBy("x")),
            db => db.Values<string>("{0} || {1}", "", "x", "a").Cacheable(q => q.VaryBy("b"))) },
        { "NotOlderThan", async s =>
        {
            await s.Warm(db => db.Items.Cacheable());
            await s.Sql("UPDATE items SET name = 'new'");
            await s.Ask(async db =>
            {
                var token = s.HasCache ? await db.Database.GetChangeTokenAsync() : default;
                return await db.Items.Cacheable(q => q.NotOlderThan(token)).OrderBy(i => i.Id).ToListAsync();
            });
        } },
        { "NeverCache in another cache", async s =>
        {
            await s.Warm(db => db.Items.Cacheable());
            s.Options = cache => cache.NeverCache<Item>().CacheAllQueries();
            await s.Sql("UPDATE items SET name = 'new'");
            await using var db = s.Open(cache: 2);
            await s.Read(db, d => d.Items.Cacheable());
        } },
    };

    public static TheoryData<string> NamesOfAll => All.Names;

    [Theory]
    [MemberData(nameof(NamesOfAll))]
    public Task Is_answered_as_without_the_cache(string attack) => RunAsync(All[attack]);

    /// <summary>Two queries, and both again.</summary>
    private static Func<Stage, Task> Two<T1, T2>(Func<AttackContext, IQueryable<T1>> first, Func<AttackContext, IQueryable<T2>> second)
        => async s =>
        {
            for (var i = 0; i < 2; i++)
            {
                await s.Read(first);
                await s.Read(second);
            }
        };

    /// <summary>Somebody else's write that nobody need tell of, until the second asker's own bound.</summary>
    private static Func<Stage, Task> Later(
        Func<QueryCachePolicyBuilder, QueryCachePolicyBuilder> first,
        Func<QueryCachePolicyBuilder, QueryCachePolicyBuilder> second,
        Func<Stage, Task> bound,
        bool reads = true)
        => async s =>
        {
            await s.Warm(db => db.Items.Cacheable(q => first(q)));
            await s.Sql("UPDATE items SET name = 'new'");
            if (reads)
                await s.Warm(db => db.Items.Cacheable(q => second(q)));
            await bound(s);
            await s.Read(db => db.Items.Cacheable(q => second(q)));
        };

    /// <summary>The first asker states a table, by which he takes upon him what nobody tells of; the second does not.</summary>
    private static Func<Stage, Task> Stated<T>(Func<AttackContext, IQueryable<T>> query, string change)
        => async s =>
        {
            await s.Warm(db => query(db).Cacheable(q => q.DependsOn("others")));
            await s.Sql(change);
            await s.Read(db => query(db).Cacheable());
        };

    private static Func<AttackContext, IQueryable<Item>> Find(params object[] parameters)
        => db => db.Items.FromSqlRaw("SELECT * FROM items WHERE grp = @a AND price = @b", parameters.Select(p => ((NpgsqlParameter)p).Clone()).ToArray());

    private static NpgsqlParameter P(string name, object value, Action<NpgsqlParameter>? configure = null)
    {
        var parameter = new NpgsqlParameter(name, value);
        configure?.Invoke(parameter);
        return parameter;
    }
}
