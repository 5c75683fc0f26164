using EfSecondLevelCache.IntegrationTests.Support;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace EfSecondLevelCache.IntegrationTests.Adversary;

/// <summary>Values are taken as the model has them, or as SQL usually reads them, not as PostgreSQL keeps and reads them.</summary>
public sealed class ValueAttacks(PostgresServer server, ITestOutputHelper output) : AttackTests(server, output)
{
    private static readonly DateTime Noon = new(2024, 2, 29, 12, 0, 0);

    private const string Reading = "CREATE FUNCTION {0} RETURNS {1} LANGUAGE sql STABLE AS $$ SELECT {2} $$;";

    internal static readonly AttackList All = new(WeaknessKind.Value)
    {
        // What a column does to a value that is written.
        { "the precision of a timestamp", "ALTER TABLE moments ALTER at TYPE timestamp(0);", Stored(Noon.AddSeconds(1), Noon.AddSeconds(0.6)) },
        { "the precision of a timestamp, one digit", "ALTER TABLE moments ALTER at TYPE timestamp(1);", Stored(Noon.AddSeconds(0.7), Noon.AddSeconds(0.66)) },
        { "the precision of a timestamp, three digits", "ALTER TABLE moments ALTER at TYPE timestamp(3);", Stored(Noon.AddSeconds(0.124), Noon.AddSeconds(0.1236)) },
        { "the precision of a timestamp with time zone", "ALTER TABLE moments ALTER atz TYPE timestamptz(0);", StoredWithZone(Noon.AddSeconds(1), Noon.AddSeconds(0.6)) },
        { "the precision of a domain", "CREATE DOMAIN second AS timestamp(0); ALTER TABLE moments ALTER at TYPE second;", Stored(Noon.AddSeconds(1), Noon.AddSeconds(0.6)) },
        { "the precision of a domain over a domain", "CREATE DOMAIN second AS timestamp(0); CREATE DOMAIN second_too AS second; ALTER TABLE moments ALTER at TYPE second_too;",
            Stored(Noon.AddSeconds(1), Noon.AddSeconds(0.6)) },
        { "the precision of a partition",
            "DROP TABLE moments; CREATE TABLE moments (id int, at timestamp(0), atz timestamptz) PARTITION BY LIST (id); CREATE TABLE m1 PARTITION OF moments DEFAULT; INSERT INTO moments VALUES (1, '2024-02-29 12:00', '2024-02-29 12:00+00');",
            Stored(Noon.AddSeconds(1), Noon.AddSeconds(0.6)) },
        { "the precision that a column gets later", "", async s =>
        {
            await s.Read(At(Noon.AddSeconds(1)));
            await s.Sql("ALTER TABLE moments ALTER at TYPE timestamp(0)");
            await s.Settle();
            await s.Read(At(Noon.AddSeconds(1)));
            await s.Do(db => db.Save(new Moment { Id = 1, At = Noon.AddSeconds(0.6), Atz = Utc(Noon) }));
            await s.Read(At(Noon.AddSeconds(1)));
        } },
        { "less than a microsecond", "", Stored(Noon.AddTicks(10), Noon.AddTicks(14)) },
        { "less than a microsecond, with time zone", "", StoredWithZone(Noon.AddTicks(10), Noon.AddTicks(14)) },
        { "a time at the end of time", "", Stored(DateTime.MaxValue, DateTime.MaxValue) },
        { "a timestamp where the model has another", "ALTER TABLE moments ALTER at TYPE timestamptz USING at AT TIME ZONE 'UTC';", StoredSql(
            Noon, "UPDATE moments SET at = '2024-02-29 12:00+00'") },
        { "a length of a text, with blanks", "ALTER TABLE items ALTER name TYPE varchar(3);", StoredName("abc", "abc  ") },
        { "a padded text", "ALTER TABLE items ALTER name TYPE char(5);", StoredName("abc", "abc  ") },
        { "a text whose case does not matter", "CREATE EXTENSION citext; ALTER TABLE items ALTER name TYPE citext;", StoredName("ABC", "abc") },
        { "a domain over a text whose case does not matter", "CREATE EXTENSION citext; CREATE DOMAIN d AS citext; ALTER TABLE items ALTER name TYPE d;", StoredName("ABC", "abc") },
        { "a collation for which different texts are equal",
            "CREATE COLLATION blind (provider = icu, locale = 'und-u-ks-level2', deterministic = false); ALTER TABLE items ALTER name TYPE text COLLATE blind;", StoredName("ABC", "abc") },
        { "a collation of a domain",
            "CREATE COLLATION blind (provider = icu, locale = 'und-u-ks-level2', deterministic = false); CREATE DOMAIN d AS text COLLATE blind; ALTER TABLE items ALTER name TYPE d;", StoredName("ABC", "abc") },
        { "a collation for which accents do not matter",
            "CREATE COLLATION blind (provider = icu, locale = 'und-u-ks-level1', deterministic = false); ALTER TABLE items ALTER name TYPE text COLLATE blind;", StoredName("abc", "äbc") },
        { "a collation for which normal forms are equal",
            "CREATE COLLATION blind (provider = icu, locale = 'und', deterministic = false); ALTER TABLE items ALTER name TYPE text COLLATE blind;", StoredName("\u00e4", "a\u0308") },
        { "a name", "DROP VIEW item_names; ALTER TABLE items ALTER name TYPE name;", StoredName(new string('a', 63), new string('a', 70)) },
        { "a trigger that trims", "CREATE FUNCTION t() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.name := lower(NEW.name); RETURN NEW; END $$; CREATE TRIGGER t BEFORE INSERT OR UPDATE ON items FOR EACH ROW EXECUTE FUNCTION t();",
            StoredName("abc", "ABC") },
        { "a trigger that makes a new row",
            "CREATE FUNCTION t() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW := json_populate_record(NEW, '{\"name\": \"abc\"}'); RETURN NEW; END $$; CREATE TRIGGER t BEFORE INSERT OR UPDATE ON items FOR EACH ROW EXECUTE FUNCTION t();",
            StoredName("abc", "x") },
        { "a trigger that returns another row",
            "CREATE FUNCTION t() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN ROW(NEW.id, NEW.grp, NEW.price, 'abc'); END $$; CREATE TRIGGER t BEFORE INSERT OR UPDATE ON items FOR EACH ROW EXECUTE FUNCTION t();",
            StoredName("abc", "x") },
        { "a trigger that selects into the row",
            "CREATE FUNCTION t() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN SELECT 'abc' INTO NEW.name; RETURN NEW; END $$; CREATE TRIGGER t BEFORE INSERT OR UPDATE ON items FOR EACH ROW EXECUTE FUNCTION t();",
            StoredName("abc", "x") },
        { "a trigger that gives another function's row",
            "CREATE FUNCTION f(r items) RETURNS items LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN r.name := 'abc'; RETURN r; END $$; CREATE FUNCTION t() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN f(NEW); END $$; CREATE TRIGGER t BEFORE INSERT OR UPDATE ON items FOR EACH ROW EXECUTE FUNCTION t();",
            StoredName("abc", "x") },
        { "a cast of the user's when it is assigned",
            """
            CREATE TYPE shade AS ENUM ('abc', 'def'); CREATE FUNCTION to_shade(x text) RETURNS shade LANGUAGE sql IMMUTABLE AS $$ SELECT 'abc'::shade $$;
            CREATE CAST (text AS shade) WITH FUNCTION to_shade(text) AS ASSIGNMENT;
            CREATE FUNCTION is_shade(a shade, b text) RETURNS bool LANGUAGE sql IMMUTABLE AS $$ SELECT a::text = b $$;
            CREATE OPERATOR = (LEFTARG = shade, RIGHTARG = text, FUNCTION = is_shade);
            DROP VIEW item_names; ALTER TABLE items DROP name; ALTER TABLE items ADD name shade NOT NULL DEFAULT 'def';
            """, async s =>
        {
            await s.Read(db => db.Items.Where(i => i.Name == "abc").Select(i => i.Id));
            await s.Do(db => db.Save(new Item { Id = 7, Name = "x" }, EntityState.Added));
            await s.Read(db => db.Items.Where(i => i.Name == "abc").Select(i => i.Id));
        } },
        { "numbers whose digits differ", "ALTER TABLE items ALTER grp TYPE numeric(5, 0);", StoredSqlGroup("7", "UPDATE items SET grp = 7.4 WHERE id = 1") },
        { "a number that is a float in the database", "ALTER TABLE items ALTER grp TYPE float8;", StoredSqlGroup("0", "UPDATE items SET grp = -0.0 WHERE id = 1") },
        { "a number that is a domain", "CREATE DOMAIN d AS int; ALTER TABLE items ALTER grp TYPE d;", StoredSqlGroup("7", "UPDATE items SET grp = 7 WHERE id = 1") },
        { "an operator of the user's in the place of PostgreSQL's",
            """
            CREATE FUNCTION near(a int, b int) RETURNS bool LANGUAGE sql IMMUTABLE AS $$ SELECT abs(a - b) < 2 $$;
            CREATE OPERATOR public.= (LEFTARG = int, RIGHTARG = int, FUNCTION = near);
            """, async s =>
        {
            await using var db = s.Open(s.With(to => to.SearchPath = "public, pg_catalog"));
            await s.Read(db, d => d.Items.Where(i => i.Grp == 7).Select(i => i.Name));
            await s.Do(d => d.Sql("UPDATE items SET grp = 8 WHERE id = 1"));
            await s.Read(db, d => d.Items.Where(i => i.Grp == 7).Select(i => i.Name));
            await s.Do(d => d.Save(new Item { Id = 2, Grp = 8, Name = "two" }));
            await s.Read(db, d => d.Items.Where(i => i.Grp == 7).Select(i => i.Name));
        } },

        // Times that are text until SQL reads them. The row's time is a moment ahead.
        { "'now' in a parameter", Ahead, Moves(db => db.Values<int>("id", "FROM moments WHERE atz < @a::text::timestamptz", new NpgsqlParameter("a", "now"))) },
        { "'now' in a parameter of a date's type", Ahead, Moves(
            db => db.Values<int>("id", "FROM moments WHERE atz < @a", new NpgsqlParameter("a", NpgsqlTypes.NpgsqlDbType.Unknown) { Value = "now" })) },
        { "'now' of two texts", Ahead, Moves(db => db.Values<int>("id", "FROM moments WHERE atz < ('no' || 'w')::timestamptz")) },
        { "'now' over two lines", Ahead, Moves(db => db.Values<int>("id", "FROM moments WHERE atz < 'no'\n'w'::timestamptz")) },
        { "'now' with escapes", Ahead, Moves(db => db.Values<int>("id", "FROM moments WHERE atz < E'n\\157w'::timestamptz")) },
        { "'now' with Unicode escapes", Ahead, Moves(db => db.Values<int>("id", "FROM moments WHERE atz < U&'n\\006Fw'::timestamptz")) },
        { "'now' in dollars", Ahead, Moves(db => db.Values<int>("id", "FROM moments WHERE atz < $$now$$::timestamptz")) },
        { "'now' in capitals", Ahead, Moves(db => db.Values<int>("id", "FROM moments WHERE atz < ' NOW '::timestamptz")) },
        { "'now' as a function made it", Ahead, Moves(db => db.Values<int>("id", "FROM moments WHERE atz < lower('NO' || chr(87))::timestamptz")) },
        { "'now' in a row", Ahead + "UPDATE others SET name = 'now';", Moves(
            db => db.Values<int>("m.id", "FROM moments m, others o WHERE o.id = 1 AND m.atz < o.name::timestamptz")) },
        { "'now' in JSON", Ahead, Moves(db => db.Values<int>("id", "FROM moments WHERE atz < ('{{\"t\": \"no' || 'w\"}}')::json ->> 't' IS NOT NULL AND atz < (json_build_object('t', 'no' || 'w') ->> 't')::timestamptz"
            .Replace("('{{\"t\": \"no' || 'w\"}}')::json ->> 't' IS NOT NULL AND atz < ", "", StringComparison.Ordinal))) },
        { "'now' in a range", Ahead, Moves(db => db.Values<int>("id", "FROM moments WHERE ('(,no' || 'w)')::tstzrange @> atz")) },
        { "'now' in an array", Ahead, Moves(db => db.Values<int>("id", "FROM moments WHERE atz < (string_to_array('no' || 'w', ',')::timestamptz[])[1]")) },
        { "'now' as the type's function", Ahead, Moves(db => db.Values<int>("id", "FROM moments WHERE atz < timestamptz('no' || 'w')")) },
        { "'now' as the type's input", Ahead, Moves(db => db.Values<int>("id", "FROM moments WHERE atz < timestamptz_in(('no' || 'w')::cstring, 0, -1)")) },
        { "'now' in a record", Ahead, Moves(
            db => db.Values<int>("m.id", "FROM moments m, json_to_record(json_build_object('t', 'no' || 'w')) AS r (t timestamptz) WHERE m.atz < r.t")) },
        { "'now' in a view", Ahead + "CREATE VIEW past AS SELECT id FROM moments WHERE atz < ('no' || 'w')::timestamptz;", Moves(db => db.Values<int>("id", "FROM past")) },
        { "'now' in a view, of a row", Ahead + "UPDATE others SET name = 'now'; CREATE VIEW past AS SELECT m.id FROM moments m, others o WHERE o.id = 1 AND m.atz < o.name::timestamptz;",
            Moves(db => db.Values<int>("id", "FROM past")) },
        { "'now' in an IMMUTABLE function's argument", Ahead + "CREATE FUNCTION same(x text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT x';", Moves(
            db => db.Values<int>("id", "FROM moments WHERE atz < same('no' || 'w')::timestamptz")) },

        // Functions, operators and casts that are not PostgreSQL's.
        { "a function that bears the name of one of PostgreSQL's", Function("lower(x int)"), Others(db => db.Values<long>("lower(1)")) },
        { "a function with the name of an aggregate", Function("max(x int, y int)"), Others(db => db.Values<long>("max(1, 2)")) },
        { "a function with the name of a construct", Function("\"coalesce\"(x int)"), Others(db => db.Values<long>("public.coalesce(1)")) },
        { "an aggregate that bears the name of one of PostgreSQL's",
            Function("plus(a bigint, b text)") + "CREATE AGGREGATE sum(text) (SFUNC = plus, STYPE = bigint, INITCOND = '0');", Others(
            db => db.Values<long>("sum(name)", "FROM items")) },
        { "a function ahead of PostgreSQL's", Function("lower(x text)", "text", "(SELECT count(*)::text FROM public.others)"), async s =>
        {
            await using var db = s.Open(s.With(to => to.SearchPath = "public, pg_catalog"));
            await s.Read(db, d => d.Items.Select(i => i.Name.ToLower()));
            await s.Do(d => d.Save(new Other { Id = 9 }, EntityState.Added));
            await s.Read(db, d => d.Items.Select(i => i.Name.ToLower()));
        } },
        { "a function ahead of PostgreSQL's, raw SQL", Function("lower(x text)", "text", "(SELECT count(*)::text FROM public.others)"), async s =>
        {
            await using var db = s.Open(s.With(to => to.SearchPath = "public, pg_catalog"));
            await s.Read(db, d => d.Values<string>("lower('A')"));
            await s.Do(d => d.Save(new Other { Id = 9 }, EntityState.Added));
            await s.Read(db, d => d.Values<string>("lower('A')"));
        } },
        { "an operator that reads", Function("counted(a int, b int)") + "CREATE OPERATOR === (LEFTARG = int, RIGHTARG = int, FUNCTION = counted);", Others(
            db => db.Values<long>("1 === 1")) },
        { "an operator that reads, in WHERE", Function("counted(a int, b int)", "bool", "count(*) > 2 FROM public.others")
            + "CREATE OPERATOR === (LEFTARG = int, RIGHTARG = int, FUNCTION = counted);", Others(db => db.Values<string>("name", "FROM items WHERE id === 1")) },
        { "an operator that reads, in a view", Function("counted(a int, b int)", "bool", "count(*) > 2 FROM public.others")
            + "CREATE OPERATOR === (LEFTARG = int, RIGHTARG = int, FUNCTION = counted); CREATE VIEW v AS SELECT name FROM items WHERE id === 1;", Others(
            db => db.Values<string>("name", "FROM v")) },
        { "a prefix operator that reads", Function("counted(a int)") + "CREATE OPERATOR @#@ (RIGHTARG = int, FUNCTION = counted);", Others(
            db => db.Values<long>("@#@ 1")) },
        { "an operator ahead of PostgreSQL's",
            Function("counted(a text, b text)", "text", "(SELECT count(*)::text FROM public.others)") + "CREATE OPERATOR public.|| (LEFTARG = text, RIGHTARG = text, FUNCTION = counted);", async s =>
        {
            await using var db = s.Open(s.With(to => to.SearchPath = "public, pg_catalog"));
            await s.Read(db, d => d.Items.Select(i => i.Name + "x"));
            await s.Do(d => d.Save(new Other { Id = 9 }, EntityState.Added));
            await s.Read(db, d => d.Items.Select(i => i.Name + "x"));
        } },
        { "a cast that reads", "CREATE TYPE pair AS (a bigint);" + Function("to_pair(x int)", "pair", "ROW(count(*))::pair FROM public.others")
            + "CREATE CAST (int AS pair) WITH FUNCTION to_pair(int);", Others(db => db.Values<string>("(1::pair)::text")) },
        { "a cast that reads, written CAST", "CREATE TYPE pair AS (a bigint);" + Function("to_pair(x int)", "pair", "ROW(count(*))::pair FROM public.others")
            + "CREATE CAST (int AS pair) WITH FUNCTION to_pair(int);", Others(db => db.Values<string>("CAST(CAST(1 AS pair) AS text)")) },
        { "an implicit cast that reads", "CREATE TYPE pair AS (a bigint);" + Function("to_pair(x int)", "pair", "ROW(count(*))::pair FROM public.others")
            + "CREATE CAST (int AS pair) WITH FUNCTION to_pair(int) AS IMPLICIT; CREATE FUNCTION shown(x pair) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT x::text';", Others(
            db => db.Values<string>("shown(1)")) },
        { "a domain that reads", Function("allowed(x text)", "bool", "count(*) = 2 FROM public.others") + "CREATE DOMAIN d AS text CHECK (allowed(VALUE));", async s =>
        {
            await s.Read(db => db.Values<string>("name::d::text", "FROM items"));
            await s.Do(db => db.Save(new Other { Id = 9 }, EntityState.Added));
            await s.Fail(db => db.Values<string>("name::d::text", "FROM items"));
        } },
        { "f(t) as t.f that reads", Function("counted(i items)"), Others(db => db.Values<long>("i.counted", "FROM items i")) },
        { "a function of a function's default", Function("counted()") + "CREATE FUNCTION shown(x bigint DEFAULT public.counted()) RETURNS bigint LANGUAGE sql IMMUTABLE AS 'SELECT x';", Others(
            db => db.Values<long>("shown()")) },
        { "a function in quotes", Function("\"Counted\"()"), Others(db => db.Values<long>("\"Counted\"()")) },
        { "a function that executes SQL that it is given", Others(db => db.Values<string>("query_to_xml('SELECT count(*) FROM others', true, false, '')::text")) },
        { "a function that reads the table that it is given", Others(db => db.Values<string>("table_to_xml('others', true, false, '')::text")) },
        { "rows of a cursor", Others(db => db.Values<string>("database_to_xml(true, false, '')::text", "FROM (SELECT 1) x")
            .Select(x => x.Contains("nine") ? "yes" : "no"), new Other { Id = 9, Name = "nine" }) },

        // How SQL is read.
        { "a backslash in a literal", async s => await Backslashes(s, to => to.Options = "-c standard_conforming_strings=off") },
        { "a backslash in a literal, after ALTER ROLE", "-- {role}", async s =>
        {
            await s.Sql("ALTER ROLE {role} SET standard_conforming_strings = off");
            await Backslashes(s, to => (to.Username, to.Password) = (s.Role, "role"));
        } },
        { "a backslash in a literal of a write", async s =>
        {
            await using var db = s.Open(s.With(to => to.Options = "-c standard_conforming_strings=off"));
            await s.Read(d => d.Others);
            await s.Do(db, d => d.Sql("UPDATE items SET name = '\\' WHERE id = 1 AND name <> '; UPDATE others SET name = 'new' --'"));
            await s.Read(d => d.Others);
        } },
        { "a backslash in a literal of a write, after SET", async s =>
        {
            await using var db = s.Open();
            await db.Database.OpenConnectionAsync();
            await s.Read(d => d.Others);
            await s.Do(db, d => d.Sql("SET standard_conforming_strings = off"));
            await s.Do(db, d => d.Sql("UPDATE items SET name = '\\' WHERE id = 1 AND name <> '; UPDATE others SET name = 'new' --'"));
            await s.Read(d => d.Others);
        } },
        { "a nested comment", Others(db => db.Values<long>("(/* /* */ SELECT 1 -- */ SELECT count(*) FROM others\n)")) },
        { "a dollar quote with a name", Others(db => db.Values<string>("$a$ ' $a$ || (SELECT count(*) FROM others)::text || $b$ ' $b$")) },
        { "= NULL", async s =>
        {
            await using var db = s.Open(s.With(to => to.Options = "-c transform_null_equals=on"));
            await s.Read(db, d => d.Values<string>("name", "FROM items WHERE (SELECT min(name) FROM others WHERE id = 99) = NULL"));
            await s.Do(d => d.Save(new Other { Id = 99, Name = "x" }, EntityState.Added));
            await s.Read(db, d => d.Values<string>("name", "FROM items WHERE (SELECT min(name) FROM others WHERE id = 99) = NULL"));
        } },
    };

