using EfSecondLevelCache.IntegrationTests.Support;
using Microsoft.EntityFrameworkCore;

namespace EfSecondLevelCache.IntegrationTests.Adversary;

/// <summary>Names stand for identities.</summary>
public sealed class NameAttacks(PostgresServer server, ITestOutputHelper output) : AttackTests(server, output)
{
    internal static readonly AttackList All = new(WeaknessKind.Name)
    {
        // A write under another search path than the one that is remembered.
        { "SET and UPDATE in one text", Elsewhere(db => db.Sql("SET search_path = t2; UPDATE items SET name = 'new'")) },
        { "SET and DELETE in one text", Elsewhere(db => db.Sql("SET search_path = t2; DELETE FROM items WHERE id = 1")) },
        { "SET LOCAL and UPDATE in one text", Elsewhere(db => db.Sql("BEGIN; SET LOCAL search_path = t2; UPDATE items SET name = 'new'; COMMIT")) },
        { "set_config and UPDATE in one text", Elsewhere(db => db.Sql("SELECT set_config('search_path', 't2', false); UPDATE items SET name = 'new'")) },
        { "UPDATE in a text that sets the path back", Elsewhere(db => db.Sql("SET search_path = t2; UPDATE items SET name = 'new'; RESET search_path")) },
        { "SET SCHEMA and UPDATE in one text", Elsewhere(db => db.Sql("SET SCHEMA 't2'; UPDATE items SET name = 'new'")) },
        { "SET before SaveChanges", Elsewhere(Then(db => db.Sql("SET search_path = t2"), Save)) },
        { "SET before an insert", Elsewhere(Then(db => db.Sql("SET search_path = t2"), db => db.Save(new Item { Id = 7, Name = "new" }, EntityState.Added))) },
        { "SET before ExecuteUpdate", Elsewhere(Then(db => db.Sql("SET search_path = t2"), Update)) },
        { "SET before ExecuteDelete", Elsewhere(Then(db => db.Sql("SET search_path = t2"), db => db.Items.Where(i => i.Id == 1).ExecuteDeleteAsync())) },
        { "SET before ExecuteSql", Elsewhere(Then(db => db.Sql("SET search_path = t2"), db => db.Sql("UPDATE items SET name = 'new'"))) },
        { "SET before RETURNING in SqlQuery", Elsewhere(Then(
            db => db.Sql("SET search_path = t2"),
            db => db.Database.SqlQueryRaw<string>("UPDATE items SET name = 'new' RETURNING name AS \"Value\"").ToListAsync())) },
        { "SET by ADO.NET before SaveChanges", Elsewhere(Then(db => db.Ado("SET search_path = t2"), Save)) },
        { "SET by ADO.NET before ExecuteUpdate", Elsewhere(Then(db => db.Ado("SET search_path = t2"), Update)) },
        { "SET by ADO.NET before ExecuteSql", Elsewhere(Then(db => db.Ado("SET search_path = t2"), db => db.Sql("UPDATE items SET name = 'new'"))) },
        { "set_config in SqlQuery before SaveChanges", Elsewhere(Then(
            db => db.Values<string>("set_config('search_path', 't2', false)").ToListAsync(), Save)) },
        { "a function before SaveChanges", Elsewhere(Then(db => db.Values<string>("go('t2')").ToListAsync(), Save)) },
        { "SET LOCAL in a transaction before SaveChanges", Elsewhere(async db =>
        {
            await using var transaction = await db.Database.BeginTransactionAsync();
            await db.Sql("SET LOCAL search_path = t2");
            await Save(db);
            await transaction.CommitAsync();
        }) },
        { "SET LOCAL by ADO.NET in a transaction before SaveChanges", Elsewhere(async db =>
        {
            await using var transaction = await db.Database.BeginTransactionAsync();
            await db.Ado("SET LOCAL search_path = t2");
            await Save(db);
            await transaction.CommitAsync();
        }) },
        { "a search path in ConnectionString of the DbConnection before SaveChanges", async s =>
        {
            await using var there = s.Open(s.With(to => to.SearchPath = "t2"));
            await s.Read(there, Names);
            await s.Do(async db =>
            {
                db.Database.GetDbConnection().ConnectionString = s.With(to => to.SearchPath = "t2");
                await Save(db);
            });
            await s.Read(there, Names);
        } },
        { "a connection interceptor before SaveChanges", async s =>
        {
            await using var there = s.Open(s.With(to => to.SearchPath = "t2"));
            await s.Read(there, Names);
            await using (var db = s.Open(with: options => options.AddInterceptors(new SessionAttacks.PathInterceptor(_ => "t2"))))
                await s.Do(db, Save);
            await s.Read(there, Names);
        } },
        { "a connection interceptor before ExecuteSql", async s =>
        {
            await using var there = s.Open(s.With(to => to.SearchPath = "t2"));
            await s.Read(there, Names);
            await using (var db = s.Open(with: options => options.AddInterceptors(new SessionAttacks.PathInterceptor(_ => "t2"))))
                await s.Do(db, d => d.Sql("UPDATE items SET name = 'new'"));
            await s.Read(there, Names);
        } },

        // A schema for each tenant by an interceptor and VaryBy, as the documentation says.
        { "tenants: SaveChanges of the second", Tenants(Save) },
        { "tenants: ExecuteSql with the schema's name", Tenants(db => db.Sql("UPDATE t2.items SET name = 'new'"), by: "t2") },
        { "tenants: ExecuteSql with the schema's name, by the first", Tenants(db => db.Sql("UPDATE t2.items SET name = 'new'"), by: "t1") },
        { "tenants: somebody else's write", "", Tenants(null), Watch.Notifications, Watch.Replication },
        { "tenants: a trigger in one schema", TenantTrigger, Tenants(Save, read: db => db.Values<string>("name", "FROM public.others")) },
        { "tenants: a view in one schema", "CREATE VIEW t1.mine AS SELECT name FROM t1.items; CREATE VIEW t2.mine AS SELECT name FROM public.others;",
            Tenants(db => db.Sql("UPDATE public.others SET name = 'new'"), read: db => db.Values<string>("name", "FROM mine")) },
        { "tenants: a view for a table", "ALTER TABLE t2.items RENAME TO real; CREATE VIEW t2.items AS SELECT * FROM t2.real WHERE id < 9;",
            Tenants(db => db.Sql("UPDATE t2.real SET name = 'new'")) },
        { "tenants: row security in one schema",
            "ALTER TABLE t2.items ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; CREATE POLICY p ON t2.items USING (name IN (SELECT name FROM public.others)); UPDATE t2.items SET name = 'first';",
            Tenants(db => db.Sql("UPDATE public.others SET name = 'new'"), asRole: true) },
        { "tenants: a cascade in one schema",
            "CREATE TABLE t1.details (id int, item_id int, name text); CREATE TABLE t2.details (id int, item_id int REFERENCES t2.items ON DELETE CASCADE, name text); INSERT INTO t2.details VALUES (1, 1, 'one'); INSERT INTO t1.details VALUES (1, 1, 'one');",
            Tenants(db => db.Items.Where(i => i.Id == 1).ExecuteDeleteAsync(), read: db => db.Details.Select(d => d.Name)) },
        { "tenants: a function in one schema",
            "CREATE FUNCTION t1.rate() RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1'; CREATE FUNCTION t2.rate() RETURNS bigint LANGUAGE sql STABLE AS 'SELECT count(*) FROM public.others';",
            Tenants(db => db.Sql("DELETE FROM public.others"), read: db => db.Values<string>("rate()::text")) },

        // NeverCache.
        { "NeverCache, LINQ", Never(db => db.Items.Select(i => i.Name)) },
        { "NeverCache, FromSql", Never(db => db.Items.FromSqlRaw("SELECT * FROM items").Select(i => i.Name)) },
        { "NeverCache, raw SQL with the schema's name", Never(db => db.Values<string>("name", "FROM public.items")) },
        { "NeverCache, FromSql with the schema's name", Never(db => db.Others.FromSqlRaw("SELECT id, name FROM public.items").Select(i => i.Name)) },
        { "NeverCache, raw SQL with the database's name", Never(s => db => db.Values<string>("name", $"FROM {s.Database}.public.items")) },
        { "NeverCache, raw SQL with quotes", Never(db => db.Values<string>("name", "FROM \"public\".\"items\"")) },
        { "NeverCache, raw SQL with ONLY", Never(db => db.Values<string>("name", "FROM ONLY public.items")) },
        { "NeverCache, a view", Never(db => db.ItemNames.Select(n => n.Name)) },
        { "NeverCache, a view in raw SQL", Never(db => db.Values<string>("name", "FROM item_names")) },
        { "NeverCache, a view of a view", "CREATE VIEW v AS SELECT name FROM item_names;", Never(db => db.Values<string>("name", "FROM v")) },
        { "NeverCache, a parent of the table", "CREATE TABLE parents (name text NOT NULL); ALTER TABLE items INHERIT parents;", Never(
            db => db.Values<string>("name", "FROM parents")) },
        { "NeverCache, a child of the table", "CREATE TABLE children () INHERITS (items); INSERT INTO children VALUES (9, 9, 9, 'nine');", Never(
            db => db.Values<string>("name", "FROM children")) },
        { "NeverCache, with a stated table", Never(db => db.Values<string>("name", "FROM public.items").Cacheable(q => q.DependsOn("items"))) },
        { "NeverCache, a policy that reads the table",
            "ALTER TABLE others ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON others TO {role} USING (EXISTS (SELECT FROM items WHERE items.name = 'one'));", async s =>
        {
            s.Options = cache => cache.CacheAllQueries().NeverCache<Item>().VaryBy(_ => "x");
            await using var db = s.Open(s.RoleConnectionString);
            await s.Read(db, d => d.Others);
            await s.Sql("UPDATE items SET name = 'new'");
            await s.Read(db, d => d.Others);
        } },
        { "NeverCache, under another search path", async s =>
        {
            s.Options = cache => cache.CacheAllQueries().NeverCache<Item>();
            await using var db = s.Open(s.With(to => to.SearchPath = "t1"));
            await s.Read(db, d => d.Values<string>("name", "FROM t1.items"));
            await s.Sql("UPDATE t1.items SET name = 'new'");
            await s.Read(db, d => d.Values<string>("name", "FROM t1.items"));
        } },

        // Relations that hide others.
        { "a catalog that was read by a session with a temporary table", async s =>
        {
            await using var first = s.Open();
            await first.Database.OpenConnectionAsync();
            await s.Do(first, db => db.Ado("CREATE TEMP TABLE items AS TABLE items"));
            await s.Read(first, db => db.Others);
            await s.Read(db => db.ItemNames);
            await s.Do(Save);
            await s.Read(db => db.ItemNames);
        } },
        { "a catalog that was read by a session with another path", async s =>
        {
            await using var first = s.Open();
            await first.Database.OpenConnectionAsync();
            await s.Do(first, db => db.Ado("SET search_path = t2, public"));
            await s.Read(first, db => db.Others);
            await s.Read(Names);
            await s.Do(db => db.Sql("UPDATE public.items SET name = 'new'"));
            await s.Read(Names);
        } },
        { "a catalog that was read by a session with another role",
            "ALTER TABLE items ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; CREATE POLICY p ON items TO {role} USING (name IN (SELECT name FROM others)); UPDATE items SET name = 'first';", async s =>
        {
            s.Options = cache => cache.CacheAllQueries().VaryBy(_ => "x");
            var to = s.RoleConnectionString;
            await using var owner = s.Open();
            await owner.Database.OpenConnectionAsync();
            await using var db = s.Open(to);
            await s.Read(db, Names);
            await s.Do(d => d.Sql("UPDATE others SET name = 'new'"));
            await s.Read(db, Names);
        } },
        { "a temporary table that is gone", async s =>
        {
            await using var db = s.Open();
            await db.Database.OpenConnectionAsync();
            await s.Do(db, d => d.Ado("CREATE TEMP TABLE items AS SELECT id, grp, price, 'temporary' AS name FROM items"));
            await s.Read(db, Names);
            await s.Do(db, d => d.Ado("DROP TABLE pg_temp.items"));
            await s.Read(db, Names);
            await s.Do(Save);
            await s.Read(db, Names);
        } },
        { "a write of what a temporary table hid", async s =>
        {
            await s.Read(Names);
            await using var db = s.Open();
            await db.Database.OpenConnectionAsync();
            await s.Do(db, d => d.Sql("CREATE TEMP TABLE items AS TABLE items"));
            await s.Read(Names);
            await s.Do(db, d => d.Sql("DROP TABLE pg_temp.items; UPDATE items SET name = 'new'"));
            await s.Read(Names);
        } },

        // Spelling.
        { "names in another case", Written(db => db.Sql("UPDATE ITEMS SET NAME = 'new'")) },
        { "names in quotes", Written(db => db.Sql("UPDATE \"items\" SET name = 'new'")) },
        { "a table whose name differs in case", "CREATE TABLE \"Items\" (LIKE items); INSERT INTO \"Items\" TABLE items;", Written(
            db => db.Sql("UPDATE \"Items\" SET name = 'new'"), db => db.Values<string>("name", "FROM \"Items\"")) },
        { "a name that is cut", "CREATE TABLE " + Long + " (name text); INSERT INTO " + Long + " VALUES ('one');", Written(
            db => db.Sql($"UPDATE {Long}cut SET name = 'new'"), db => db.Values<string>("name", $"FROM {Long}")) },
        { "a name with a dot", "CREATE TABLE \"t1.items\" (name text); INSERT INTO \"t1.items\" VALUES ('one');", Written(
            db => db.Sql("UPDATE \"t1.items\" SET name = 'new'"), db => db.Values<string>("name", "FROM \"t1.items\"")) },
        { "a name in Unicode escapes", Written(db => db.Sql("UPDATE U&\"\\0069tems\" SET name = 'new'")) },
        { "a name with letters that are not ASCII", "CREATE TABLE \"Größe\" (name text); INSERT INTO \"Größe\" VALUES ('one');", Written(
            db => db.Sql("UPDATE \"Größe\" SET name = 'new'"), db => db.Values<string>("name", "FROM \"Größe\"")) },
        { "a name with the database's in front", Written(s => db => db.Sql($"UPDATE {s.Database}.public.items SET name = 'new'")) },
        { "an alias that is another table's name", Written(db => db.Sql("UPDATE items AS others SET name = 'new'")) },
        { "a query's name that is a table's", Written(
            db => db.Save(new Other { Id = 1, Name = "new" }),
            db => db.Database.SqlQueryRaw<string>("WITH items AS (SELECT name FROM others) SELECT name AS \"Value\" FROM items")) },
        { "a function's column that is a table's name", Written(
            db => db.Sql("UPDATE others SET name = 'new'"), db => db.Values<string>("items.name", "FROM others AS items")) },
        { "InvalidateTableAsync without a schema", Invalidated(cache => cache.InvalidateTableAsync("items"), "t2") },
        { "InvalidateTableAsync with a schema", Invalidated(cache => cache.InvalidateTableAsync("items", "t2"), "t2") },
        { "InvalidateTableAsync by a view", Invalidated(cache => cache.InvalidateTableAsync("item_names"), "public", db => db.ItemNames.Select(n => n.Name)) },
        { "DependsOn by a view", "CREATE FUNCTION told() RETURNS SETOF text LANGUAGE sql STABLE AS $$ SELECT name FROM public.items $$;", Written(
            db => db.Sql("UPDATE items SET name = 'new'"), db => db.Values<string>("n", "FROM told() n").Cacheable(q => q.DependsOn("item_names"))) },
        { "DependsOn by an unqualified name under another path",
            "CREATE FUNCTION told() RETURNS SETOF text LANGUAGE sql STABLE AS $$ SELECT name FROM t2.items $$;", async s =>
        {
            await using var there = s.Open(s.With(to => to.SearchPath = "t2, public"));
            await s.Read(there, db => db.Values<string>("n", "FROM told() n").Cacheable(q => q.DependsOn("items")));
            await s.Do(db => db.Sql("UPDATE t2.items SET name = 'new'"));
            await s.Read(there, db => db.Values<string>("n", "FROM told() n").Cacheable(q => q.DependsOn("items")));
        } },
    };

