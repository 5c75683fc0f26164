using System.Data;
using System.Data.Common;
using EfSecondLevelCache.IntegrationTests.Support;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.EntityFrameworkCore.Storage;
using Npgsql;
using Npgsql.EntityFrameworkCore.PostgreSQL.Infrastructure.Internal;
using Npgsql.EntityFrameworkCore.PostgreSQL.Storage.Internal;

namespace EfSecondLevelCache.IntegrationTests.Adversary;

/// <summary>The session is guessed.</summary>
public sealed class SessionAttacks(PostgresServer server, ITestOutputHelper output) : AttackTests(server, output)
{
    private const string GoProcedure = "CREATE PROCEDURE go_there() LANGUAGE sql AS $$ SELECT set_config('search_path', 't2', false) $$;";
    private const string GoView = "CREATE VIEW going AS SELECT set_config('search_path', 't2', false) AS \"Value\";";

    private const string GoTrigger =
        """
        CREATE FUNCTION go_there() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN PERFORM set_config('search_path', 't2', false); RETURN NULL; END $$;
        CREATE TRIGGER goes AFTER UPDATE ON others FOR EACH ROW EXECUTE FUNCTION go_there();
        """;

    private const string RoleWithoutRights = "CREATE ROLE {db}_poor; GRANT {db}_poor TO {role};";

