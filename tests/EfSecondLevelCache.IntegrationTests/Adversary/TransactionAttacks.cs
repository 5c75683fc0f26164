using System.Data.Common;
using System.Transactions;
using EfSecondLevelCache.IntegrationTests.Support;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Storage;
using Npgsql;
using IsolationLevel = System.Data.IsolationLevel;

namespace EfSecondLevelCache.IntegrationTests.Adversary;

/// <summary>The transaction is guessed.</summary>
public sealed class TransactionAttacks(PostgresServer server, ITestOutputHelper output) : AttackTests(server, output)
{
    private const string Deferred =
        "ALTER TABLE details DROP CONSTRAINT details_item, ADD FOREIGN KEY (item_id) REFERENCES items DEFERRABLE INITIALLY DEFERRED";

    internal static readonly AttackList All = new(WeaknessKind.Transaction)
    {
        // Enlist=false: the server commits each statement, whatever becomes of the scope.
        { "Enlist=false in a scope that is not completed, SaveChanges", NotEnlisted(Save, completes: false) },
        { "Enlist=false in a scope that is not completed, ExecuteUpdate", NotEnlisted(Update, completes: false) },
        { "Enlist=false in a scope that is not completed, ExecuteDelete", NotEnlisted(
            db => db.Details.Where(d => d.Id == 1).ExecuteDeleteAsync(), completes: false, db => db.Details.Select(d => d.Name)) },
        { "Enlist=false in a scope that is not completed, ExecuteSql", NotEnlisted(db => db.Sql("UPDATE items SET name = 'new'"), completes: false) },
        { "Enlist=false in a scope that is not completed, RETURNING", NotEnlisted(
            db => db.Database.SqlQueryRaw<string>("UPDATE items SET name = 'new' RETURNING name AS \"Value\"").ToListAsync(), completes: false) },
        { "Enlist=false in a scope that is completed", NotEnlisted(Save, completes: true) },
        { "Enlist=false, read by others before the scope has ended", async s =>
        {
            await s.Read(Names);
            using var scope = new TransactionScope(TransactionScopeAsyncFlowOption.Enabled);
            await using (var db = s.Open(s.With(to => to.Enlist = false)))
                await s.Do(db, Save);
            using (new TransactionScope(TransactionScopeOption.Suppress, TransactionScopeAsyncFlowOption.Enabled))
                await s.Read(Names);
            scope.Complete();
        } },
        { "Enlist=false over a connection that was opened before the scope", async s =>
        {
            await s.Read(Names);
            await using var db = s.Open(s.With(to => to.Enlist = false));
            await db.Database.OpenConnectionAsync();
            using (new TransactionScope(TransactionScopeAsyncFlowOption.Enabled))
                await s.Do(db, Save);
            await s.Read(Names);
        } },
        { "a connection that was opened before the scope", async s =>
        {
            await s.Read(Names);
            await using var db = s.Open();
            await db.Database.OpenConnectionAsync();
            using (new TransactionScope(TransactionScopeAsyncFlowOption.Enabled))
                await s.Do(db, Save);
            await s.Read(Names);
            await s.Read(db, Names);
        } },
        { "a scope that is not completed", async s =>
        {
            await s.Read(Names);
            using (new TransactionScope(TransactionScopeAsyncFlowOption.Enabled))
                await s.Do(Save);
            await s.Read(Names);
        } },
        { "a scope that is completed", async s =>
        {
            await s.Read(Names);
            using (var scope = new TransactionScope(TransactionScopeAsyncFlowOption.Enabled))
            {
                await s.Do(Save);
                scope.Complete();
            }

            await s.Read(Names);
        } },
        { "a CommittableTransaction", async s =>
        {
            await s.Read(Names);
            using var transaction = new CommittableTransaction();
            await using var db = s.Open();
            await db.Database.OpenConnectionAsync();
            db.Database.EnlistTransaction(transaction);
            await s.Do(db, Save);
            transaction.Commit();
            await s.Read(Names);
        } },

        // Begun by EF Core, ended by somebody else. The connection stays open.
        { "ended by the DbTransaction", Ended((db, transaction) => transaction.GetDbTransaction().CommitAsync()) },
        { "ended by COMMIT in ExecuteSql", Ended((db, _) => db.Sql("COMMIT")) },
        { "ended by END in ExecuteSql", Ended((db, _) => db.Sql("END")) },
        { "ended by COMMIT AND CHAIN in ExecuteSql", Ended((db, _) => db.Sql("COMMIT AND CHAIN")) },
        { "ended by a COMMIT behind another statement", Ended((db, _) => db.Sql("SELECT 1; COMMIT")) },
        { "ended by COMMIT in ADO.NET", Ended((db, _) => db.Ado("COMMIT")) },
        { "ended by COMMIT AND CHAIN in ADO.NET", Ended((db, _) => db.Ado("COMMIT AND CHAIN")) },
        { "ended by a procedure", "CREATE PROCEDURE ends() LANGUAGE plpgsql AS $$ BEGIN NULL; END $$", Ended(async (db, _) =>
        {
            await db.Ado("COMMIT");
            await db.Sql("CALL ends()");
        }) },
        { "taken away from EF Core, then ended by the DbTransaction", Ended(async (db, transaction) =>
        {
            var real = transaction.GetDbTransaction();
            await db.Database.UseTransactionAsync(null);
            await real.CommitAsync();
        }) },
        { "ended by COMMIT in ExecuteSql, ExecuteUpdate", Ended((db, _) => db.Sql("COMMIT"), Update) },
        { "ended by COMMIT in the writing text", Ended((_, _) => Task.CompletedTask, db => db.Sql("UPDATE items SET name = 'new'; COMMIT")) },
        { "written after a ROLLBACK in ExecuteSql", Ended((_, _) => Task.CompletedTask, async db =>
        {
            await db.Sql("ROLLBACK");
            await db.Sql("UPDATE items SET name = 'new'");
        }) },
        { "written after an ABORT in ADO.NET", Ended((_, _) => Task.CompletedTask, async db =>
        {
            await db.Ado("ABORT");
            await db.Sql("UPDATE items SET name = 'new'");
        }) },
        { "written after a rollback of the DbTransaction", Ended((_, _) => Task.CompletedTask, async db =>
        {
            await db.Database.CurrentTransaction!.GetDbTransaction().RollbackAsync();
            await db.Sql("UPDATE items SET name = 'new'");
        }) },
        { "written after ROLLBACK AND CHAIN, then committed by EF Core", Ended((_, transaction) => transaction.CommitAsync(), async db =>
        {
            await db.Sql("ROLLBACK AND CHAIN");
            await db.Sql("UPDATE items SET name = 'new'");
        }) },
        { "rolled back after a COMMIT AND CHAIN", Ended((_, transaction) => transaction.RollbackAsync(), async db =>
        {
            await db.Sql("UPDATE items SET name = 'new'");
            await db.Sql("COMMIT AND CHAIN");
        }) },
        { "rolled back after a COMMIT AND CHAIN in ADO.NET", Ended((_, transaction) => transaction.RollbackAsync(), async db =>
        {
            await Save(db);
            await db.Ado("COMMIT AND CHAIN");
        }) },
        { "rolled back after a COMMIT and a BEGIN in ADO.NET", Ended((_, transaction) => transaction.RollbackAsync(), async db =>
        {
            await Save(db);
            await db.Ado("COMMIT");
            await db.Ado("BEGIN");
        }) },
        { "rolled back to a savepoint, then committed", Ended((_, transaction) => transaction.CommitAsync(), async db =>
        {
            await Save(db);
            await db.Database.CurrentTransaction!.CreateSavepointAsync("s");
            await db.Sql("UPDATE items SET name = 'rolled back'");
            await db.Database.CurrentTransaction.RollbackToSavepointAsync("s");
        }) },
        { "disposed of", Ended((_, transaction) => transaction.DisposeAsync().AsTask()) },
        { "a failed commit", Deferred, Ended(async (_, transaction) =>
        {
            await Assert.ThrowsAnyAsync<DbException>(() => transaction.CommitAsync());
        }, db => db.Save(new Detail { Id = 77, ItemId = 77 }, EntityState.Added), db => db.Details.Select(d => d.Name)) },
        { "PREPARE TRANSACTION, committed by EF Core", Prepared(s => s.Do(db => db.Sql($"COMMIT PREPARED '{s.Database}'"))) },
        { "PREPARE TRANSACTION, committed by ADO.NET", Prepared(s => s.Do(async db =>
        {
            await db.Database.OpenConnectionAsync();
            await db.Ado($"COMMIT PREPARED '{s.Database}'");
        })) },
        { "PREPARE TRANSACTION by ADO.NET in EF Core's transaction", Ended(async (db, _) =>
        {
            await db.Ado("PREPARE TRANSACTION 'adversary'");
            await db.Sql("COMMIT PREPARED 'adversary'");
        }) },
        { "a DO block that commits", async s =>
        {
            await s.Read(Names);
            await s.Do(db => db.Sql("DO $$ BEGIN UPDATE items SET name = 'new'; COMMIT; UPDATE others SET name = 'x'; ROLLBACK; END $$"));
            await s.Read(Names);
        } },
        { "a procedure that commits and fails then",
            "CREATE PROCEDURE p() LANGUAGE plpgsql AS $$ BEGIN UPDATE items SET name = 'new'; COMMIT; PERFORM 1 / 0; END $$",
            async s =>
            {
                await s.Read(Names);
                await s.Do(async db => await Assert.ThrowsAsync<PostgresException>(() => db.Sql("CALL p()")));
                await s.Read(Names);
            } },
        { "BEGIN and COMMIT in SQL", Held(async db =>
        {
            await db.Sql("BEGIN");
            await Save(db);
            await db.Sql("COMMIT");
        }) },
        { "BEGIN and COMMIT in one text", Held(db => db.Sql("BEGIN; UPDATE items SET name = 'new'; COMMIT")) },
        { "BEGIN in SQL, COMMIT in ADO.NET", Held(async db =>
        {
            await db.Sql("BEGIN");
            await Save(db);
            await db.Ado("COMMIT");
        }) },
        { "BEGIN and COMMIT in ADO.NET", Held(async db =>
        {
            await db.Ado("BEGIN");
            await Save(db);
            await db.Ado("COMMIT");
        }) },
        { "BEGIN, ROLLBACK AND CHAIN, COMMIT in SQL", Held(async db =>
        {
            await db.Sql("BEGIN");
            await db.Sql("UPDATE others SET name = 'x'");
            await db.Sql("ROLLBACK AND CHAIN");
            await Save(db);
            await db.Sql("COMMIT");
        }) },

        // Objects of transactions that Npgsql uses again.
        { "UseTransaction after a transaction of EF Core that was disposed of", Held(async db =>
        {
            await using (await db.Database.BeginTransactionAsync())
                await db.Sql("UPDATE others SET name = 'x'");
            await UseAsync(db);
        }) },
        { "UseTransaction after a transaction of EF Core that was committed", Held(async db =>
        {
            await using (var transaction = await db.Database.BeginTransactionAsync())
            {
                await db.Sql("UPDATE others SET name = 'x'");
                await transaction.CommitAsync();
            }

            await UseAsync(db);
        }) },
        { "UseTransaction after one that the DbTransaction has ended", Held(async db =>
        {
            await using (var transaction = await db.Database.BeginTransactionAsync())
            {
                await db.Sql("UPDATE others SET name = 'x'");
                await transaction.GetDbTransaction().CommitAsync();
            }

            await UseAsync(db);
        }) },
        { "UseTransaction", Held(UseAsync) },
        { "UseTransaction twice", Held(async db =>
        {
            await UseAsync(db, "UPDATE others SET name = 'x'");
            await UseAsync(db);
        }) },
        { "a transaction of EF Core after UseTransaction, ended by the DbTransaction", Held(async db =>
        {
            await UseAsync(db, "UPDATE others SET name = 'x'");
            var transaction = await db.Database.BeginTransactionAsync();
            await Save(db);
            await transaction.GetDbTransaction().CommitAsync();
        }) },
        { "a transaction of another context without the cache", async s =>
        {
            await s.Read(Names);
            await using var connection = new NpgsqlConnection(s.ConnectionString);
            await using var plain = s.Open(provider: options => options.UseNpgsql(connection), cache: 0);
            await using var db = s.Open(provider: options => options.UseNpgsql(connection));
            await using (var transaction = await plain.Database.BeginTransactionAsync())
            {
                await db.Database.UseTransactionAsync(transaction.GetDbTransaction());
                await s.Do(db, Save);
                await transaction.CommitAsync();
            }

            await s.Read(Names);
            await s.Read(db, Names);
        } },
        { "a transaction that two contexts share", async s =>
        {
            await s.Read(Names);
            await using var connection = new NpgsqlConnection(s.ConnectionString);
            await using var first = s.Open(provider: options => options.UseNpgsql(connection));
            await using var second = s.Open(provider: options => options.UseNpgsql(connection));
            await using (var transaction = await first.Database.BeginTransactionAsync())
            {
                await second.Database.UseTransactionAsync(transaction.GetDbTransaction());
                await s.Do(second, Save);
                await transaction.CommitAsync();
            }

            await s.Read(Names);
        } },
        { "a replaced transaction that tells nobody of its end", async s =>
        {
            await s.Read(Names);
            await using var db = s.Open(with: options => options.ReplaceService<IRelationalTransactionFactory, SilentTransactions>());
            await db.Database.OpenConnectionAsync();
            await using var transaction = await db.Database.BeginTransactionAsync();
            await s.Do(db, Save);
            await transaction.CommitAsync();
            await s.Read(Names);
        } },

        // Where queries are let into transactions.
        { "rows of a rolled-back write by a function, SqlQuery", LetIn(db => db.Values<int>("bump(1)").ToListAsync()) },
        { "rows of a rolled-back write by a function, projection", LetIn(db => db.Others.Select(o => AttackContext.Bump(1)).ToListAsync()) },
        { "rows of a rolled-back write by a function, FromSql", LetIn(db => db.Items.FromSqlRaw("SELECT * FROM bumped()").ToListAsync()) },
        { "rows of a rolled-back write by a queryable function", LetIn(db => db.Bumped().ToListAsync()) },
        { "rows of a rolled-back write by f(t) as t.f", LetIn(db => db.Values<int>("o.touch", "FROM others o").ToListAsync()) },
        { "rows of a rolled-back write by ADO.NET", LetIn(db => db.Ado("UPDATE items SET price = 99")) },
        { "rows of a rolled-back write by FromSql", LetIn(
            db => db.Items.FromSqlRaw("UPDATE items SET price = 99 RETURNING *").ToListAsync()) },
        { "rows of a rolled-back write by ExecuteSql of a view that writes", "CREATE VIEW bumping AS SELECT bump(1);", LetIn(
            db => db.Sql("SELECT * FROM bumping")) },
        { "rows of a rolled-back SaveChanges", LetIn(Save) },
        { "rows of a rolled-back ExecuteUpdate", LetIn(Update) },
        { "rows of a rolled-back write to a savepoint", LetIn(async db =>
        {
            await db.Database.CurrentTransaction!.CreateSavepointAsync("s");
            await Save(db);
            await db.Database.CurrentTransaction.RollbackToSavepointAsync("s");
        }) },
        { "rows of a write of another context without the cache", async s =>
        {
            s.Options = cache => cache.CacheAllQueries().AllowInTransactions();
            await using var connection = new NpgsqlConnection(s.ConnectionString);
            await using var plain = s.Open(provider: options => options.UseNpgsql(connection), cache: 0);
            await using var db = s.Open(provider: options => options.UseNpgsql(connection));
            await using (var transaction = await db.Database.BeginTransactionAsync())
            {
                await plain.Database.UseTransactionAsync(transaction.GetDbTransaction());
                await s.Do(plain, Save);
                await s.Read(db, Names);
            }

            await s.Read(Names);
        } },
        { "a snapshot that SQL has asked for", Snapshot(db => db.Ado("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")) },
        { "a snapshot that ExecuteSql has asked for", Snapshot(db => db.Sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")) },
        { "a snapshot", async s =>
        {
            s.Options = cache => cache.CacheAllQueries().AllowInTransactions();
            await using var db = s.Open();
            await using var transaction = await db.Database.BeginTransactionAsync(IsolationLevel.RepeatableRead);
            await s.Read(db, Names);
            await s.Do(Save);
            await s.Read(Names);
            await s.Read(db, Names);
        } },
        { "a transaction that the application has ended, where queries are let in", async s =>
        {
            s.Options = cache => cache.CacheAllQueries().AllowInTransactions();
            await s.Read(Names);
            await using var db = s.Open();
            await using var transaction = await db.Database.BeginTransactionAsync();
            await s.Read(db, Names);
            await db.Ado("COMMIT; BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1");
            await s.Do(Save);
            await s.Read(Names);
            await s.Read(db, Names);
        } },
    };

    public static TheoryData<string> NamesOfAll => All.Names;

    [Theory]
    [MemberData(nameof(NamesOfAll))]
    public Task Is_answered_as_without_the_cache(string attack) => RunAsync(All[attack]);

    private static IQueryable<string> Names(AttackContext db) => db.Items.Select(i => i.Name + i.Price);

    private static Task Save(AttackContext db) => db.Save(new Item { Id = 1, Grp = 1, Price = 10, Name = "new" });

    private static Task Update(AttackContext db) => db.Items.ExecuteUpdateAsync(set => set.SetProperty(i => i.Name, "new"));

    private static Func<Stage, Task> NotEnlisted(
        Func<AttackContext, Task> write, bool completes, Func<AttackContext, IQueryable<string>>? query = null)
        => async s =>
        {
            var to = s.With(settings => settings.Enlist = false);
            await s.Read(query ?? Names);
            using (var scope = new TransactionScope(TransactionScopeAsyncFlowOption.Enabled))
            {
                await using var db = s.Open(to);
                await s.Do(db, write);
                if (completes)
                    scope.Complete();
            }

            await s.Read(query ?? Names);
            await using var reader = s.Open(to);
            await s.Read(reader, query ?? Names);
        };

    /// <summary>Begun by EF Core on a connection that stays open.</summary>
    private static Func<Stage, Task> Ended(
        Func<AttackContext, IDbContextTransaction, Task> end,
        Func<AttackContext, Task>? write = null,
        Func<AttackContext, IQueryable<string>>? query = null)
        => async s =>
        {
            await s.Read(query ?? Names);
            await using var db = s.Open();
            await db.Database.OpenConnectionAsync();
            var transaction = await db.Database.BeginTransactionAsync();
            await s.Do(db, write ?? Save, "write");
            await s.Read(query ?? Names, "by others, before the end");
            await s.Do(db, d => end(d, transaction), "end");
            await s.Read(query ?? Names, "by others, after the end");
            await s.Read(query ?? Names, "by others, again");
        };

    private static Func<Stage, Task> Held(Func<AttackContext, Task> write)
        => async s =>
        {
            await s.Read(Names);
            await using var db = s.Open();
            await db.Database.OpenConnectionAsync();
            await s.Do(db, write);
            await s.Read(Names);
            await s.Read(Names);
        };

    private static Func<Stage, Task> Prepared(Func<Stage, Task> commit)
        => async s =>
        {
            await s.Read(Names);
            await using var db = s.Open();
            await db.Database.OpenConnectionAsync();
            await s.Do(db, async d =>
            {
                await d.Sql("BEGIN");
                await Save(d);
                await d.Sql($"PREPARE TRANSACTION '{s.Database}'");
            });
            await s.Read(Names, "before COMMIT PREPARED");
            await commit(s);
            await s.Read(Names, "after COMMIT PREPARED");
        };

    private static async Task UseAsync(AttackContext db) => await UseAsync(db, "UPDATE items SET name = 'new'");

    /// <summary>A transaction of the application's own, which it ends itself.</summary>
    private static async Task UseAsync(AttackContext db, string sql)
    {
        var transaction = await ((NpgsqlConnection)db.Database.GetDbConnection()).BeginTransactionAsync();
        await db.Database.UseTransactionAsync(transaction);
        await db.Sql(sql);
        await transaction.CommitAsync();
        await db.Database.UseTransactionAsync(null);
    }

    /// <summary>What a transaction has written that is rolled back must not be given to others.</summary>
    private static Func<Stage, Task> LetIn(Func<AttackContext, Task> write)
        => async s =>
        {
            s.Options = cache => cache.CacheAllQueries().AllowInTransactions();
            await s.Read(Names, "before");
            await using (var db = s.Open())
            {
                await using var transaction = await db.Database.BeginTransactionAsync();
                await s.Do(db, write);
                await s.Read(db, Names, "by the writer");
                await s.Read(db, d => d.Items.Where(i => i.Id != 99).Select(i => i.Price), "by the writer, first");
                await transaction.RollbackAsync();
            }

            await s.Read(Names, "after the rollback");
            await s.Read(d => d.Items.Where(i => i.Id != 99).Select(i => i.Price), "what the writer has read first");
        };

    private static Func<Stage, Task> Snapshot(Func<AttackContext, Task> ask)
        => async s =>
        {
            s.Options = cache => cache.CacheAllQueries().AllowInTransactions();
            await using var db = s.Open();
            await using var transaction = await db.Database.BeginTransactionAsync();
            await s.Do(db, ask);
            await s.Read(db, Names);
            await s.Do(Save);
            await s.Read(Names);
            await s.Read(db, Names);
        };

    private sealed class SilentTransactions(RelationalTransactionFactoryDependencies dependencies) : IRelationalTransactionFactory
    {
        public RelationalTransaction Create(
            IRelationalConnection connection,
            DbTransaction transaction,
            Guid transactionId,
            IDiagnosticsLogger<DbLoggerCategory.Database.Transaction> logger,
            bool transactionOwned)
            => new SilentTransaction(connection, transaction, transactionId, logger, transactionOwned, dependencies.SqlGenerationHelper);
    }

    private sealed class SilentTransaction(
        IRelationalConnection connection,
        DbTransaction transaction,
        Guid transactionId,
        IDiagnosticsLogger<DbLoggerCategory.Database.Transaction> logger,
        bool transactionOwned,
        ISqlGenerationHelper sqlGenerationHelper)
        : RelationalTransaction(connection, transaction, transactionId, logger, transactionOwned, sqlGenerationHelper)
    {
        public override async Task CommitAsync(CancellationToken cancellationToken = default)
        {
            await ((IInfrastructure<DbTransaction>)this).Instance.CommitAsync(cancellationToken);
            await ClearTransactionAsync(cancellationToken);
        }
    }
}