    private const string Long = "a234567890b234567890c234567890d234567890e234567890f234567890123";

    private const string TenantTrigger =
        """
        CREATE FUNCTION t2.t() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE public.others SET name = 'new'; RETURN NULL; END $$;
        CREATE TRIGGER t AFTER UPDATE ON t2.items FOR EACH ROW EXECUTE FUNCTION t2.t();
        """;

    public static TheoryData<string> NamesOfAll => All.Names;

    [Theory]
    [MemberData(nameof(NamesOfAll))]
    public Task Is_answered_as_without_the_cache(string attack) => RunAsync(All[attack]);

    private static IQueryable<string> Names(AttackContext db) => db.Items.Select(i => i.Name);

    private static Task Save(AttackContext db) => db.Save(new Item { Id = 1, Grp = 1, Name = "new" });

    private static Task Update(AttackContext db) => db.Items.Where(i => i.Id == 1).ExecuteUpdateAsync(set => set.SetProperty(i => i.Name, "new"));

    private static Func<AttackContext, Task> Then(Func<AttackContext, Task> first, Func<AttackContext, Task> second)
        => async db =>
        {
            await first(db);
            await second(db);
        };

    /// <summary>A write of t2.items over an open connection; readers of that schema must see it.</summary>
    private static Func<Stage, Task> Elsewhere(Func<AttackContext, Task> write)
        => async s =>
        {
            await using var there = s.Open(s.With(to => to.SearchPath = "t2"));
            await s.Read(there, Names);
            await s.Read(Names);
            await s.Read(db => db.Values<string>("name", "FROM t2.items"));
            await using (var db = s.Open())
            {
                await db.Database.OpenConnectionAsync();
                await s.Do(db, write);
            }

            await s.Read(there, Names);
            await s.Read(Names);
            await s.Read(db => db.Values<string>("name", "FROM t2.items"));
        };