    internal static readonly AttackList All = new(WeaknessKind.Session)
    {
        // The search path of an open connection.
        { "set_config by SqlQuery", Changed(db => db.Values<string>("set_config('search_path', 't2', false)").ToListAsync()) },
        { "set_config by SqlQuery, composed", Changed(db => db.Values<string>("set_config('search_path', 't2', false)").SingleAsync()) },
        { "set_config by SqlQuery of a set", Changed(
            db => db.Values<string>("set_config('search_path', x, false)", "FROM (VALUES ('t2')) v (x)").ToListAsync()) },
        { "set_config by FromSql", Changed(
            db => db.Others.FromSqlRaw("SELECT 1 AS id, set_config('search_path', 't2', false) AS name").ToListAsync()) },
        { "set_config in WHERE of FromSql", Changed(
            db => db.Others.FromSqlRaw("SELECT * FROM others WHERE set_config('search_path', 't2', false) = 't2'").ToListAsync()) },
        { "a function that changes the path, by SqlQuery", Changed(db => db.Values<string>("go('t2')").ToListAsync()) },
        { "a function that changes the path, in a projection", Changed(db => db.Others.Select(o => AttackContext.Go("t2")).ToListAsync()) },
        { "a function that changes the path, in Where", Changed(db => db.Others.Where(o => AttackContext.Go("t2") == o.Name).ToListAsync()) },
        { "a function that changes the path, in a setter", Changed(
            db => db.Others.ExecuteUpdateAsync(set => set.SetProperty(o => o.Name, o => AttackContext.Go("t2")))) },
        { "a function that changes the path, by ExecuteSql", Changed(db => db.Sql("SELECT go('t2')")) },
        { "a view that changes the path", GoView, Changed(db => db.Database.SqlQueryRaw<string>("SELECT * FROM going").ToListAsync()) },
        { "a view that changes the path, by ExecuteSql", GoView, Changed(db => db.Sql("SELECT * FROM going")) },
        { "a trigger that changes the path", GoTrigger, Changed(db => db.Save(new Other { Id = 1, Name = "x" })) },
        { "a trigger that changes the path, by ExecuteSql", GoTrigger, Changed(db => db.Sql("UPDATE others SET name = 'x'")) },
        { "a trigger that changes the path, by ExecuteUpdate", GoTrigger, Changed(
            db => db.Others.ExecuteUpdateAsync(set => set.SetProperty(o => o.Name, "x"))) },
        { "a procedure that changes the path", GoProcedure, Changed(db => db.Sql("CALL go_there()")) },
        { "a DO block that changes the path", Changed(db => db.Sql("DO $$ BEGIN PERFORM set_config('search_path', 't2', false); END $$")) },
        { "SET by ExecuteSql", Changed(db => db.Sql("SET search_path = t2")) },
        { "SET by ADO.NET", Changed(db => db.Ado("SET search_path = t2")) },
        { "set_config by ADO.NET", Changed(db => db.Ado("SELECT set_config('search_path', 't2', false)")) },
        { "SET by ADO.NET in a committed transaction", Changed(db => db.Ado("BEGIN; SET search_path = t2; COMMIT")) },
        { "SET by ADO.NET, then RESET by ExecuteSql and SET again", Changed(async db =>
        {
            await db.Sql("SET search_path = t1");
            await db.Sql("RESET ALL");
            await db.Ado("SET search_path = t2");
        }) },
        { "DISCARD ALL by ADO.NET after SET by ExecuteSql", Changed(async db =>
        {
            await db.Sql("SET search_path = t2");
            await db.Ado("DISCARD ALL");
        }) },
        { "SET by ADO.NET in the lowest case of its name", Changed(db => db.Ado("set schema 't2'")) },

        // What other settings change.
        { "SET TIME ZONE", Changed(db => db.Ado("SET TIME ZONE 'Asia/Tokyo'"), db => db.Values<string>("to_char(atz, 'HH24')", "FROM moments")) },
        { "SET TIME ZONE in LINQ", Changed(
            db => db.Ado("SET TIME ZONE 'Asia/Tokyo'"), db => db.Moments.Where(m => m.Atz.ToLocalTime().Hour == 21).Select(m => "it is")) },
        { "SET DateStyle", Changed(db => db.Ado("SET DateStyle = German"), db => db.Values<string>("at::text", "FROM moments")) },
        { "SET DateStyle for input", Changed(
            db => db.Ado("SET DateStyle = 'ISO, DMY'"), db => db.Values<string>("extract(month from (name || '/02/2024')::date)::text", "FROM (SELECT '1' AS name) x")) },
        { "SET IntervalStyle", Changed(
            db => db.Ado("SET IntervalStyle = iso_8601"), db => db.Values<string>("(at - timestamp '2024-01-01')::text", "FROM moments")) },
        { "SET bytea_output", Changed(db => db.Ado("SET bytea_output = escape"), db => db.Values<string>("name::bytea::text", "FROM items")) },
        { "SET extra_float_digits", Changed(
            db => db.Ado("SET extra_float_digits = 0"), db => db.Values<string>("(price::float8 / 3)::text", "FROM items")) },
        { "SET transform_null_equals", Changed(
            db => db.Ado("SET transform_null_equals = on"), db => db.Values<string>("name", "FROM (SELECT 'a' AS name, null::int AS x) t WHERE x = NULL")) },
        { "SET standard_conforming_strings", Changed(
            db => db.Ado("SET standard_conforming_strings = off"), db => db.Values<string>("'a\\\\b' || name", "FROM items")) },
        { "SET array_nulls", Changed(
            db => db.Ado("SET array_nulls = off"), db => db.Values<string>("(string_to_array('a', null))::text || array_length(('{{' || 'null,' || name || '}}')::text[], 1) || coalesce(('{{' || 'null' || '}}')::text[], '{{x}}')::text || (('{{' || 'null' || '}}')::text[])[1]", "FROM items")) },
        { "SET default_text_search_config", Changed(
            db => db.Ado("SET default_text_search_config = 'english'"), db => db.Values<string>("to_tsvector('running')::text || name", "FROM items")) },
        { "SET quote_all_identifiers", Changed(
            db => db.Ado("SET quote_all_identifiers = on"), db => db.Values<string>("quote_ident(name)", "FROM items")) },
        { "SET xmlbinary", Changed(
            db => db.Ado("SET xmlbinary = hex"), db => db.Values<string>("xmlforest(name::bytea AS x)::text", "FROM items")) },
        { "SET lc_monetary", Changed(db => db.Ado("SET lc_monetary = 'C'"), db => db.Values<string>("price::money::text", "FROM items")) },

        // Who the user is.
        { "SET ROLE", "CREATE ROLE {db}_poor;", Refused((s, db) => db.Ado($"SET ROLE {s.Database}_poor")) },
        { "SET ROLE by SqlQuery", "CREATE ROLE {db}_poor;", Refused((s, db) => db.Values<string>($"set_config('role', '{s.Database}_poor', false)").ToListAsync()) },
        { "SET SESSION AUTHORIZATION", "CREATE ROLE {db}_poor;", Refused((s, db) => db.Ado($"SET SESSION AUTHORIZATION {s.Database}_poor")) },
        { "SET row_security", "ALTER TABLE items ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; CREATE POLICY p ON items USING (id < 3); -- {role}", async s =>
        {
            s.Options = cache => cache.CacheAllQueries().VaryBy(_ => "x");
            await using var db = s.Open(s.RoleConnectionString);
            await s.Read(db, Names);
            await db.Database.OpenConnectionAsync();
            await s.Do(db, d => d.Ado("SET row_security = off"));
            await s.Fail(db, Names);
        } },
        { "SET ROLE behind row security", "ALTER TABLE items ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON items TO {role} USING (id < 3);", Changed(
            (s, db) => db.Ado($"SET ROLE {s.Role}")) },
        { "SET SESSION AUTHORIZATION behind row security", "ALTER TABLE items ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON items TO {role} USING (id < 3);",
            Changed((s, db) => db.Ado($"SET SESSION AUTHORIZATION {s.Role}")) },
        { "current_user after SET ROLE", "-- {role}", Changed(
            (s, db) => db.Ado($"SET ROLE {s.Role}"), db => db.Values<string>("right(current_user, 4) || name", "FROM items")) },

        // Temporary relations.
        { "a temporary table by ADO.NET", Changed(db => db.Ado("CREATE TEMP TABLE items AS SELECT id, grp, price, 'temporary' AS name FROM items")) },
        { "a temporary table by ExecuteSql", Changed(db => db.Sql("CREATE TEMP TABLE items AS SELECT id, grp, price, 'temporary' AS name FROM items")) },
        { "a temporary table by a function",
            """
            CREATE FUNCTION hide() RETURNS text LANGUAGE plpgsql AS
                $$ BEGIN CREATE TEMP TABLE items AS SELECT id, grp, price, 'temporary' AS name FROM public.items; RETURN 'x'; END $$
            """, Changed(db => db.Values<string>("hide()").ToListAsync()) },
        { "a temporary view by ADO.NET", Changed(db => db.Ado("CREATE TEMP VIEW items AS SELECT id, grp, price, 'temporary' AS name FROM items")) },
        { "SELECT INTO TEMP by ADO.NET", Changed(db => db.Ado("SELECT id, grp, price, 'temporary' AS name INTO TEMP items FROM items")) },
        { "the rows of a temporary table", async s =>
        {
            await using var first = s.Open();
            await first.Database.OpenConnectionAsync();
            await s.Do(first, db => db.Ado("CREATE TEMP TABLE mine (name text); INSERT INTO mine VALUES ('first')"));
            await s.Read(first, Mine);
            await using var second = s.Open();
            await second.Database.OpenConnectionAsync();
            await s.Do(second, db => db.Ado("CREATE TEMP TABLE mine (name text); INSERT INTO mine VALUES ('second')"));
            await s.Read(second, Mine);
            await s.Do(first, db => db.Ado("UPDATE mine SET name = 'new'"));
            await s.Read(first, Mine);
        } },

        // Where the session begins.
        { "a connection that was opened and changed before the context", async s =>
        {
            await s.Read(Names);
            await using var connection = new NpgsqlConnection(s.ConnectionString);
            await connection.OpenAsync();
            await ExecuteAsync(connection, "SET search_path = t2");
            await using var db = s.Open(provider: options => options.UseNpgsql(connection));
            await s.Read(db, Names);
            await s.Read(db, OtherNames);
            await s.Read(OtherNames);
        } },
        { "a connection that another context without the cache has changed", async s =>
        {
            await s.Read(Names);
            await using var connection = new NpgsqlConnection(s.ConnectionString);
            await connection.OpenAsync();
            await using var plain = s.Open(provider: options => options.UseNpgsql(connection), cache: 0);
            await s.Do(plain, db => db.Sql("SET search_path = t2"));
            await using var db = s.Open(provider: options => options.UseNpgsql(connection));
            await s.Read(db, Names);
            await s.Read(db, OtherNames);
            await s.Read(OtherNames);
        } },
        { "a connection that another context has changed", async s =>
        {
            await s.Read(Names);
            await using var connection = new NpgsqlConnection(s.ConnectionString);
            await connection.OpenAsync();
            await using var other = s.Open(provider: options => options.UseNpgsql(connection));
            await s.Do(other, db => db.Sql("SET search_path = t2"));
            await using var db = s.Open(provider: options => options.UseNpgsql(connection));
            await s.Read(db, Names);
        } },
        { "a handler of StateChange", Started((s, db) =>
        {
            db.Database.GetDbConnection().StateChange += (sender, change) =>
            {
                if (change.CurrentState is ConnectionState.Open)
                    Execute((DbConnection)sender, "SET search_path = t2");
            };
            return Task.CompletedTask;
        }) },
        { "a replaced connection that changes the session", Opened((_, options) => options.ReplaceService<INpgsqlRelationalConnection, ConnectionToT2>()) },
        { "a connection interceptor", Opened((_, options) => options.AddInterceptors(new PathInterceptor(_ => "t2"))) },
        { "a command interceptor that puts SET in front", Opened((_, options) => options.AddInterceptors(new CommandPrefix("SET search_path = t2; "))) },
        { "a command interceptor that executes SET", Opened((_, options) => options.AddInterceptors(new CommandPath("SET search_path = t2"))) },
        { "an initializer of a data source", async s =>
        {
            await using var source = SourceToT2(s);
            await StartAsync(s, s.Open(provider: options => options.UseNpgsql(source)));
        } },
        { "a connection of a data source with an initializer", async s =>
        {
            await using var source = SourceToT2(s);
            await using var connection = source.CreateConnection();
            await StartAsync(s, s.Open(provider: options => options.UseNpgsql(connection)));
        } },
        { "SetDbConnection to a data source with an initializer", async s =>
        {
            await using var source = SourceToT2(s);
            var db = s.Open();
            db.Database.SetDbConnection(source.CreateConnection(), contextOwnsConnection: true);
            await StartAsync(s, db);
        } },

        // Another database, or another user, on the way.
        { "ConnectionString of the DbConnection", Redirected((db, to) => db.Database.GetDbConnection().ConnectionString = to) },
        { "ConnectionString of the DbConnection, open", Redirected((db, to) =>
        {
            db.Database.GetDbConnection().ConnectionString = to;
            db.Database.OpenConnection();
        }) },
        { "ConnectionString of the DbConnection after a first use", Redirected((db, to) =>
        {
            _ = db.Others.ToList();
            db.Database.GetDbConnection().ConnectionString = to;
        }) },
        { "SetConnectionString", Redirected((db, to) => db.Database.SetConnectionString(to)) },
        { "SetConnectionString after a first use", Redirected((db, to) =>
        {
            _ = db.Others.ToList();
            db.Database.SetConnectionString(to);
        }) },
        { "SetDbConnection", Redirected((db, to) => db.Database.SetDbConnection(new NpgsqlConnection(to), contextOwnsConnection: true)) },
        { "SetDbConnection after a first use", Redirected((db, to) =>
        {
            _ = db.Others.ToList();
            db.Database.SetDbConnection(new NpgsqlConnection(to), contextOwnsConnection: true);
        }) },
        { "ChangeDatabase", Redirected((db, to) =>
        {
            db.Database.OpenConnection();
            db.Database.GetDbConnection().ChangeDatabase(new NpgsqlConnectionStringBuilder(to).Database!);
        }) },
        { "ConnectionString of the context's own connection", async s =>
        {
            var to = await s.CreateOtherDatabaseAsync();
            await using var connection = new NpgsqlConnection(s.ConnectionString);
            await using var db = s.Open(provider: options => options.UseNpgsql(connection));
            await s.Read(db, Names);
            connection.ConnectionString = to;
            await s.Read(db, Names);
        } },
        { "a search path in ConnectionString of the DbConnection", Started((s, db) => Redirect(db, s.With(to => to.SearchPath = "t2"))) },
        { "options in ConnectionString of the DbConnection", Started((s, db) => Redirect(db, s.With(to => to.Options = "-c search_path=t2"))) },
        { "a time zone in ConnectionString of the DbConnection", Started(
            (s, db) => Redirect(db, s.With(to => to.Timezone = "Asia/Tokyo")), db => db.Values<string>("to_char(atz, 'HH24')", "FROM moments")) },
        { "a user in ConnectionString of the DbConnection",
            "ALTER TABLE items ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON items TO {role} USING (id < 3);",
            Started((s, db) => Redirect(db, s.RoleConnectionString)) },
        { "a search path in the connection string", async s => await StartAsync(s, s.Open(s.With(to => to.SearchPath = "t2"))) },
        { "options in the connection string", async s => await StartAsync(s, s.Open(s.With(to => to.Options = "-c search_path=t2"))) },
        { "writes where ConnectionString of the DbConnection leads", async s =>
        {
            var to = await s.CreateOtherDatabaseAsync();
            await using var there = s.Open(to);
            await s.Read(there, Names);
            await s.Do(async db =>
            {
                db.Database.GetDbConnection().ConnectionString = to;
                await db.Save(new Item { Id = 1, Name = "written there" });
            });
            await s.Read(there, Names);
        } },
        { "ExecuteUpdate where ConnectionString of the DbConnection leads", async s =>
        {
            var to = await s.CreateOtherDatabaseAsync();
            await using var there = s.Open(to);
            await s.Read(there, Names);
            await s.Do(async db =>
            {
                db.Database.GetDbConnection().ConnectionString = to;
                await db.Items.ExecuteUpdateAsync(set => set.SetProperty(i => i.Name, "written there"));
            });
            await s.Read(there, Names);
        } },
        { "writes after ChangeDatabase", async s =>
        {
            var to = await s.CreateOtherDatabaseAsync();
            await using var there = s.Open(to);
            await s.Read(there, Names);
            await s.Do(async db =>
            {
                await db.Database.OpenConnectionAsync();
                await db.Database.GetDbConnection().ChangeDatabaseAsync(new NpgsqlConnectionStringBuilder(to).Database!);
                await db.Save(new Item { Id = 1, Name = "written there" });
            });
            await s.Read(there, Names);
        } },

        // What a new session begins with.
        { "ALTER ROLE SET search_path", "-- {role}", SessionsAltered("ALTER ROLE {role} SET search_path = t2") },
        { "ALTER ROLE SET TimeZone", "-- {role}", SessionsAltered(
            "ALTER ROLE {role} SET TimeZone = 'Asia/Tokyo'", db => db.Values<string>("to_char(atz, 'HH24')", "FROM moments")) },
        { "ALTER ROLE IN DATABASE SET search_path", "-- {role}", SessionsAltered("ALTER ROLE {role} IN DATABASE {db} SET search_path = t2") },
        { "ALTER DATABASE SET search_path", "-- {role}", SessionsAltered("ALTER DATABASE {db} SET search_path = t2") },
        { "ALTER DATABASE SET DateStyle", "-- {role}", SessionsAltered(
            "ALTER DATABASE {db} SET DateStyle = German", db => db.Values<string>("at::text", "FROM moments")) },
        { "ALTER ROLE SET role", RoleWithoutRights, async s =>
        {
            await using (var db = s.Open(s.RoleConnectionString))
                await s.Read(db, Names);
            await s.Sql("ALTER ROLE {role} SET role = '{db}_poor'");
            NpgsqlConnection.ClearPool(new NpgsqlConnection(s.RoleConnectionString));
            await s.Settle();
            s.CleanUp(() => s.Sql("DROP OWNED BY {db}_poor; DROP ROLE {db}_poor"));
            await using (var db = s.Open(s.RoleConnectionString))
                await s.Fail(db, Names);
        } },

        // Inside of a transaction, where queries are let in.
        { "SET LOCAL by ADO.NET", InTransaction(db => db.Ado("SET LOCAL search_path = t2")) },
        { "SET LOCAL by ExecuteSql", InTransaction(db => db.Sql("SET LOCAL search_path = t2")) },
        { "set_config that is local, by SqlQuery", InTransaction(db => db.Values<string>("set_config('search_path', 't2', true)").ToListAsync()) },
        { "SET LOCAL ROLE by ADO.NET behind row security",
            "ALTER TABLE items ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON items TO {role} USING (id < 3);",
            InTransaction((s, db) => db.Ado($"SET LOCAL ROLE {s.Role}")) },
        { "a transaction interceptor that executes SET LOCAL", async s =>
        {
            s.Options = cache => cache.CacheAllQueries().AllowInTransactions();
            await s.Read(Names);
            await using var db = s.Open(with: options => options.AddInterceptors(new TransactionPath()));
            await using var transaction = await db.Database.BeginTransactionAsync();
            await s.Read(db, Names);
            await s.Read(db, OtherNames);
            await transaction.CommitAsync();
            await s.Read(OtherNames);
        } },
        { "a session of a TransactionScope", async s =>
        {
            await s.Read(Names);
            using (new System.Transactions.TransactionScope(System.Transactions.TransactionScopeAsyncFlowOption.Enabled))
            {
                await s.Do(db => db.Sql("SET search_path = t2"));
                await s.Read(Names);
                await s.Read(OtherNames);
            }

            await s.Read(OtherNames);
        } },
    };