    private const string Ahead = "UPDATE moments SET atz = clock_timestamp() + interval '600 ms';";

    public static TheoryData<string> NamesOfAll => All.Names;

    [Theory]
    [MemberData(nameof(NamesOfAll))]
    public Task Is_answered_as_without_the_cache(string attack) => RunAsync(All[attack]);

    private static DateTime Utc(DateTime time) => DateTime.SpecifyKind(time, DateTimeKind.Utc);

    private static string Function(string signature, string returns = "bigint", string body = "count(*) FROM public.others")
        => Reading.Replace("{0}", signature, StringComparison.Ordinal).Replace("{1}", returns, StringComparison.Ordinal)
            .Replace("{2}", body, StringComparison.Ordinal);

    private static Func<AttackContext, IQueryable<int>> At(DateTime at) => db => db.Moments.Where(m => m.At == at).Select(m => m.Id);

    /// <summary>A row of one value is asked for, and another value is written that the column makes the same.</summary>
    private static Func<Stage, Task> Stored(DateTime asked, DateTime written)
        => async s =>
        {
            await s.Read(At(asked));
            await s.Do(db => db.Save(new Moment { Id = 1, At = written, Atz = Utc(Noon) }));
            await s.Read(At(asked));
            await s.Do(db => db.Save(new Moment { Id = 2, At = written, Atz = Utc(Noon) }, EntityState.Added));
            await s.Read(At(asked));
            await s.Do(db => db.Save(new Moment { Id = 1, At = Noon.AddDays(1), Atz = Utc(Noon) }));
            await s.Read(At(asked));
        };

