using EfSecondLevelCache.IntegrationTests.Support;
using Microsoft.EntityFrameworkCore;

namespace EfSecondLevelCache.IntegrationTests.Adversary;

/// <summary>A constraint is taken for a proof: that who refers finds the row, above all.</summary>
public sealed class ConstraintAttacks(PostgresServer server, ITestOutputHelper output) : AttackTests(server, output)
{
    private const string Orphan = "INSERT INTO details VALUES (7, 7, 'orphan');";

    private const string Cascading =
        "ALTER TABLE details DROP CONSTRAINT details_item, ADD CONSTRAINT details_item FOREIGN KEY (item_id) REFERENCES items ON DELETE CASCADE ON UPDATE CASCADE;";

    private const string Hidden = "ALTER TABLE items ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON items TO {role} USING (name <> 'one');";

    private const string Keeping =
        """
        CREATE FUNCTION keeps() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
        CREATE TRIGGER keeps BEFORE DELETE OR UPDATE ON details FOR EACH ROW EXECUTE FUNCTION keeps();
        """;

    private const string AllowedFunction =
        "CREATE FUNCTION allowed() RETURNS SETOF text LANGUAGE sql STABLE SECURITY DEFINER AS $$ SELECT name FROM public.others $$;";

    internal static readonly AttackList All = new(WeaknessKind.Constraint)
    {
        // A row that refers to nothing, and the row that it refers to comes.
        { "rows of a replica", "SET session_replication_role = replica;" + Orphan, Comes() },
        { "rows of a replica, a query with a filter on the principal", "SET session_replication_role = replica;" + Orphan, Comes(
            db => db.Details.Where(d => d.Id == 7 && d.Item.Grp < 99).Select(d => d.Name)) },
        { "rows of a replica, a projection of the principal", "SET session_replication_role = replica;" + Orphan, Comes(
            db => db.Details.Where(d => d.Id == 7).Select(d => d.Item.Name)) },
        { "rows of a replica, split", "SET session_replication_role = replica;" + Orphan, Comes(
            db => db.Details.Where(d => d.Id == 7).Include(d => d.Item).AsSplitQuery().Select(d => d.Item.Name)) },
        { "rows of a replica, ExecuteSql", "SET session_replication_role = replica;" + Orphan, Comes(null, db => db.Sql("INSERT INTO items VALUES (7, 7, 7, 'seven')")) },
        { "rows of a replica, an update of the key", "SET session_replication_role = replica;" + Orphan, Comes(null, db => db.Sql("UPDATE items SET id = 7 WHERE id = 3")) },
        { "rows of a replica, many", "SET session_replication_role = replica;" + Orphan, Comes(db => db.Details.Include(d => d.Item).Select(d => d.Item.Name)) },
        { "rows of a replica, an optional reference", "SET session_replication_role = replica;" + Orphan, Comes(
            db => db.Details.Where(d => d.Id == 7).LeftJoin(db.Items, d => d.ItemId, i => i.Id, (d, i) => i == null ? "none" : i.Name)) },
        { "rows of a replica, the other way round", "SET session_replication_role = replica;" + Orphan, Comes(
            db => db.Items.Where(i => i.Id == 7).SelectMany(i => i.Details).Select(d => d.Name)) },
        { "triggers that were switched off", "ALTER TABLE details DISABLE TRIGGER ALL;" + Orphan + "ALTER TABLE details ENABLE TRIGGER ALL;", Comes() },
        { "a key that is not valid", "ALTER TABLE details DROP CONSTRAINT details_item;" + Orphan
            + "ALTER TABLE details ADD FOREIGN KEY (item_id) REFERENCES items NOT VALID;", Comes() },
        { "no key at all", "ALTER TABLE details DROP CONSTRAINT details_item;" + Orphan, Comes() },
        { "a key of the same columns to another table", "ALTER TABLE details DROP CONSTRAINT details_item;" + Orphan
            + "INSERT INTO others VALUES (7, 'seven'); ALTER TABLE details ADD FOREIGN KEY (item_id) REFERENCES others;", Comes() },
        { "a key to a column that is no key of the model", "ALTER TABLE details DROP CONSTRAINT details_item;" + Orphan
            + "ALTER TABLE items ADD UNIQUE (price); INSERT INTO items VALUES (4, 4, 7, 'four'); ALTER TABLE details ADD FOREIGN KEY (item_id) REFERENCES items (price);", Comes() },
        { "a child of the table that refers", "CREATE TABLE more () INHERITS (details); INSERT INTO more VALUES (7, 7, 'orphan');", Comes() },
        { "a partition that refers", "DROP TABLE details; CREATE TABLE details (id int, item_id int REFERENCES items, name text) PARTITION BY LIST (id);"
            + "CREATE TABLE details_7 PARTITION OF details FOR VALUES IN (7); ALTER TABLE details_7 DISABLE TRIGGER ALL;" + Orphan, Comes() },
        { "triggers that the application switches off and on", Vanishes(
            db => db.Sql("ALTER TABLE items DISABLE TRIGGER ALL; DELETE FROM items WHERE id = 1; ALTER TABLE items ENABLE TRIGGER ALL")) },
        { "a session of the application that is a replica", Vanishes(async db =>
        {
            await db.Database.OpenConnectionAsync();
            await db.Sql("SET session_replication_role = replica");
            await db.Items.Where(i => i.Id == 1).ExecuteDeleteAsync();
        }) },
        { "an update of the key by a replica", Vanishes(async db =>
        {
            await db.Database.OpenConnectionAsync();
            await db.Sql("SET session_replication_role = replica");
            await db.Sql("UPDATE items SET id = 11 WHERE id = 1");
        }) },
        { "a cascade that a trigger stops", Cascading + Keeping, Vanishes(db => db.Save(new Item { Id = 1 }, EntityState.Deleted)) },
        { "a cascade that a rule stops", Cascading + "CREATE RULE r AS ON DELETE TO details DO INSTEAD NOTHING;", Vanishes(
            db => db.Save(new Item { Id = 1 }, EntityState.Deleted)) },
        { "an update that cascades and a trigger stops", Cascading + Keeping, Vanishes(db => db.Sql("UPDATE items SET id = 11 WHERE id = 1")) },
        { "a cascade", Cascading, Vanishes(db => db.Save(new Item { Id = 1 }, EntityState.Deleted)) },
        { "a deferred key",
            "ALTER TABLE details DROP CONSTRAINT details_item, ADD FOREIGN KEY (item_id) REFERENCES items DEFERRABLE INITIALLY DEFERRED;", async s =>
        {
            s.Options = cache => cache.CacheAllQueries().AllowInTransactions();
            await using var db = s.Open();
            await using (var transaction = await db.Database.BeginTransactionAsync())
            {
                await s.Do(db, d => d.Save(new Detail { Id = 7, ItemId = 7, Name = "deferred" }, EntityState.Added));
                await s.Read(db, WithItem(7));
                await s.Do(db, d => d.Save(new Item { Id = 7, Name = "seven" }, EntityState.Added));
                await s.Read(db, WithItem(7));
                await transaction.CommitAsync();
            }

            await s.Read(WithItem(7));
        } },

        // A row that is hidden from the user, and can be seen then.
        { "a principal behind row security", Hidden, Shown(db => db.Save(new Item { Id = 1, Grp = 1, Name = "shown" })) },
        { "a principal behind row security, ExecuteUpdate", Hidden, Shown(
            db => db.Items.Where(i => i.Id == 1).ExecuteUpdateAsync(set => set.SetProperty(i => i.Name, "shown"))) },
        { "a principal behind row security, a projection", Hidden, Shown(
            db => db.Save(new Item { Id = 1, Grp = 1, Name = "shown" }), db => db.Details.Where(d => d.Id == 1).Select(d => d.Item.Name)) },
        { "a principal that becomes hidden", Hidden.Replace("<> 'one'", "<> 'hidden'", StringComparison.Ordinal), Shown(
            db => db.Save(new Item { Id = 1, Grp = 1, Name = "hidden" })) },
        { "a row behind row security", Hidden, Shown(
            db => db.Save(new Item { Id = 1, Grp = 1, Name = "shown" }), db => db.Items.Where(i => i.Id == 1).Select(i => i.Name)) },
        { "a row behind row security, by another column", Hidden, Shown(
            db => db.Save(new Item { Id = 1, Grp = 1, Name = "shown" }), db => db.Items.Where(i => i.Grp == 1).Select(i => i.Name)) },
        { "a write of the user whose policy hides rows", Hidden, Shown(
            db => db.Save(new Item { Id = 2, Grp = 1, Name = "one" }), db => db.Items.Where(i => i.Id == 2).Select(i => i.Name), asRole: true) },
        { "a policy that reads a table", "ALTER TABLE items ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON items TO {role} USING (name IN (SELECT name FROM others));",
            Shown(db => db.Save(new Other { Id = 1, Name = "one" }), Names) },
        { "a policy that calls a STABLE function", AllowedFunction
            + "ALTER TABLE items ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON items TO {role} USING (name IN (SELECT allowed()));",
            Shown(db => db.Save(new Other { Id = 1, Name = "one" }), Names) },
        { "a policy that calls a STABLE function, by key", AllowedFunction
            + "ALTER TABLE items ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON items TO {role} USING (name IN (SELECT allowed()));",
            Shown(db => db.Save(new Other { Id = 1, Name = "one" }), db => db.Items.Where(i => i.Id == 1).Select(i => i.Name)) },
        { "a policy that calls an operator whose function reads",
            "CREATE FUNCTION is_allowed(x text, y int) RETURNS bool LANGUAGE sql STABLE SECURITY DEFINER AS $$ SELECT x IN (SELECT name FROM public.others) $$;"
            + "CREATE OPERATOR ?? (LEFTARG = text, RIGHTARG = int, FUNCTION = is_allowed);"
            + "ALTER TABLE items ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON items TO {role} USING (name ?? 1);",
            Shown(db => db.Save(new Other { Id = 1, Name = "one" }), Names) },
        { "a policy that reads a view", "CREATE VIEW allowed AS SELECT name FROM others; GRANT SELECT ON allowed TO {role};"
            + "ALTER TABLE items ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON items TO {role} USING (name IN (SELECT name FROM allowed));",
            Shown(db => db.Save(new Other { Id = 1, Name = "one" }), Names) },
        { "a policy that reads a view that calls a function", AllowedFunction + "CREATE VIEW allowed_too AS SELECT allowed() AS name; GRANT SELECT ON allowed_too TO {role};"
            + "ALTER TABLE items ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON items TO {role} USING (name IN (SELECT name FROM allowed_too));",
            Shown(db => db.Save(new Other { Id = 1, Name = "one" }), Names) },
        { "a policy of a table that a policy reads",
            "ALTER TABLE items ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON items TO {role} USING (name IN (SELECT name FROM others));"
            + "ALTER TABLE others ENABLE ROW LEVEL SECURITY; CREATE POLICY q ON others TO {role} USING (id IN (SELECT grp FROM t1.items)); UPDATE others SET name = 'one'; UPDATE t1.items SET grp = 9;",
            Shown(db => db.Sql("UPDATE t1.items SET grp = 1"), Names) },
        { "a policy that reads the clock",
            "ALTER TABLE items ENABLE ROW LEVEL SECURITY; CREATE TABLE public.until (t timestamptz); INSERT INTO until VALUES (now() + interval '700 ms');"
            + "CREATE POLICY p ON items TO {role} USING (now() < (SELECT t FROM until));",
            Shown(_ => Task.Delay(1000), Names) },
        { "a policy that reads a setting of the role",
            "ALTER TABLE items ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON items TO {role} USING (name = current_setting('app.name', true));",
            async s =>
            {
                // The application has no way to name in VaryBy what it never sets.
                s.Options = cache => cache.CacheAllQueries().VaryBy(_ => "x");
                await using var db = s.Open(s.RoleConnectionString);
                await db.Database.OpenConnectionAsync();
                await s.Do(db, d => d.Ado("SET app.name = 'one'"));
                await s.Read(db, Names);
                await s.Do(db, d => d.Ado("SET app.name = 'two'"));
                await s.Read(db, Names);
            } },
    };

