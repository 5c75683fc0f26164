using EfSecondLevelCache.IntegrationTests.Support;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace EfSecondLevelCache.IntegrationTests.Adversary;

/// <summary>A fact of the catalog is read once and believed later.</summary>
public sealed class CatalogAttacks(PostgresServer server, ITestOutputHelper output) : AttackTests(server, output)
{
    private const string Immutable = "CREATE FUNCTION rate() RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1';";
    private const string Mood = "CREATE TYPE mood AS ENUM ('sad', 'happy'); CREATE TABLE moods (id int, m mood); INSERT INTO moods VALUES (1, 'sad'), (2, 'happy');";
    private const string Secured = "CREATE POLICY p ON items TO {role} USING (id < 3);";

    private const string Parts =
        """
        CREATE TABLE parts (id int, name text NOT NULL) PARTITION BY RANGE (id);
        CREATE TABLE parts_low PARTITION OF parts FOR VALUES FROM (0) TO (100);
        CREATE TABLE parts_high (id int, name text NOT NULL);
        INSERT INTO parts VALUES (1, 'low'); INSERT INTO parts_high VALUES (101, 'high');
        """;

    private const string Family = "CREATE TABLE more (LIKE items); INSERT INTO more VALUES (9, 9, 9, 'nine');";

    private const string Search =
        "CREATE TEXT SEARCH CONFIGURATION words (COPY = english);";

    private const string Operator =
        """
        CREATE FUNCTION same(a int, b int) RETURNS bool LANGUAGE sql IMMUTABLE AS $$ SELECT a = b $$;
        CREATE FUNCTION other(a int, b int) RETURNS bool LANGUAGE sql IMMUTABLE AS $$ SELECT a <> b $$;
        CREATE OPERATOR === (LEFTARG = int, RIGHTARG = int, FUNCTION = same);
        """;

    private const string Cast =
        """
        CREATE TYPE pair AS (a int, b int);
        CREATE FUNCTION to_pair(x int) RETURNS pair LANGUAGE sql IMMUTABLE AS $$ SELECT ROW(x, 1)::pair $$;
        CREATE FUNCTION to_other_pair(x int) RETURNS pair LANGUAGE sql IMMUTABLE AS $$ SELECT ROW(x, 2)::pair $$;
        CREATE CAST (int AS pair) WITH FUNCTION to_pair(int);
        """;

    /// <summary>A trigger that writes details when items are written.</summary>
    private const string Touching =
        """
        CREATE FUNCTION touching() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE details SET name = name || '!'; RETURN NULL; END $$;
        CREATE TRIGGER touching AFTER UPDATE ON items FOR EACH ROW EXECUTE FUNCTION touching();
        """;

    private const string ToGroup7 =
        """
        CREATE FUNCTION to_group() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.grp := 7; RETURN NEW; END $$;
        CREATE TRIGGER to_group BEFORE UPDATE ON items FOR EACH ROW EXECUTE FUNCTION to_group();
        """;

    private const string ViewOfOthers = "CREATE OR REPLACE VIEW item_names AS SELECT id, name FROM others";

    private static readonly Watch[] Everybody = [Watch.Nobody, Watch.Notifications, Watch.Replication];

    internal static readonly AttackList All = new(WeaknessKind.Catalog);