    public static TheoryData<string> NamesOfAll => All.Names;

    [Theory]
    [MemberData(nameof(NamesOfAll))]
    public Task Is_answered_as_without_the_cache(string attack) => RunAsync(All[attack]);

    private static IQueryable<string> Names(AttackContext db) => db.Items.Select(i => i.Name);

    private static IQueryable<string> OtherNames(AttackContext db) => db.Items.Where(i => i.Id != 99).Select(i => i.Name);

    private static IQueryable<string> Mine(AttackContext db) => db.Values<string>("name", "FROM mine");

    private static Func<Stage, Task> Changed(Func<AttackContext, Task> change, Func<AttackContext, IQueryable<string>>? query = null)
        => Changed((_, db) => change(db), query);

    /// <summary>A session that is changed must not be given what others have read, nor give them what it reads.</summary>
    private static Func<Stage, Task> Changed(Func<Stage, AttackContext, Task> change, Func<AttackContext, IQueryable<string>>? query = null)
        => async s =>
        {
            var asked = query ?? Names;
            await s.Read(asked, "before");
            await using var db = s.Open();
            await db.Database.OpenConnectionAsync();
            await s.Do(db, d => change(s, d));
            await s.Read(db, asked, "what others have read");
            await s.Read(db, d => asked(d).Where(name => name != "nobody"), "what nobody has read");
            await db.Database.CloseConnectionAsync();
            await s.Read(d => asked(d).Where(name => name != "nobody"), "what the changed session has read");
            await s.Read(asked, "before, again");
        };

