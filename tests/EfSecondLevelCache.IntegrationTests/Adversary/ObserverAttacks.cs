using System.Data.Common;
using EfSecondLevelCache.IntegrationTests.Support;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Query;
using Microsoft.EntityFrameworkCore.Storage;
using Microsoft.EntityFrameworkCore.Update;
using Microsoft.EntityFrameworkCore.Update.Internal;
using Microsoft.Extensions.DependencyInjection;
using Npgsql.EntityFrameworkCore.PostgreSQL.Query.Internal;

namespace EfSecondLevelCache.IntegrationTests.Adversary;

/// <summary>Somebody does not see the writes, and does not say so.</summary>
public sealed class ObserverAttacks(PostgresServer server, ITestOutputHelper output) : AttackTests(server, output)
{
    private static readonly Watch[] Sources = [Watch.Notifications, Watch.Replication];

    internal static readonly AttackList All = new(WeaknessKind.Observer)
    {
        // Services of EF Core that the application replaces.
        { "a replaced IBatchExecutor, SaveChanges", By<IBatchExecutor, OwnBatchExecutor>(Save) },
        { "a replaced IBatchExecutor, an insert", By<IBatchExecutor, OwnBatchExecutor>(Add) },
        { "a replaced IBatchExecutor, SaveChanges in a transaction", By<IBatchExecutor, OwnBatchExecutor>(async db =>
        {
            await using var transaction = await db.Database.BeginTransactionAsync();
            await Save(db);
            await transaction.CommitAsync();
        }) },
        { "a replaced IBatchExecutor, ExecuteUpdate", By<IBatchExecutor, OwnBatchExecutor>(Update) },
        { "a replaced IRelationalCommandBuilderFactory, SaveChanges", By<IRelationalCommandBuilderFactory, RelationalCommandBuilderFactory>(Save) },
        { "a replaced IRelationalCommandBuilderFactory, ExecuteUpdate", By<IRelationalCommandBuilderFactory, RelationalCommandBuilderFactory>(Update) },
        { "a replaced IRelationalCommandBuilderFactory, ExecuteDelete", By<IRelationalCommandBuilderFactory, RelationalCommandBuilderFactory>(
            db => db.Details.ExecuteDeleteAsync()) },
        { "a replaced IRelationalCommandBuilderFactory, ExecuteSql", By<IRelationalCommandBuilderFactory, RelationalCommandBuilderFactory>(Sql) },
        { "a replaced IRelationalCommandBuilderFactory, RETURNING", By<IRelationalCommandBuilderFactory, RelationalCommandBuilderFactory>(Returning) },
        { "a replaced IRelationalCommandBuilderFactory, RETURNING by FromSql", By<IRelationalCommandBuilderFactory, RelationalCommandBuilderFactory>(
            db => db.Items.FromSqlRaw("UPDATE items SET name = 'new' RETURNING *").ToListAsync()) },
        { "a replaced IRelationalCommandBuilderFactory, a CTE that writes", By<IRelationalCommandBuilderFactory, RelationalCommandBuilderFactory>(
            db => db.Database.SqlQueryRaw<string>("WITH w AS (UPDATE items SET name = 'new' RETURNING name) SELECT name AS \"Value\" FROM w").ToListAsync()) },
        { "a replaced IRelationalCommandBuilderFactory, a function", By<IRelationalCommandBuilderFactory, RelationalCommandBuilderFactory>(
            db => db.Values<int>("bump(1)").ToListAsync()) },
        { "a replaced IRelationalCommandBuilderFactory, SET", By<IRelationalCommandBuilderFactory, RelationalCommandBuilderFactory>(async db =>
        {
            await db.Database.OpenConnectionAsync();
            await db.Sql("SET search_path = t2");
        }) },
        { "a replaced IRawSqlCommandBuilder, ExecuteSql", By<IRawSqlCommandBuilder, OwnRawSqlCommandBuilder>(Sql) },
        { "a replaced IRawSqlCommandBuilder, ExecuteSql in a transaction", By<IRawSqlCommandBuilder, OwnRawSqlCommandBuilder>(async db =>
        {
            await using var transaction = await db.Database.BeginTransactionAsync();
            await Sql(db);
            await transaction.CommitAsync();
        }) },
        { "a replaced IQuerySqlGeneratorFactory, SaveChanges", By<IQuerySqlGeneratorFactory, NpgsqlQuerySqlGeneratorFactory>(Save) },
        { "a replaced IQuerySqlGeneratorFactory, ExecuteUpdate", By<IQuerySqlGeneratorFactory, NpgsqlQuerySqlGeneratorFactory>(Update) },
        { "a replaced IQuerySqlGeneratorFactory, ExecuteDelete", By<IQuerySqlGeneratorFactory, NpgsqlQuerySqlGeneratorFactory>(
            db => db.Items.Where(i => i.Id == 3).ExecuteDeleteAsync()) },
        { "a replaced IQuerySqlGeneratorFactory, RETURNING", By<IQuerySqlGeneratorFactory, NpgsqlQuerySqlGeneratorFactory>(Returning) },
        { "a replaced IQuerySqlGeneratorFactory, RETURNING by FromSql", By<IQuerySqlGeneratorFactory, NpgsqlQuerySqlGeneratorFactory>(
            db => db.Items.FromSqlRaw("UPDATE items SET name = 'new' RETURNING *").ToListAsync()) },
        { "a replaced IModificationCommandFactory", By<IModificationCommandFactory, ModificationCommandFactory>(Save) },
        { "a service provider of the application's own, SaveChanges", ByOwnProvider(Save) },
        { "a service provider of the application's own, ExecuteUpdate", ByOwnProvider(Update) },
        { "a service provider of the application's own, ExecuteSql", ByOwnProvider(Sql) },
        { "a command interceptor that executes the command itself", Intercepted(Save) },
        { "a command interceptor that executes the command itself, ExecuteSql", Intercepted(Sql) },
        { "a command interceptor that executes the command itself, RETURNING", Intercepted(Returning) },
        { "a save that an interceptor does itself", async s =>
        {
            await s.Read(Names);
            await using (var db = s.Open(with: options => options.AddInterceptors(new OwnSaving())))
                await s.Do(db, Save);
            await s.Read(Names);
        } },

        // Other caches and contexts of the process.
        { "a second cache, SaveChanges", SecondCache(Save) },
        { "a second cache, ExecuteUpdate", SecondCache(Update) },
        { "a second cache, ExecuteSql", SecondCache(Sql) },
        { "a second cache, RETURNING", SecondCache(Returning) },
        { "a second cache, in a transaction", SecondCache(async db =>
        {
            await using var transaction = await db.Database.BeginTransactionAsync();
            await Save(db);
            await transaction.CommitAsync();
        }) },
        { "a second cache, in a TransactionScope", SecondCache(async db =>
        {
            using var scope = new System.Transactions.TransactionScope(System.Transactions.TransactionScopeAsyncFlowOption.Enabled);
            await Save(db);
            scope.Complete();
        }) },
        { "a second cache, in a transaction that the application ends", SecondCache(async db =>
        {
            await db.Database.OpenConnectionAsync();
            var transaction = await db.Database.GetDbConnection().BeginTransactionAsync();
            await db.Database.UseTransactionAsync(transaction);
            await Save(db);
            await transaction.CommitAsync();
        }) },
        { "a second cache, DDL", SecondCache(db => db.Sql("CREATE OR REPLACE VIEW item_names AS SELECT id, name FROM others"), db => db.ItemNames.Select(n => n.Name)) },
        { "a second cache that is switched off", SecondCache(Save, switchesOff: true) },
        { "a cache that is switched off and on again", async s =>
        {
            await s.Read(Names);
            await s.Cache(cache => { cache.Enabled = false; return default; });
            await s.Do(Save);
            await s.Cache(cache => { cache.Enabled = true; return default; });
            await s.Read(Names);
        } },

        // What a change source does not hear.
        { "rows of a subscription", "", Subscribed("INSERT INTO items VALUES (7, 7, 7, 'seven')"), Sources },
        { "an update by a subscription", "", Subscribed("UPDATE items SET name = 'new' WHERE id = 1"), Sources },
        { "a truncation by a subscription", "", Subscribed("TRUNCATE items CASCADE"), Sources },
        { "an unlogged table", "ALTER TABLE details DROP CONSTRAINT details_item; ALTER TABLE items SET UNLOGGED;", Told("UPDATE items SET name = 'new'"), Sources },
        { "a table that becomes unlogged", "ALTER TABLE details DROP CONSTRAINT details_item;", Told("ALTER TABLE items SET UNLOGGED", "UPDATE items SET name = 'new'"), Sources },
        { "a session of a replica", "", Told("SET session_replication_role = replica; UPDATE items SET name = 'new'"), Sources },
        { "triggers that are switched off", "", Told("ALTER TABLE items DISABLE TRIGGER ALL", "UPDATE items SET name = 'new'"), Sources },
        { "triggers that are switched off for the while", "", Told(
            "BEGIN; ALTER TABLE items DISABLE TRIGGER ALL; UPDATE items SET name = 'new'; ALTER TABLE items ENABLE TRIGGER ALL; COMMIT"), Sources },
        { "a function of the triggers that is replaced", "", Told(
            "DO $$ BEGIN IF to_regnamespace('second_level_cache') IS NOT NULL THEN CREATE OR REPLACE FUNCTION second_level_cache.notify_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'; END IF; END $$",
            "UPDATE items SET name = 'new'"), Sources },
        { "a publication that is altered for the while", "", Told(
            "DO $$ BEGIN IF EXISTS (SELECT FROM pg_publication) THEN ALTER PUBLICATION second_level_cache DROP TABLE items; END IF; END $$",
            "UPDATE items SET name = 'new'",
            "DO $$ BEGIN IF EXISTS (SELECT FROM pg_publication) THEN ALTER PUBLICATION second_level_cache ADD TABLE items; END IF; END $$"), Sources },
        { "operations that a publication leaves out", "", Told(
            "DO $$ BEGIN IF EXISTS (SELECT FROM pg_publication) THEN ALTER PUBLICATION second_level_cache SET (publish = 'insert'); END IF; END $$",
            "UPDATE items SET name = 'new'"), Sources },
        { "rows that a publication leaves out", "", Told(
            "DO $$ BEGIN IF EXISTS (SELECT FROM pg_publication) THEN ALTER PUBLICATION second_level_cache SET TABLE items WHERE (id > 5); END IF; END $$",
            "UPDATE items SET name = 'new'"), Sources },
        { "a table that is written anew", "", Told("ALTER TABLE items ALTER name TYPE text USING 'new'"), Sources },
        { "a column with a default", "", Told("ALTER TABLE items DROP name CASCADE; ALTER TABLE items ADD name text DEFAULT 'new'"), Sources },
        { "a truncation", "", Told("TRUNCATE items CASCADE"), Sources },
        { "COPY", "", Told("COPY items FROM PROGRAM 'printf \"7\\t7\\t7\\tseven\\n\"'"), Sources },
        { "a table that takes the place of another", "CREATE TABLE new_items (LIKE items INCLUDING ALL); INSERT INTO new_items VALUES (1, 1, 1, 'new');", Told(
            "BEGIN; ALTER TABLE items RENAME TO old_items; ALTER TABLE new_items RENAME TO items; COMMIT"), Sources },
        { "a write of the table that took the place of another", "CREATE TABLE new_items (LIKE items INCLUDING ALL); INSERT INTO new_items VALUES (1, 1, 1, 'new');", Told(
            "BEGIN; ALTER TABLE items RENAME TO old_items; ALTER TABLE new_items RENAME TO items; COMMIT", "UPDATE items SET name = 'newer'"), Sources },
        { "a child of the table", "CREATE TABLE children () INHERITS (items);", Told("INSERT INTO children VALUES (7, 7, 7, 'seven')"), Sources },
        { "a child that comes later", "", Told("CREATE TABLE children () INHERITS (items); INSERT INTO children VALUES (7, 7, 7, 'seven')"), Sources },
        { "a child that comes later and is written later", "", Told("CREATE TABLE children () INHERITS (items)", "INSERT INTO children VALUES (7, 7, 7, 'seven')"), Sources },
        { "a prepared transaction", "", Told("BEGIN; UPDATE items SET name = 'new'; PREPARE TRANSACTION '{db}'", "COMMIT PREPARED '{db}'"), Watch.Replication },
        { "a writer with other settings", "", Told(
            "SET DateStyle = German; SET TimeZone = 'Asia/Tokyo'; SET bytea_output = escape; SET search_path = t1, pg_catalog; UPDATE public.items SET name = 'new'"), Sources },
        { "a writer with other settings, by a time", "", Told(
            "SET DateStyle = German; SET TimeZone = 'Asia/Tokyo'; UPDATE moments SET atz = '2024-03-01 00:00+00'",
            db => db.Moments.Where(m => m.Atz == new DateTime(2024, 3, 1, 0, 0, 0, DateTimeKind.Utc)).Select(m => $"{m.Id}")), Sources },
    };