    static CatalogAttacks()
    {
        // DDL of somebody else, by which an answer is another one. In a process that only hits, and where something else misses.
        Ddl("a view is replaced", "", Names(db => db.ItemNames.Select(n => n.Name)), ViewOfOthers, Everybody);
        Ddl("a view is replaced, raw SQL", "", db => db.Values<string>("name", "FROM item_names"), ViewOfOthers);
        Ddl("a view behind a view is replaced", "CREATE VIEW outer_names AS SELECT name FROM item_names;",
            db => db.Values<string>("name", "FROM outer_names"), ViewOfOthers);
        Ddl("an IMMUTABLE function is replaced", Immutable, db => db.Values<string>("rate()::text"),
            "CREATE OR REPLACE FUNCTION rate() RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 2'", Everybody);
        Ddl("a function that an IMMUTABLE one calls is replaced",
            Immutable + "CREATE FUNCTION rates() RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN rate(); END'",
            db => db.Values<string>("rates()::text"), "CREATE OR REPLACE FUNCTION rate() RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 2'");
        Ddl("a better overload of a function", "CREATE FUNCTION rate(x bigint) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1'",
            db => db.Values<string>("rate(1)::text"), "CREATE FUNCTION rate(x int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 2'");
        Ddl("a table takes the place of another", "CREATE TABLE new_items (LIKE items INCLUDING ALL); INSERT INTO new_items VALUES (1, 1, 1, 'new');", Items,
            "BEGIN; ALTER TABLE items RENAME TO old_items; ALTER TABLE new_items RENAME TO items; COMMIT", Everybody);
        Ddl("a table goes to another schema", "CREATE TABLE t1.new (LIKE items INCLUDING ALL);", Items,
            "BEGIN; ALTER TABLE items SET SCHEMA t2; ALTER TABLE t1.new RENAME TO newest; ALTER TABLE t1.newest SET SCHEMA public; ALTER TABLE newest RENAME TO items; COMMIT"
                .Replace("SET SCHEMA t2", "RENAME TO gone", StringComparison.Ordinal));
        Ddl("schemas change their names", "", db => db.Values<string>("name", "FROM t1.items"),
            "BEGIN; ALTER SCHEMA t1 RENAME TO t3; ALTER SCHEMA t2 RENAME TO t1; COMMIT", Everybody);
        Ddl("a column is renamed", "ALTER TABLE items ADD other text DEFAULT 'other';", db => db.Values<string>("name", "FROM items"),
            "BEGIN; ALTER TABLE items RENAME name TO was; ALTER TABLE items RENAME other TO name; COMMIT", Everybody);
        Ddl("a column is renamed, LINQ", "ALTER TABLE items ADD other text DEFAULT 'other';", Items,
            "BEGIN; ALTER TABLE items RENAME name TO was; ALTER TABLE items RENAME other TO name; COMMIT");
        Ddl("a label of an enum is renamed", Mood, db => db.Values<string>("m::text", "FROM moods"), "ALTER TYPE mood RENAME VALUE 'sad' TO 'blue'", Everybody);
        Ddl("labels of an enum change places", Mood, db => db.Values<string>("max(m)::text || name", "FROM moods, items GROUP BY name"),
            "ALTER TYPE mood RENAME VALUE 'sad' TO 'x'; ALTER TYPE mood RENAME VALUE 'happy' TO 'sad'; ALTER TYPE mood RENAME VALUE 'x' TO 'happy'");
        Ddl("a label of an enum is added", Mood, db => db.Values<string>("coalesce(array_length(enum_range_text, 1), 0)::text",
            "FROM (SELECT string_to_array(string_agg(m::text, ','), ',') AS enum_range_text FROM moods WHERE m > 'sad') x"),
            "ALTER TYPE mood ADD VALUE 'glad' AFTER 'sad'; UPDATE moods SET m = m");
        Ddl("a text search configuration is altered", Search, db => db.Values<string>("to_tsvector('words', 'running')::text"),
            "ALTER TEXT SEARCH CONFIGURATION words ALTER MAPPING FOR asciiword WITH simple", Everybody);
        Ddl("a text search dictionary is altered",
            "CREATE TEXT SEARCH DICTIONARY plain (TEMPLATE = simple, Accept = true);" + Search
            + "ALTER TEXT SEARCH CONFIGURATION words ALTER MAPPING FOR asciiword WITH plain;",
            db => db.Values<string>("to_tsvector('words', 'the running')::text"), "ALTER TEXT SEARCH DICTIONARY plain (StopWords = english)");
        Ddl("the default text search configuration of the database", Search, db => db.Values<string>("to_tsvector('running')::text"),
            "ALTER DATABASE {db} SET default_text_search_config = 'simple'", clearsPool: true);
        Ddl("an operator is made anew", Operator, db => db.Values<string>("name", "FROM items WHERE id === 1"),
            "BEGIN; DROP OPERATOR === (int, int); CREATE OPERATOR === (LEFTARG = int, RIGHTARG = int, FUNCTION = other); COMMIT", Everybody);
        Ddl("a better operator", "CREATE FUNCTION same(a bigint, b bigint) RETURNS bool LANGUAGE sql IMMUTABLE AS $$ SELECT a = b $$;"
            + "CREATE FUNCTION other(a int, b int) RETURNS bool LANGUAGE sql IMMUTABLE AS $$ SELECT a <> b $$;"
            + "CREATE OPERATOR === (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = same);",
            db => db.Values<string>("name", "FROM items WHERE id === 1"), "CREATE OPERATOR === (LEFTARG = int, RIGHTARG = int, FUNCTION = other)");
        Ddl("a cast is made anew", Cast, db => db.Values<string>("(id::pair)::text", "FROM items"),
            "BEGIN; DROP CAST (int AS pair); CREATE CAST (int AS pair) WITH FUNCTION to_other_pair(int); COMMIT", Everybody);
        Ddl("an aggregate is made anew",
            "CREATE FUNCTION left_one(a int, b int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT a'; CREATE FUNCTION right_one(a int, b int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT b';"
            + "CREATE AGGREGATE one(int) (SFUNC = left_one, STYPE = int, INITCOND = '0');",
            db => db.Values<string>("one(id)::text", "FROM items"), "CREATE OR REPLACE AGGREGATE one(int) (SFUNC = right_one, STYPE = int, INITCOND = '0')");
        Ddl("a composite type has one more attribute", "CREATE TYPE box2 AS (a int); CREATE TABLE boxes (b box2); INSERT INTO boxes VALUES (ROW(1)::box2);",
            db => db.Values<string>("b::text", "FROM boxes"), "ALTER TYPE box2 ADD ATTRIBUTE b int", Everybody);
        Ddl("a row type has one more column", "", db => db.Values<string>("o::text", "FROM others o"), "ALTER TABLE others ADD extra int DEFAULT 7", Everybody);
        Ddl("a row type has one column less", "ALTER TABLE others ADD extra int DEFAULT 7;", db => db.Values<string>("o::text", "FROM others o"),
            "ALTER TABLE others DROP extra");
        Ddl("the names of a row type", "", db => db.Values<string>("to_json(o)::text", "FROM others o"), "ALTER TABLE others RENAME name TO title", Everybody);
        Ddl("a column's collation",
            "CREATE COLLATION blind (provider = icu, locale = 'und-u-ks-level2', deterministic = false);",
            db => db.Values<string>("name", "FROM items WHERE name = 'ONE'"), "ALTER TABLE items ALTER name TYPE text COLLATE blind", Everybody);
        Ddl("a collation is made anew", "CREATE COLLATION c (provider = icu, locale = 'und', deterministic = true);",
            db => db.Values<string>("name", "FROM items WHERE name COLLATE c = 'ONE'"),
            "DROP COLLATION c; CREATE COLLATION c (provider = icu, locale = 'und-u-ks-level2', deterministic = false)", Everybody);
        Ddl("a column's type", "", db => db.Values<string>("pg_typeof(price)::text || name", "FROM items"), "ALTER TABLE items ALTER price TYPE bigint", Everybody);
        Ddl("a partition is attached", Parts, db => db.Values<string>("name", "FROM parts"),
            "ALTER TABLE parts ATTACH PARTITION parts_high FOR VALUES FROM (100) TO (200)", Everybody);
        Ddl("a partition is detached", Parts, db => db.Values<string>("name", "FROM parts"), "ALTER TABLE parts DETACH PARTITION parts_low", Everybody);
        Ddl("a child is added", Family, Items, "ALTER TABLE more INHERIT items", Everybody);
        Ddl("a child is taken away", Family + "ALTER TABLE more INHERIT items;", Items, "ALTER TABLE more NO INHERIT items");
        Ddl("a table hides another", "CREATE TABLE t1.others (LIKE others); INSERT INTO t1.others VALUES (1, 'of t1');",
            db => db.Values<string>("name", "FROM others"), "ALTER TABLE t1.others SET SCHEMA t2", path: "t2, public");
        Ddl("a function hides another", Immutable, db => db.Values<string>("rate()::text"),
            "CREATE FUNCTION t2.rate() RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 2'", path: "t2, public");
        Ddl("the user's schema comes into being", "GRANT CREATE ON DATABASE {db} TO {role}", Items,
            "CREATE SCHEMA {role} AUTHORIZATION {role} CREATE TABLE items (LIKE public.items)", asRole: true);
        Ddl("a range type is made anew", "CREATE TYPE floats AS RANGE (SUBTYPE = float8);", db => db.Values<string>("floats(1, 2)::text"),
            "DROP TYPE floats; CREATE TYPE floats AS RANGE (SUBTYPE = int4)");

        // Rights.
        Ddl("row security is switched on", Secured, Items, "ALTER TABLE items ENABLE ROW LEVEL SECURITY", Everybody, asRole: true);
        Ddl("a policy is altered", Secured + "ALTER TABLE items ENABLE ROW LEVEL SECURITY;", Items, "ALTER POLICY p ON items USING (id < 2)", Everybody, asRole: true);
        Ddl("a policy is added", Secured + "ALTER TABLE items ENABLE ROW LEVEL SECURITY;", Items, "CREATE POLICY q ON items TO {role} USING (id = 3)", asRole: true);
        Ddl("a user bypasses row security", Secured + "ALTER TABLE items ENABLE ROW LEVEL SECURITY;", Items, "ALTER ROLE {role} BYPASSRLS", Everybody, asRole: true);
        Ddl("a user gets the owner's rights", Secured + "ALTER TABLE items ENABLE ROW LEVEL SECURITY; CREATE ROLE {db}_owner; GRANT USAGE ON SCHEMA public TO {db}_owner;"
            + "ALTER TABLE items OWNER TO {db}_owner;", Items, "GRANT {db}_owner TO {role}", asRole: true, drops: "{db}_owner");
        Ddl("a view becomes its invoker's", "CREATE VIEW v AS SELECT name FROM items; ALTER TABLE items ENABLE ROW LEVEL SECURITY;" + Secured,
            db => db.Values<string>("name", "FROM v"), "ALTER VIEW v SET (security_invoker = true)", asRole: true);
        Ddl("a function that a policy calls is replaced",
            "CREATE FUNCTION seen(x int) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT x < 3'; CREATE POLICY p ON items TO {role} USING (seen(id));"
            + "ALTER TABLE items ENABLE ROW LEVEL SECURITY;", Items, "CREATE OR REPLACE FUNCTION seen(x int) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT x < 2'", asRole: true);
        Revoked("the right to read a table", Items, "REVOKE SELECT ON items FROM {role}");
        Revoked("the right to read a column", Items, "REVOKE SELECT ON items FROM {role}; GRANT SELECT (id, grp) ON items TO {role}");
        Revoked("the right to a schema", db => db.Values<string>("name", "FROM t1.items"), "REVOKE USAGE ON SCHEMA t1 FROM {role}");
        Revoked("the right to call a function", db => db.Values<string>("rate()::text"), "REVOKE EXECUTE ON FUNCTION rate() FROM PUBLIC");
        Revoked("the right of a group",
            db => db.Values<string>("name", "FROM others"), "REVOKE {db}_group FROM {role}",
            "CREATE ROLE {db}_group; REVOKE SELECT ON others FROM {role}; GRANT SELECT ON others TO {db}_group; GRANT {db}_group TO {role};", "{db}_group");
        Gone("a table is dropped", Items, "DROP TABLE items CASCADE");
        Gone("a view is dropped", db => db.ItemNames.Select(n => n.Name), "DROP VIEW item_names");
        Gone("a column is dropped", Items, "ALTER TABLE items DROP name CASCADE");
        Gone("a function is dropped", db => db.Values<string>("rate()::text"), "DROP FUNCTION rate()");
        Gone("a second function makes a call ambiguous", db => db.Values<string>("rate()::text"), "CREATE FUNCTION rate(x int DEFAULT 1) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 2'");

        // A process that only writes, or whose reads all hit, by a catalog that is hours old.
        Written("a trigger", Touching, Update);
        Written("a trigger, ExecuteUpdate", Touching, db => db.Items.Where(i => i.Id == 1).ExecuteUpdateAsync(set => set.SetProperty(i => i.Name, "new")));
        Written("a trigger, raw SQL", Touching, db => db.Sql("UPDATE items SET name = 'new' WHERE id = 1"));
        Written("a function of a trigger is replaced", "CREATE OR REPLACE FUNCTION harmless() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE details SET name = 'x'; RETURN NEW; END $$", Update,
            "CREATE FUNCTION harmless() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$; CREATE TRIGGER t BEFORE UPDATE ON items FOR EACH ROW EXECUTE FUNCTION harmless();");
        Written("a trigger is enabled", "ALTER TABLE items ENABLE TRIGGER touching", Update, Touching + "ALTER TABLE items DISABLE TRIGGER touching;");
        Written("a trigger of a partition", Touching.Replace("ON items", "ON parts_low", StringComparison.Ordinal),
            db => db.Sql("UPDATE parts SET name = 'new'"), Parts);
        Written("ON DELETE CASCADE", "ALTER TABLE details DROP CONSTRAINT details_item, ADD CONSTRAINT details_item FOREIGN KEY (item_id) REFERENCES items ON DELETE CASCADE",
            db => db.Items.Where(i => i.Id == 1).ExecuteDeleteAsync());
        Written("ON DELETE CASCADE, SaveChanges", "ALTER TABLE details DROP CONSTRAINT details_item, ADD CONSTRAINT details_item FOREIGN KEY (item_id) REFERENCES items ON DELETE CASCADE",
            db => db.Save(new Item { Id = 1 }, EntityState.Deleted));
        Written("ON UPDATE CASCADE", "ALTER TABLE details DROP CONSTRAINT details_item, ADD CONSTRAINT details_item FOREIGN KEY (item_id) REFERENCES items ON UPDATE CASCADE",
            db => db.Sql("UPDATE items SET id = 11 WHERE id = 1"));
        Written("a default that writes", "ALTER TABLE items ADD extra text; CREATE FUNCTION d() RETURNS text LANGUAGE plpgsql AS $$ BEGIN UPDATE details SET name = 'x'; RETURN ''; END $$; ALTER TABLE items ALTER extra SET DEFAULT d()",
            db => db.Save(new Item { Id = 9 }, EntityState.Added));
        Written("a rule", "CREATE RULE r AS ON UPDATE TO items DO ALSO UPDATE details SET name = 'x'", Update);
        Written("the table that a view writes", "CREATE OR REPLACE VIEW written AS SELECT id, name FROM details", db => db.Sql("UPDATE written SET name = 'x'"),
            "CREATE VIEW written AS SELECT id, name FROM others;");
        Written("a table takes the place of another", "BEGIN; ALTER TABLE others RENAME TO old; ALTER TABLE details RENAME TO others; ALTER TABLE old RENAME TO details; COMMIT",
            db => db.Sql("UPDATE others SET name = 'x'"), query: db => db.Values<string>("name", "FROM details_too"), setUp: "CREATE VIEW details_too AS SELECT name FROM details;");
        WrittenRows("a trigger that moves rows", ToGroup7, Update);
        WrittenRows("a trigger that moves rows, ExecuteUpdate", ToGroup7, db => db.Items.Where(i => i.Id == 1).ExecuteUpdateAsync(set => set.SetProperty(i => i.Name, "new")));
        WrittenRows("a rule that writes other rows", "CREATE RULE r AS ON UPDATE TO items WHERE OLD.name <> 'x' DO INSTEAD UPDATE items SET grp = 7, name = 'x' WHERE id = OLD.id", Update);
        WrittenRows("a column that is generated", "ALTER TABLE items DROP grp; ALTER TABLE items ADD grp int GENERATED ALWAYS AS (CASE WHEN name = 'new' THEN 7 ELSE 1 END) STORED",
            db => db.Sql("UPDATE items SET name = 'new' WHERE id = 1"));
        All.Add("a new partition is written by its own name", Parts, async s =>
        {
            await s.Read(db => db.Values<string>("name", "FROM parts"));
            await s.Sql("ALTER TABLE parts ATTACH PARTITION parts_high FOR VALUES FROM (100) TO (200)");
            await s.Settle();
            await s.Read(db => db.Values<string>("name", "FROM parts"));
            await s.Do(db => db.Sql("INSERT INTO parts_high VALUES (102, 'new')"));
            await s.Read(db => db.Values<string>("name", "FROM parts"));
        });

        // DDL through EF Core counts at once: also for others of the process.
        All.Add("DDL by the owner's connection string, before a read by the application's", async s =>
        {
            await using var app = s.Open(s.With(to => to.ApplicationName = "app"));
            await s.Read(app, db => db.ItemNames);
            await s.Do(db => db.Sql(ViewOfOthers));
            await s.Read(app, db => db.ItemNames);
            await s.Do(db => db.Save(new Other { Id = 1, Name = "new" }));
            await s.Read(app, db => db.ItemNames);
        });
        All.Add("DDL by the owner's connection string, before a write by the application's", async s =>
        {
            await using var app = s.Open(s.With(to => to.ApplicationName = "app"));
            await s.Read(app, db => db.Details.Select(d => d.Name));
            await s.Do(db => db.Sql(Touching));
            await s.Read(app, db => db.Details.Select(d => d.Name));
            await s.Do(app, Update);
            await s.Read(app, db => db.Details.Select(d => d.Name));
        });
        All.Add("DDL by the owner, before a write by a role", "-- {role}", async s =>
        {
            await using var app = s.Open(s.RoleConnectionString);
            await s.Read(app, db => db.Details.Select(d => d.Name));
            await s.Do(db => db.Sql(Touching));
            await s.Read(app, db => db.Details.Select(d => d.Name));
            await s.Do(app, Update);
            await s.Read(app, db => db.Details.Select(d => d.Name));
        });
        All.Add("DDL by EF Core, before a write by another host's name of the server", async s =>
        {
            await using var app = s.Open(s.With(to => to.Host = to.Host == "127.0.0.1" ? "localhost" : to.Host));
            await s.Read(app, db => db.Details.Select(d => d.Name));
            await s.Do(db => db.Sql(Touching));
            await s.Read(app, db => db.Details.Select(d => d.Name));
            await s.Do(app, Update);
            await s.Read(app, db => db.Details.Select(d => d.Name));
        });
        All.Add("somebody else's DDL, which another connection string is the first to see", async s =>
        {
            await s.Read(db => db.ItemNames);
            await s.Sql(ViewOfOthers);
            await s.Settle();
            await using var app = s.Open(s.With(to => to.ApplicationName = "app"));
            await s.Read(app, db => db.ItemNames);
            await s.Read(db => db.ItemNames);
        });
        All.Add("a write by another name of the server", async s =>
        {
            await using var app = s.Open(s.With(to => to.Host = to.Host == "127.0.0.1" ? "localhost" : to.Host));
            await s.Read(app, Items);
            await s.Do(Update);
            await s.Read(app, Items);
        });
        All.Add("a write by another name of the database, as a pooler gives it", async s =>
        {
            await using var pooler = new RenamingPooler(s.With(_ => { }), s.Database);
            await using var app = s.Open(pooler.ConnectionString);
            await s.Read(app, Items);
            await s.Do(Update);
            await s.Read(app, Items);
            await s.Read(Items);
            await s.Do(app, db => db.Rename(1, "renamed"));
            await s.Read(Items);
        });
        All.Add("somebody else's DDL, then ClearAsync", async s =>
        {
            await s.Read(db => db.ItemNames);
            await s.Sql(ViewOfOthers);
            await s.Cache(cache => cache.ClearAsync());
            await s.Read(db => db.ItemNames);
            await s.Do(db => db.Save(new Other { Id = 1, Name = "new" }));
            await s.Read(db => db.ItemNames);
        });
        All.Add("somebody else's trigger, then ClearAsync", async s =>
        {
            await s.Read(db => db.Details.Select(d => d.Name));
            await s.Sql(Touching);
            await s.Cache(cache => cache.ClearAsync());
            await s.Read(db => db.Details.Select(d => d.Name));
            await s.Do(Update);
            await s.Read(db => db.Details.Select(d => d.Name));
        });
        All.Add("DDL by EF Core in a transaction", async s =>
        {
            await s.Read(db => db.ItemNames);
            await s.Do(async db =>
            {
                await using var transaction = await db.Database.BeginTransactionAsync();
                await db.Sql(ViewOfOthers);
                await transaction.CommitAsync();
            });
            await s.Read(db => db.ItemNames);
            await s.Do(db => db.Save(new Other { Id = 1, Name = "new" }));
            await s.Read(db => db.ItemNames);
        });
        All.Add("DDL by EF Core in a transaction that another reads through", async s =>
        {
            await s.Read(db => db.ItemNames);
            await using (var db = s.Open())
            {
                await using var transaction = await db.Database.BeginTransactionAsync();
                await s.Do(db, d => d.Sql("ALTER VIEW item_names RENAME TO was; CREATE VIEW item_names AS SELECT id, name FROM others"));
                await s.Read(d => d.Others);
                await transaction.CommitAsync();
            }

            await s.Read(db => db.ItemNames);
            await s.Do(db => db.Save(new Other { Id = 1, Name = "new" }));
            await s.Read(db => db.ItemNames);
        });
    }