    private static Func<Stage, Task> Refused(Func<Stage, AttackContext, Task> change)
        => async s =>
        {
            s.CleanUp(() => s.Sql("DROP ROLE {db}_poor"));
            await s.Read(Names);
            await using var db = s.Open();
            await db.Database.OpenConnectionAsync();
            await s.Do(db, d => change(s, d));
            await s.Fail(db, Names);
        };

    private static Func<Stage, Task> InTransaction(Func<AttackContext, Task> change) => InTransaction((_, db) => change(db));

    private static Func<Stage, Task> InTransaction(Func<Stage, AttackContext, Task> change)
        => async s =>
        {
            s.Options = cache => cache.CacheAllQueries().AllowInTransactions();
            await s.Read(Names);
            await using var db = s.Open();
            await using (await db.Database.BeginTransactionAsync())
            {
                await s.Do(db, d => change(s, d));
                await s.Read(db, Names);
                await s.Read(db, OtherNames);
            }

            await s.Read(OtherNames);
        };

    private static Func<Stage, Task> Opened(Action<Stage, DbContextOptionsBuilder> configure)
        => async s => await StartAsync(s, s.Open(with: options => configure(s, options)));

    private static Func<Stage, Task> Started(Func<Stage, AttackContext, Task> start, Func<AttackContext, IQueryable<string>>? query = null)
        => async s =>
        {
            var db = s.Open();
            await start(s, db);
            await StartAsync(s, db, query);
        };

