using EfSecondLevelCache.IntegrationTests.Support;
using Microsoft.EntityFrameworkCore;

namespace EfSecondLevelCache.IntegrationTests.Adversary;

/// <summary>A read is trusted not to write, and the code of the database that a write runs not to write elsewhere.</summary>
public sealed class HiddenWriteAttacks(PostgresServer server, ITestOutputHelper output) : AttackTests(server, output)
{
    private const string Bumping = "CREATE VIEW bumping AS SELECT id, name, bump(1) AS by FROM others;";

    /// <summary>An operator whose function writes.</summary>
    private const string Operator =
        """
        CREATE FUNCTION same(a int, b int) RETURNS bool LANGUAGE sql AS $$ SELECT public.bump(1) > 0 AND a = b $$;
        CREATE OPERATOR === (LEFTARG = int, RIGHTARG = int, FUNCTION = same);
        """;

    /// <summary>A cast whose function writes.</summary>
    private const string Cast =
        """
        CREATE TYPE pair AS (a int);
        CREATE FUNCTION to_pair(x int) RETURNS pair LANGUAGE sql AS $$ SELECT ROW(public.bump(1))::pair $$;
        CREATE CAST (int AS pair) WITH FUNCTION to_pair(int);
        """;

    private const string Wrapper = "CREATE FUNCTION wrapped() RETURNS int LANGUAGE sql STABLE AS $$ SELECT public.bump(1) $$;";

    private const string Harmless =
        "CREATE FUNCTION harmless() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;";

    /// <summary>A function that bears the name of one of PostgreSQL's.</summary>
    private const string Overload =
        "CREATE FUNCTION lower(x int) RETURNS int LANGUAGE sql AS $$ SELECT public.bump(x) $$;";

    private const string Domain =
        """
        CREATE FUNCTION checks(x text) RETURNS bool LANGUAGE sql AS $$ SELECT public.bump(1) > 0 $$;
        CREATE DOMAIN checked AS text CHECK (checks(VALUE));
        """;