    public static TheoryData<string> NamesOfAll => All.Names;

    [Theory]
    [MemberData(nameof(NamesOfAll))]
    public Task Is_answered_as_without_the_cache(string attack) => RunAsync(All[attack]);

    private static IQueryable<string> Names(AttackContext db) => db.Items.Select(i => i.Name);

    private static Task Save(AttackContext db) => db.Save(new Item { Id = 1, Grp = 1, Name = "new" });

    private static Task Add(AttackContext db) => db.Save(new Item { Id = 7, Name = "seven" }, EntityState.Added);

    private static Task Update(AttackContext db) => db.Items.ExecuteUpdateAsync(set => set.SetProperty(i => i.Name, "new"));

    private static Task Sql(AttackContext db) => db.Sql("UPDATE items SET name = 'new'");

    private static Task Returning(AttackContext db)
        => db.Database.SqlQueryRaw<string>("UPDATE items SET name = 'new' RETURNING name AS \"Value\"").ToListAsync();

    /// <summary>Written by a context with a service of the application's own, read by it and by others.</summary>
    private static Func<Stage, Task> By<TService, TOurs>(Func<AttackContext, Task> write)
        where TOurs : TService
        => async s =>
        {
            await s.Read(Names, "by others, before");
            await s.Read(db => db.Details.Select(d => d.Name), "by others, before");
            await using var db = s.Open(with: options => options.ReplaceService<TService, TOurs>());
            await s.Read(db, Names, "before");
            await s.Do(db, write);
            await s.Read(db, Names, "after");
            await s.Read(Names, "by others, after");
            await s.Read(d => d.Details.Select(detail => detail.Name), "by others, after");
        };