    /// <summary>A context whose sessions begin otherwise.</summary>
    private static async Task StartAsync(Stage s, AttackContext context, Func<AttackContext, IQueryable<string>>? query = null)
    {
        await using var db = context;
        var asked = query ?? Names;
        await s.Read(asked, "before");
        await s.Read(db, asked, "what others have read");
        await s.Read(db, d => asked(d).Where(name => name != "nobody"), "what nobody has read");
        await s.Read(d => asked(d).Where(name => name != "nobody"), "what the other session has read");
    }

    private static Func<Stage, Task> Redirected(Action<AttackContext, string> redirect)
        => async s =>
        {
            var to = await s.CreateOtherDatabaseAsync();
            await s.Read(Names);
            await using var db = s.Open();
            redirect(db, to);
            await s.Read(db, Names);
            await s.Read(db, OtherNames);
            await s.Read(OtherNames);
        };

    private static Task Redirect(AttackContext db, string to)
    {
        db.Database.GetDbConnection().ConnectionString = to;
        return Task.CompletedTask;
    }

    private static Func<Stage, Task> SessionsAltered(string sql, Func<AttackContext, IQueryable<string>>? query = null)
        => async s =>
        {
            var asked = query ?? Names;
            await using (var db = s.Open(s.RoleConnectionString))
                await s.Read(db, asked);
            await s.Sql(sql);
            NpgsqlConnection.ClearPool(new NpgsqlConnection(s.RoleConnectionString));
            await s.Settle();
            await using (var db = s.Open(s.RoleConnectionString))
                await s.Read(db, asked);
        };