    private static Func<Stage, Task> StoredWithZone(DateTime asked, DateTime written)
        => async s =>
        {
            var at = Utc(asked);
            await s.Read(db => db.Moments.Where(m => m.Atz == at).Select(m => m.Id));
            await s.Do(db => db.Save(new Moment { Id = 1, At = Noon, Atz = Utc(written) }));
            await s.Read(db => db.Moments.Where(m => m.Atz == at).Select(m => m.Id));
            await s.Do(db => db.Save(new Moment { Id = 2, At = Noon, Atz = Utc(written) }, EntityState.Added));
            await s.Read(db => db.Moments.Where(m => m.Atz == at).Select(m => m.Id));
        };

    private static Func<Stage, Task> StoredSql(DateTime asked, string write)
        => async s =>
        {
            await s.Read(At(asked));
            await s.Do(db => db.Sql(write));
            await s.Read(At(asked));
        };

    private static Func<Stage, Task> StoredSqlGroup(string grp, string write)
        => async s =>
        {
            var asked = int.Parse(grp, System.Globalization.CultureInfo.InvariantCulture);
            await s.Read(db => db.Items.Where(i => i.Grp == asked).Select(i => i.Id));
            await s.Do(db => db.Sql(write));
            await s.Read(db => db.Items.Where(i => i.Grp == asked).Select(i => i.Id));
            await s.Do(db => db.Items.Where(i => i.Id == 2).ExecuteUpdateAsync(set => set.SetProperty(i => i.Grp, asked)));
            await s.Read(db => db.Items.Where(i => i.Grp == asked).Select(i => i.Id));
        };