    private static Func<Stage, Task> ByOwnProvider(Func<AttackContext, Task> write)
        => async s =>
        {
            await using var services = new ServiceCollection().AddEntityFrameworkNpgsql().BuildServiceProvider();
            await s.Read(Names);
            await using (var db = s.Open(with: options => options.UseInternalServiceProvider(services)))
                await s.Do(db, write);
            await s.Read(Names);
        };

    private static Func<Stage, Task> Intercepted(Func<AttackContext, Task> write)
        => async s =>
        {
            await s.Read(Names);
            await using (var db = s.Open(with: options => options.AddInterceptors(new OwnExecution())))
                await s.Do(db, write);
            await s.Read(Names);
        };

    private static Func<Stage, Task> SecondCache(
        Func<AttackContext, Task> write, Func<AttackContext, IQueryable<string>>? query = null, bool switchesOff = false)
        => async s =>
        {
            await s.Read(query ?? Names);
            await using (var db = s.Open(cache: 2))
            {
                await s.Read(db, query ?? Names);
                if (switchesOff)
                    await s.Cache(cache => { cache.Enabled = false; return default; }, 2);
                await s.Do(db, write);
            }

            await s.Read(query ?? Names);
        };

    /// <summary>Somebody else writes.</summary>
    private static Func<Stage, Task> Told(params string[] sql) => Told(sql, Names);