    private static NpgsqlDataSource SourceToT2(Stage s)
    {
        var source = new NpgsqlDataSourceBuilder(s.ConnectionString);
        source.UsePhysicalConnectionInitializer(
            connection => Execute(connection, "SET search_path = t2"), connection => ExecuteAsync(connection, "SET search_path = t2"));
        return source.Build();
    }

    private static void Execute(DbConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }

    private static async Task ExecuteAsync(DbConnection connection, string sql)
    {
        await using var command = connection.CreateCommand();
        command.CommandText = sql;
        await command.ExecuteNonQueryAsync();
    }

    /// <summary>Sets the search path of each connection that is opened.</summary>
    internal sealed class PathInterceptor(Func<DbContext, string> path) : DbConnectionInterceptor
    {
        public override Task ConnectionOpenedAsync(
            DbConnection connection, ConnectionEndEventData eventData, CancellationToken cancellationToken = default)
            => ExecuteAsync(connection, $"SET search_path = {path(eventData.Context!)}");

        public override void ConnectionOpened(DbConnection connection, ConnectionEndEventData eventData)
            => Execute(connection, $"SET search_path = {path(eventData.Context!)}");
    }

    private sealed class CommandPrefix(string prefix) : DbCommandInterceptor
    {
        public override ValueTask<InterceptionResult<DbDataReader>> ReaderExecutingAsync(
            DbCommand command, CommandEventData eventData, InterceptionResult<DbDataReader> result, CancellationToken cancellationToken = default)
        {
            command.CommandText = prefix + command.CommandText;
            return new(result);
        }
    }