    internal static readonly AttackList All = new(WeaknessKind.HiddenWrite)
    {
        // Reads.
        { "a function in SqlQuery", Bumped(db => db.Values<int>("bump(1)").ToListAsync()) },
        { "a function in SqlQuery, with a schema", Bumped(db => db.Values<int>("public.bump(1)").ToListAsync()) },
        { "a function in SqlQuery, composed", Bumped(db => db.Values<int>("bump(1)").SingleAsync()) },
        { "a function in SqlQuery, marked Cacheable", Bumped(db => db.Values<int>("bump(1)").Cacheable().ToListAsync()) },
        { "a function in SqlQuery, with a stated table", Bumped(db => db.Values<int>("bump(1)").Cacheable(q => q.DependsOn("others")).ToListAsync()) },
        { "a function in SqlQuery, behind WITH", Bumped(
            db => db.Database.SqlQueryRaw<int>("WITH x AS (SELECT bump(1) AS y) SELECT y AS \"Value\" FROM x").ToListAsync()) },
        { "a function in SqlQuery, in VALUES", Bumped(db => db.Database.SqlQueryRaw<int>("SELECT \"Value\" FROM (VALUES (bump(1))) v (\"Value\")").ToListAsync()) },
        { "a function in FROM of SqlQuery", Bumped(db => db.Values<int>("x", "FROM bump(1) x").ToListAsync()) },
        { "a function in FromSql", Bumped(db => db.Items.FromSqlRaw("SELECT * FROM bumped()").ToListAsync()) },
        { "a function in FromSql, composed", Bumped(db => db.Items.FromSqlRaw("SELECT * FROM bumped()").Where(i => i.Id == 1).ToListAsync()) },
        { "a function in a projection", Bumped(db => db.Others.Select(o => AttackContext.Bump(o.Id)).ToListAsync()) },
        { "a function in Where", Bumped(db => db.Others.Where(o => AttackContext.Bump(1) == 1).ToListAsync()) },
        { "a function in OrderBy", Bumped(db => db.Others.OrderBy(o => AttackContext.Bump(1)).ToListAsync()) },
        { "a function in Count", Bumped(db => db.Others.CountAsync(o => AttackContext.Bump(1) == 1)) },
        { "a function in a sum", Bumped(db => db.Others.SumAsync(o => AttackContext.Bump(1))) },
        { "a queryable function", Bumped(db => db.Bumped().ToListAsync()) },
        { "a queryable function, counted", Bumped(db => db.Bumped().CountAsync()) },
        { "a view that calls a function, LINQ", "CREATE OR REPLACE VIEW item_names AS SELECT bump(1) AS id, name FROM others;", Bumped(
            db => db.ItemNames.ToListAsync()) },
        { "a view that calls a function, SqlQuery", Bumping, Bumped(db => db.Values<int>("by", "FROM bumping").ToListAsync()) },
        { "a view that calls a function, FromSql", Bumping, Bumped(db => db.Others.FromSqlRaw("SELECT id, name FROM bumping WHERE by > 0").ToListAsync()) },
        { "f(t) as t.f in SqlQuery", Bumped(db => db.Values<int>("o.touch", "FROM others o").ToListAsync()) },
        { "f(t) as t.f in FromSql", Bumped(db => db.Others.FromSqlRaw("SELECT o.* FROM others o WHERE o.touch = 1").ToListAsync()) },
        { "an operator in SqlQuery", Operator, Bumped(db => db.Values<int>("id", "FROM others WHERE id === 1").ToListAsync()) },
        { "OPERATOR() in SqlQuery", Operator, Bumped(db => db.Values<int>("id", "FROM others WHERE id OPERATOR(public.===) 1").ToListAsync()) },
        { "an operator in a JOIN of FromSql", Operator, Bumped(
            db => db.Others.FromSqlRaw("SELECT o.* FROM others o JOIN details d ON o.id === d.id").ToListAsync()) },
        { "a cast in SqlQuery", Cast, Bumped(db => db.Values<string>("(id::pair)::text", "FROM others").ToListAsync()) },
        { "CAST in SqlQuery", Cast, Bumped(db => db.Values<string>("CAST(CAST(id AS pair) AS text)", "FROM others").ToListAsync()) },
        { "an aggregate",
            """
            CREATE FUNCTION added(a int, b int) RETURNS int LANGUAGE sql AS $$ SELECT public.bump(1) + a $$;
            CREATE AGGREGATE total(int) (SFUNC = added, STYPE = int, INITCOND = '0');
            """, Bumped(db => db.Values<int>("total(id)", "FROM others").ToListAsync()) },
        { "a function that bears the name of one of PostgreSQL's", Overload, Bumped(db => db.Values<int>("lower(1)").ToListAsync()) },
        { "a domain in SqlQuery", Domain, Bumped(db => db.Values<string>("name::checked::text", "FROM others").ToListAsync()) },
        { "a policy of a table that is read",
            "ALTER TABLE others ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON others TO {role} USING (bump(1) > 0); GRANT ALL ON items TO {role};",
            AsRole(db => db.Others.ToListAsync()) },
        { "a policy of a table that is read by raw SQL",
            "ALTER TABLE others ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON others TO {role} USING (bump(1) > 0);",
            AsRole(db => db.Values<int>("id", "FROM others").ToListAsync()) },
        { "EXPLAIN ANALYZE in SqlQuery", Bumped(db => db.Database.SqlQueryRaw<string>("EXPLAIN ANALYZE UPDATE items SET price = 7").ToListAsync()) },
        { "a function that executes SQL that it is given", Bumped(
            db => db.Values<string>("query_to_xml('SELECT bump(1)', true, false, '')::text").ToListAsync()) },
        { "a function in a tagged query", Bumped(db => db.Others.TagWith("x").Select(o => AttackContext.Bump(1)).ToListAsync()) },

        // ExecuteSql of what looks harmless.
        { "a function in ExecuteSql", Bumped(db => db.Sql("SELECT bump(1)")) },
        { "a view that calls a function, ExecuteSql", Bumping, Bumped(db => db.Sql("SELECT * FROM bumping")) },
        { "a view that calls a function, TABLE", Bumping, Bumped(db => db.Sql("TABLE bumping")) },
        { "f(t) as t.f in ExecuteSql", Bumped(db => db.Sql("SELECT o.touch FROM others o")) },
        { "an operator in ExecuteSql", Operator, Bumped(db => db.Sql("SELECT 1 === 1")) },
        { "an operator in UPDATE", Operator, Bumped(db => db.Sql("UPDATE others SET name = 'x' WHERE id === 1")) },
        { "an operator in DELETE", Operator, Bumped(db => db.Sql("DELETE FROM others WHERE id === 1")) },
        { "a cast in INSERT", Cast, Bumped(db => db.Sql("INSERT INTO others SELECT 9, (id::pair)::text FROM others LIMIT 1")) },
        { "a view that calls a function, in INSERT", Bumping, Bumped(db => db.Sql("INSERT INTO others SELECT id + 10, name FROM bumping WHERE by = 1")) },
        { "a view that calls a function, in RETURNING of a subquery", Bumping, Bumped(
            db => db.Sql("UPDATE others SET name = 'x' WHERE id IN (SELECT by FROM bumping)")) },
        { "REFRESH of a view that calls a function", "CREATE MATERIALIZED VIEW stored AS SELECT bump(0) AS x;", Bumped(
            db => db.Sql("REFRESH MATERIALIZED VIEW stored"), "CREATE OR REPLACE FUNCTION bump(by int) RETURNS int LANGUAGE sql AS 'UPDATE public.items SET price = price + 7 RETURNING 1'; ") },
        { "a function that bears the name of one of PostgreSQL's, ExecuteSql", Overload, Bumped(db => db.Sql("SELECT lower(1)")) },
        { "EXPLAIN ANALYZE of a view", Bumping, Bumped(db => db.Sql("EXPLAIN ANALYZE SELECT * FROM bumping")) },
        { "COPY of a view that calls a function", Bumping, Bumped(db => db.Sql("COPY (SELECT * FROM bumping) TO '/dev/null'")) },
        { "COPY of a query that calls a function", Bumped(db => db.Sql("COPY (SELECT bump(1)) TO '/dev/null'")) },

        // What writes run.
        { "a function in a setter", Bumped(db => db.Others.ExecuteUpdateAsync(set => set.SetProperty(o => o.Name, o => AttackContext.Bump(1).ToString()))) },
        { "a function in the filter of ExecuteUpdate", Bumped(
            db => db.Others.Where(o => AttackContext.Bump(1) == 1).ExecuteUpdateAsync(set => set.SetProperty(o => o.Name, "x"))) },
        { "a function in the filter of ExecuteDelete", Bumped(db => db.Others.Where(o => AttackContext.Bump(1) == 1).ExecuteDeleteAsync()) },
        { "WHEN of a trigger", Harmless + "CREATE TRIGGER t BEFORE UPDATE ON others FOR EACH ROW WHEN (bump(1) > 0) EXECUTE FUNCTION harmless();",
            Bumped(SaveOther) },
        { "WHEN of a trigger, ExecuteUpdate",
            Harmless + "CREATE TRIGGER t BEFORE UPDATE ON others FOR EACH ROW WHEN (bump(1) > 0) EXECUTE FUNCTION harmless();",
            Bumped(db => db.Others.ExecuteUpdateAsync(set => set.SetProperty(o => o.Name, "x"))) },
        { "WHEN of a trigger with an operator", Operator + Harmless +
            "CREATE TRIGGER t BEFORE UPDATE ON others FOR EACH ROW WHEN (NEW.id === 1) EXECUTE FUNCTION harmless();", Bumped(SaveOther) },
        { "a trigger that writes",
            "CREATE FUNCTION t() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE items SET price = 7; RETURN NULL; END $$;"
            + "CREATE TRIGGER t AFTER UPDATE ON others FOR EACH ROW EXECUTE FUNCTION t();", Bumped(SaveOther) },
        { "a trigger whose expression has an operator", Operator + Trigger("IF NEW.id === 1 THEN NEW.name := 'x'; END IF;"), Bumped(SaveOther) },
        { "a trigger whose expression has a cast", Cast + Trigger("NEW.name := (NEW.id::pair)::text;"), Bumped(SaveOther) },
        { "a trigger that calls f(t) as t.f", Trigger("NEW.name := (NEW).touch::text;"), Bumped(SaveOther) },
        { "a trigger with a variable whose domain checks", Domain + Trigger("DECLARE x checked; BEGIN x := NEW.name; END;"), Bumped(SaveOther) },
        { "a trigger that calls a function by the name of one of PostgreSQL's", Overload + Trigger("PERFORM lower(1);"), Bumped(SaveOther) },
        { "a trigger that is said to be STABLE",
            Wrapper + "CREATE FUNCTION t() RETURNS trigger LANGUAGE plpgsql STABLE AS $$ BEGIN PERFORM public.bump(1); RETURN NEW; END $$;"
            + "CREATE TRIGGER t BEFORE UPDATE ON others FOR EACH ROW EXECUTE FUNCTION t();", Bumped(SaveOther) },
        { "a trigger that calls a STABLE function that writes", Wrapper + Trigger("PERFORM wrapped();"), Bumped(SaveOther) },
        { "a policy's WITH CHECK",
            "ALTER TABLE others ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON others TO {role} USING (true) WITH CHECK (bump(1) > 0);",
            AsRole(db => db.Others.ExecuteUpdateAsync(set => set.SetProperty(o => o.Name, "x"))) },
        { "a policy's WITH CHECK, SaveChanges",
            "ALTER TABLE others ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON others TO {role} USING (true) WITH CHECK (bump(1) > 0);",
            AsRole(AddOther) },
        { "a policy's USING, of a write",
            "ALTER TABLE others ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON others TO {role} USING (bump(1) > 0);",
            AsRole(db => db.Sql("UPDATE others SET name = 'x'")) },
        { "a domain's check", Domain + "ALTER TABLE others ALTER name TYPE checked;", Bumped(AddOther) },
        { "a domain's default",
            "CREATE DOMAIN defaulted AS int DEFAULT bump(1); ALTER TABLE others ADD extra defaulted;",
            Bumped(AddOther) },
        { "a default", "ALTER TABLE others ADD extra int; ALTER TABLE others ALTER extra SET DEFAULT bump(1);", Bumped(AddOther) },
        { "a default with an operator", Operator + "ALTER TABLE others ADD extra bool; ALTER TABLE others ALTER extra SET DEFAULT 1 === 1;", Bumped(AddOther) },
        { "a default with a STABLE function that writes", Wrapper + "ALTER TABLE others ADD extra int; ALTER TABLE others ALTER extra SET DEFAULT wrapped();",
            Bumped(AddOther) },
        { "a check", "ALTER TABLE others ADD CHECK (bump(1) > 0) NOT VALID;", Bumped(AddOther) },
        { "a check with an operator", Operator + "ALTER TABLE others ADD CHECK (id === id) NOT VALID;", Bumped(AddOther) },
        { "a check with a cast", Cast + "ALTER TABLE others ADD CHECK ((id::pair)::text <> '') NOT VALID;", Bumped(AddOther) },
        { "a check that calls f(t) as t.f", "ALTER TABLE others ADD CHECK (others.touch > 0) NOT VALID;", Bumped(AddOther) },
        { "an assignment cast of a column's type",
            """
            CREATE TYPE pair AS (a text);
            CREATE FUNCTION to_pair(x text) RETURNS pair LANGUAGE sql AS $$ SELECT ROW(public.bump(1))::pair $$;
            CREATE CAST (text AS pair) WITH FUNCTION to_pair(text) AS ASSIGNMENT;
            DELETE FROM others; ALTER TABLE others DROP name; ALTER TABLE others ADD name pair;
            """, Bumped(db => db.Sql("INSERT INTO others VALUES (9, 'x'::text)")) },
        { "a rule", "CREATE RULE r AS ON UPDATE TO others DO ALSO UPDATE items SET price = 7;", Bumped(SaveOther) },
        { "a rule that calls a function", "CREATE RULE r AS ON UPDATE TO others DO ALSO SELECT bump(1);", Bumped(
            db => db.Sql("UPDATE others SET name = 'x'")) },
        { "an updatable view with a function in its WHERE", "CREATE VIEW some AS SELECT id, name FROM others WHERE bump(1) > 0;", Bumped(
            db => db.Sql("UPDATE some SET name = 'x'")) },
        { "an INSTEAD OF trigger",
            "CREATE FUNCTION t() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM bump(1); RETURN NEW; END $$;"
            + "CREATE VIEW some AS SELECT id, name FROM others; CREATE TRIGGER t INSTEAD OF UPDATE ON some FOR EACH ROW EXECUTE FUNCTION t();",
            Bumped(db => db.Sql("UPDATE some SET name = 'x'")) },
        { "an event trigger",
            "CREATE FUNCTION t() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM bump(1); END $$;"
            + "CREATE EVENT TRIGGER t ON ddl_command_end EXECUTE FUNCTION t();", Bumped(db => db.Sql("CREATE TABLE more (id int)")) },
    };