    private static Func<Stage, Task> Told(string sql, Func<AttackContext, IQueryable<string>> query) => Told([sql], query);

    private static Func<Stage, Task> Told(string[] sql, Func<AttackContext, IQueryable<string>> query)
        => async s =>
        {
            await s.Read(query, "before");
            foreach (var statement in sql)
            {
                await s.Sql(statement);
                await s.Settle();
                await s.Read(query, statement);
            }
        };

    /// <summary>Rows come from another server by logical replication; here from another database of the same one.</summary>
    private static Func<Stage, Task> Subscribed(string sql)
        => async s =>
        {
            var publisher = await s.CreateOtherDatabaseAsync();
            await s.Sql(
                $"""
                UPDATE items SET name = substr(name, 7);
                CREATE PUBLICATION adversary FOR TABLE items;
                SELECT pg_create_logical_replication_slot('{s.Database}', 'pgoutput');
                """, publisher);
            s.CleanUp(() => s.Sql($"SELECT pg_drop_replication_slot('{s.Database}')", publisher));
            var settings = new Npgsql.NpgsqlConnectionStringBuilder(publisher);
            await s.Sql(
                $"""
                CREATE SUBSCRIPTION {s.Database} CONNECTION 'host={settings.Host} port={settings.Port} dbname={settings.Database} user={settings.Username}'
                PUBLICATION adversary WITH (create_slot = false, slot_name = '{s.Database}', copy_data = false)
                """);
            s.CleanUp(() => UnsubscribeAsync(s, publisher));
            await s.Read(Names);
            await s.Sql("ALTER TABLE details DISABLE TRIGGER ALL");
            await s.Settle();
            await s.Read(Names);
            await s.Sql(sql, publisher);
            await s.UntilSameAsync("SELECT coalesce(string_agg(name, ',' ORDER BY id), '') FROM items", publisher);
            await s.Settle();
            await s.Read(Names);
        };