    private sealed class CommandPath(string sql) : DbCommandInterceptor
    {
        public override async ValueTask<InterceptionResult<DbDataReader>> ReaderExecutingAsync(
            DbCommand command, CommandEventData eventData, InterceptionResult<DbDataReader> result, CancellationToken cancellationToken = default)
        {
            await ExecuteAsync(command.Connection!, sql);
            return result;
        }
    }

    private sealed class TransactionPath : DbTransactionInterceptor
    {
        public override async ValueTask<DbTransaction> TransactionStartedAsync(
            DbConnection connection, TransactionEndEventData eventData, DbTransaction result, CancellationToken cancellationToken = default)
        {
            await ExecuteAsync(connection, "SET LOCAL search_path = t2");
            return result;
        }
    }

    private sealed class ConnectionToT2(
        RelationalConnectionDependencies dependencies, NpgsqlDataSourceManager sources, Microsoft.EntityFrameworkCore.Infrastructure.IDbContextOptions options)
        : NpgsqlRelationalConnection(dependencies, sources, options)
    {
        protected override async Task OpenDbConnectionAsync(bool errorsExpected, CancellationToken cancellationToken)
        {
            await base.OpenDbConnectionAsync(errorsExpected, cancellationToken);
            await ExecuteAsync(DbConnection, "SET search_path = t2");
        }
    }
}