    public static TheoryData<string> NamesOfAll => All.Names;

    [Theory]
    [MemberData(nameof(NamesOfAll))]
    public Task Is_answered_as_without_the_cache(string attack) => RunAsync(All[attack]);

    private static Task SaveOther(AttackContext db) => db.Save(new Other { Id = 1, Name = "x" });

    private static Task AddOther(AttackContext db) => db.Save(new Other { Id = 9, Name = "x" }, EntityState.Added);

    private static string Trigger(string body)
        => $"CREATE FUNCTION t() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} RETURN NEW; END $$;"
            + "CREATE TRIGGER t BEFORE UPDATE ON others FOR EACH ROW EXECUTE FUNCTION t();";

    /// <param name="write">Changes items, although they are not named.</param>
    /// <param name="first">SQL of somebody else, who is known to the cache before it reads.</param>
    private static Func<Stage, Task> Bumped(Func<AttackContext, Task> write, string? first = null)
        => async s =>
        {
            if (first is not null)
                await s.Sql(first);
            await s.Read(db => db.Items, "items");
            await s.Read(db => db.Items.Where(i => i.Id == 1), "item 1");
            await s.Do(write);
            await s.Read(db => db.Items, "items");
            await s.Read(db => db.Items.Where(i => i.Id == 1), "item 1");
        };

    private static Func<Stage, Task> AsRole(Func<AttackContext, Task> write)
        => async s =>
        {
            s.Options = cache => cache.CacheAllQueries().VaryBy(_ => "x");
            await s.Read(db => db.Items);
            await using (var db = s.Open(s.RoleConnectionString))
            {
                await s.Read(db, d => d.Items);
                await s.Do(db, write);
                await s.Read(db, d => d.Items);
            }

            await s.Read(db => db.Items);
        };
}