    private static async Task UnsubscribeAsync(Stage s, string publisher)
    {
        await s.Sql($"ALTER SUBSCRIPTION {s.Database} DISABLE");
        await s.Sql($"ALTER SUBSCRIPTION {s.Database} SET (slot_name = NONE)");
        await s.Sql($"DROP SUBSCRIPTION {s.Database}");
        await s.Sql(
            $"""
            DO $$ BEGIN
                WHILE EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = '{s.Database}' AND active) LOOP
                    PERFORM pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = '{s.Database}' AND active;
                    PERFORM pg_sleep(0.01);
                END LOOP;
            END $$
            """, publisher);
    }

    private sealed class OwnBatchExecutor(ICurrentDbContext currentContext, IDiagnosticsLogger<DbLoggerCategory.Update> logger)
        : BatchExecutor(currentContext, logger);

    private sealed class OwnRawSqlCommandBuilder(RelationalCommandBuilderDependencies dependencies) : IRawSqlCommandBuilder
    {
        public IRelationalCommand Build(string sql) => new RelationalCommand(dependencies, sql, sql, []);

        public RawSqlCommand Build(string sql, IEnumerable<object?> parameters) => new(Build(sql), new Dictionary<string, object?>());

        public RawSqlCommand Build(string sql, IEnumerable<object?> parameters, Microsoft.EntityFrameworkCore.Metadata.IModel? model)
            => Build(sql, parameters);
    }

    /// <summary>Executes what EF Core is about to execute, and gives it the answer.</summary>
    private sealed class OwnExecution : DbCommandInterceptor
    {
        public override async ValueTask<InterceptionResult<DbDataReader>> ReaderExecutingAsync(
            DbCommand command, CommandEventData eventData, InterceptionResult<DbDataReader> result, CancellationToken cancellationToken = default)
            => InterceptionResult<DbDataReader>.SuppressWithResult(await command.ExecuteReaderAsync(cancellationToken));

        public override async ValueTask<InterceptionResult<int>> NonQueryExecutingAsync(
            DbCommand command, CommandEventData eventData, InterceptionResult<int> result, CancellationToken cancellationToken = default)
            => InterceptionResult<int>.SuppressWithResult(await command.ExecuteNonQueryAsync(cancellationToken));
    }

    private sealed class OwnSaving : SaveChangesInterceptor
    {
        public override async ValueTask<InterceptionResult<int>> SavingChangesAsync(
            DbContextEventData eventData, InterceptionResult<int> result, CancellationToken cancellationToken = default)
        {
            await eventData.Context!.Database.ExecuteSqlRawAsync("UPDATE items SET name = 'new'", cancellationToken);
            return InterceptionResult<int>.SuppressWithResult(1);
        }
    }
}