    /// <param name="write">Null: somebody else writes t2.items.</param>
    private static Func<Stage, Task> Tenants(
        Func<AttackContext, Task>? write, string by = "t2", Func<AttackContext, IQueryable<string>>? read = null, bool asRole = false)
        => async s =>
        {
            s.Options = cache => cache.CacheAllQueries().VaryBy(context => ((AttackContext)context).Tenant);
            await using var first = Of("t1");
            await using var second = Of("t2");
            await s.Read(first, read ?? Names);
            await s.Read(second, read ?? Names);
            if (write is null)
            {
                await s.Sql("UPDATE t2.items SET name = 'new'");
                await s.Settle();
            }
            else
            {
                await using var writer = Of(by);
                await s.Do(writer, write);
            }

            await s.Read(first, read ?? Names);
            await s.Read(second, read ?? Names);

            AttackContext Of(string tenant)
            {
                var db = s.Open(
                    asRole ? s.RoleConnectionString : null,
                    options => options.AddInterceptors(new SessionAttacks.PathInterceptor(context => ((AttackContext)context).Tenant)));
                db.Tenant = tenant;
                return db;
            }
        };

    private static Func<Stage, Task> Never(Func<AttackContext, IQueryable<string>> query) => Never(_ => query);

    private static Func<Stage, Task> Never(Func<Stage, Func<AttackContext, IQueryable<string>>> query)
        => async s =>
        {
            s.Options = cache => cache.CacheAllQueries().NeverCache<Item>();
            await s.Read(query(s), "before");
            await s.Sql("UPDATE items SET name = 'new'");
            await s.Read(query(s), "after somebody else's write");
        };

    private static Func<Stage, Task> Written(Func<AttackContext, Task> write, Func<AttackContext, IQueryable<string>>? read = null)
        => Written(_ => write, read);

    private static Func<Stage, Task> Written(Func<Stage, Func<AttackContext, Task>> write, Func<AttackContext, IQueryable<string>>? read = null)
        => async s =>
        {
            await s.Read(read ?? Names, "before");
            await s.Do(write(s), "write");
            await s.Read(read ?? Names, "after");
        };

    private static Func<Stage, Task> Invalidated(
        Func<SecondLevelCache, ValueTask> invalidate, string path, Func<AttackContext, IQueryable<string>>? read = null)
        => async s =>
        {
            await using var db = s.Open(s.With(to => to.SearchPath = path));
            await s.Read(db, read ?? Names, "before");
            await s.Sql($"UPDATE {path}.items SET name = 'new'");
            await s.Cache(invalidate);
            await s.Read(db, read ?? Names, "after");
        };
}