    public static TheoryData<string> NamesOfAll => All.Names;

    [Theory]
    [MemberData(nameof(NamesOfAll))]
    public Task Is_answered_as_without_the_cache(string attack) => RunAsync(All[attack]);

    private static IQueryable<string> Names(AttackContext db) => db.Items.Select(i => i.Name);

    private static Func<AttackContext, IQueryable<Detail>> WithItem(int id) => db => db.Details.Where(d => d.Id == id).Include(d => d.Item);

    private static Func<Stage, Task> Comes(Func<AttackContext, IQueryable<string>>? query = null, Func<AttackContext, Task>? write = null)
        => async s =>
        {
            await Read();
            await s.Do(write ?? (db => db.Save(new Item { Id = 7, Grp = 7, Name = "seven" }, EntityState.Added)));
            await Read();
            await s.Do(db => db.Rename(7, "renamed"));
            await Read();

            Task Read() => query is null ? s.Read(WithItem(7), "with its item") : s.Read(query, "query");
        };

    /// <summary>Item 1 goes although a row refers to it, and comes back.</summary>
    private static Func<Stage, Task> Vanishes(Func<AttackContext, Task> write)
        => async s =>
        {
            await s.Read(WithItem(1));
            await s.Do(write);
            await s.Read(WithItem(1));
            await s.Do(db => db.Save(new Item { Id = 1, Grp = 1, Name = "is back" }, EntityState.Added));
            await s.Read(WithItem(1));
        };

    private static Func<Stage, Task> Shown(
        Func<AttackContext, Task> write, Func<AttackContext, IQueryable<string>>? query = null, bool asRole = false)
        => async s =>
        {
            s.Options = cache => cache.CacheAllQueries().VaryBy(_ => "x");
            await using var db = s.Open(s.RoleConnectionString);
            await Read();
            if (asRole)
                await s.Do(db, write);
            else
                await s.Do(write);
            await Read();

            Task Read() => query is null ? s.Read(db, WithItem(1), "with its item") : s.Read(db, query, "query");
        };
}