    public static TheoryData<string> NamesOfAll => All.Names;

    [Theory]
    [MemberData(nameof(NamesOfAll))]
    public Task Is_answered_as_without_the_cache(string attack) => RunAsync(All[attack]);

    private static IQueryable<string> Items(AttackContext db) => db.Items.Select(i => i.Name);

    private static Func<AttackContext, IQueryable<string>> Names(Func<AttackContext, IQueryable<string>> query) => query;

    private static Task Update(AttackContext db) => db.Save(new Item { Id = 1, Grp = 1, Name = "new" });

    /// <summary>Two attacks: the process only hits, or it misses something else, by which it compares the catalog.</summary>
    private static void Ddl(
        string name,
        string setUp,
        Func<AttackContext, IQueryable<string>> query,
        string ddl,
        Watch[]? watches = null,
        bool asRole = false,
        string? path = null,
        string? drops = null,
        bool clearsPool = false)
    {
        foreach (var misses in (bool[])[false, true])
        {
            All.Add(misses ? $"{name}, and something misses" : $"{name}, and all hit", asRole ? setUp + " -- {role}" : setUp, async s =>
            {
                if (drops is not null)
                    s.CleanUp(() => s.Sql($"DROP OWNED BY {drops}; DROP ROLE {drops}"));
                if (asRole)
                    s.Options = cache => cache.CacheAllQueries().VaryBy(_ => "x");
                var to = asRole ? s.RoleConnectionString : path is not null ? s.With(settings => settings.SearchPath = path) : s.ConnectionString;
                await Read();
                await s.Sql(ddl);
                if (clearsPool)
                    NpgsqlConnection.ClearPool(new NpgsqlConnection(to));
                await s.Settle();
                if (misses)
                {
                    await using var other = s.Open(to);
                    await s.Warm(other, db => db.Moments);
                }

                await Read();

                async Task Read()
                {
                    await using var db = s.Open(to);
                    await s.Read(db, query, name);
                }
            }, misses ? [Watch.Nobody] : watches ?? [Watch.Nobody]);
        }
    }