    private static Func<Stage, Task> StoredName(string asked, string written)
        => async s =>
        {
            await s.Read(db => db.Items.Where(i => i.Name == asked).Select(i => i.Id));
            await s.Do(db => db.Save(new Item { Id = 1, Name = written }));
            await s.Read(db => db.Items.Where(i => i.Name == asked).Select(i => i.Id));
            await s.Do(db => db.Save(new Item { Id = 7, Name = written }, EntityState.Added));
            await s.Read(db => db.Items.Where(i => i.Name == asked).Select(i => i.Id));
        };

    /// <summary>Nobody writes; time passes.</summary>
    private static Func<Stage, Task> Moves<T>(Func<AttackContext, IQueryable<T>> query)
        => async s =>
        {
            await s.Warm(query);
            await Task.Delay(750, TestContext.Current.CancellationToken);
            await s.Read(query);
        };

    /// <summary>What depends on others, though it names them nowhere.</summary>
    private static Func<Stage, Task> Others<T>(Func<AttackContext, IQueryable<T>> query, Other? added = null)
        => async s =>
        {
            await s.Read(query);
            await s.Do(db => db.Save(added ?? new Other { Id = 9, Name = "nine" }, EntityState.Added));
            await s.Read(query);
        };

    private static async Task Backslashes(Stage s, Action<NpgsqlConnectionStringBuilder> configure)
    {
        await using var db = s.Open(s.With(configure));
        await s.Read(db, d => d.Values<string>("name", "FROM items WHERE name <> '\\' AND name <> ' OR 3 = (SELECT count(*) FROM others) --'"));
        await s.Do(d => d.Save(new Other { Id = 9 }, EntityState.Added));
        await s.Read(db, d => d.Values<string>("name", "FROM items WHERE name <> '\\' AND name <> ' OR 3 = (SELECT count(*) FROM others) --'"));
    }
}