    private static void Revoked(string name, Func<AttackContext, IQueryable<string>> query, string sql, string setUp = "", string? drops = null)
        => Failing($"{name} is taken away", query, sql, Immutable + setUp, drops, asRole: true);

    private static void Gone(string name, Func<AttackContext, IQueryable<string>> query, string sql)
        => Failing(name, query, sql, Immutable, drops: null, asRole: false);

    /// <summary>The database refuses from then on.</summary>
    private static void Failing(string name, Func<AttackContext, IQueryable<string>> query, string sql, string setUp, string? drops, bool asRole)
    {
        foreach (var misses in (bool[])[false, true])
        {
            All.Add(misses ? $"{name}, and something misses" : $"{name}, and all hit", setUp + (asRole ? " -- {role}" : ""), async s =>
            {
                if (drops is not null)
                {
                    s.CleanUp(() => s.Sql($"DROP OWNED BY {drops}; DROP ROLE {drops}"));
                    await s.Sql("REVOKE SELECT ON others FROM {role}");
                }

                var to = asRole ? s.RoleConnectionString : s.ConnectionString;
                await using (var db = s.Open(to))
                    await s.Read(db, query, name);
                await s.Sql(sql);
                await s.Settle();
                if (misses)
                {
                    await using var other = s.Open(to);
                    await s.Warm(other, db => db.Moments);
                }

                await using (var db = s.Open(to))
                    await s.Fail(db, query, name);
            });
        }
    }

    /// <summary>Somebody else's DDL makes a write of items a write of details.</summary>
    private static void Written(
        string name, string ddl, Func<AttackContext, Task> write, string setUp = "", Func<AttackContext, IQueryable<string>>? query = null)
        => Written($"{name}, seen by who only writes", setUp, query ?? (db => db.Details.Select(d => d.Name + d.ItemId)), ddl, write);

    /// <summary>Somebody else's DDL makes the write of a row the write of another one.</summary>
    private static void WrittenRows(string name, string ddl, Func<AttackContext, Task> write)
        => Written($"{name}, seen by who only writes", "", db => db.Items.Where(i => i.Grp == 7).Select(i => i.Name), ddl, write);

    private static void Written(
        string name, string setUp, Func<AttackContext, IQueryable<string>> query, string ddl, Func<AttackContext, Task> write)
        => All.Add(name, setUp, async s =>
        {
            await s.Read(query, name);
            await s.Read(db => db.Items.Where(i => i.Id == 1).Select(i => i.Name));
            await s.Sql(ddl);
            await s.Settle();
            await s.Warm(query);
            await s.Do(write);
            await s.Read(query, name);
        });
}
