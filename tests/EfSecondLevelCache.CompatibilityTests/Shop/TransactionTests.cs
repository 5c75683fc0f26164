using System.Data;
using System.Transactions;
using EfSecondLevelCache.CompatibilityTests.Harness;
using EfSecondLevelCache.IntegrationTests.Support;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage;
using Npgsql;
using IsolationLevel = System.Data.IsolationLevel;

namespace EfSecondLevelCache.CompatibilityTests.Shop;

/// <summary>Transactions: what they lock, how they end, and who gets in their way.</summary>
public sealed class TransactionTests(PostgresServer server) : ScenarioTests<TransactionTests>(server), IScenarios
{
    public static Scenarios All { get; } = new Scenarios<ShopContext>("shop", ShopContext.SeedAsync)
    {
        {
            "the locks of an insert", app => LocksOfAsync(app, db => db.Add(new Product { Name = "new", CategoryId = 1, Added = DateTime.UnixEpoch }))
        },
        {
            "the locks of an update of a column that no key has", app => LocksOfAsync(app, db => db.Products.Single(p => p.Id == 1).Stock++)
        },
        {
            "the locks of an update of a column that queries pick rows by", app => LocksOfAsync(app, db => db.Products.Single(p => p.Id == 1).Name = "other")
        },
        {
            "the locks of an update of a parent", app => LocksOfAsync(app, db => db.Customers.Single(c => c.Id == 1).Name = "other")
        },
        {
            "the locks of an update of a unique column", app => LocksOfAsync(app, db => db.Categories.Single(c => c.Id == 1).Name = "other")
        },
        {
            "the locks of an update of a foreign key", app => LocksOfAsync(app, db => db.Products.Single(p => p.Id == 1).CategoryId = 1)
        },
        {
            "the locks of a delete", app => LocksOfAsync(app, db => db.Remove(db.Orders.Single(o => o.Id == 1)))
        },
        {
            "the locks of ExecuteUpdate and ExecuteDelete", app => LocksOfAsync(app, db =>
            {
                db.Products.Where(p => p.Name == "product 1").ExecuteUpdate(s => s.SetProperty(p => p.Name, "other"));
                db.Lines.Where(l => l.ProductId == 1).ExecuteDelete();
            })
        },
        {
            "an insert of a child while its parent is being updated", Expect.Hits, async app =>
            {
                await WriteTests.ReadAsync(app);
                await using var parent = app.Open<ShopContext>();
                await using var transaction = await parent.Database.BeginTransactionAsync();
                (await parent.Categories.SingleAsync(c => c.Id == 1)).Name += "?";
                (await parent.Products.SingleAsync(p => p.Id == 1)).Name += "?";
                await parent.SaveChangesAsync();
                await using var child = app.Open<ShopContext>();
                child.Database.SetCommandTimeout(5);
                child.Add(new OrderLine { OrderId = 1, ProductId = 1, Quantity = 9 });
                await app.FailsAsync("a line of the product", () => child.SaveChangesAsync());
                await transaction.CommitAsync();
                await WriteTests.ReadAsync(app);
            }
        },
        {
            "commit, rollback, and a transaction that is forgotten", async app =>
            {
                await WriteTests.ReadAsync(app);
                await using (var db = app.Open<ShopContext>())
                {
                    await using var transaction = await db.Database.BeginTransactionAsync();
                    await CountUpAsync(db);
                    app.Saw("inside", await app.Cached(db.Counters.AsNoTracking().OrderBy(c => c.Id)).ToListAsync());
                    await transaction.CommitAsync();
                }

                await WriteTests.ReadAsync(app);
                await using (var db = app.Open<ShopContext>())
                {
                    await using var transaction = await db.Database.BeginTransactionAsync();
                    await CountUpAsync(db);
                    await transaction.RollbackAsync();
                }

                await WriteTests.ReadAsync(app);
                await using (var db = app.Open<ShopContext>())
                {
                    await db.Database.BeginTransactionAsync();
                    await CountUpAsync(db);
                }

                await WriteTests.ReadAsync(app);
            }
        },
        {
            "savepoints, EF Core's and the application's", async app =>
            {
                await WriteTests.ReadAsync(app);
                await using var db = app.Open<ShopContext>();
                await using var transaction = await db.Database.BeginTransactionAsync();
                await CountUpAsync(db);
                await transaction.CreateSavepointAsync("here");
                await CountUpAsync(db);
                await transaction.RollbackToSavepointAsync("here");
                await transaction.ReleaseSavepointAsync("here");
                db.ChangeTracker.Clear();
                db.Add(new Category { Name = "category 1" });
                await app.FailsAsync("fails, back to EF Core's own savepoint", () => db.SaveChangesAsync());
                db.ChangeTracker.Clear();
                app.Saw("goes on", await db.Categories.CountAsync());
                await transaction.CommitAsync();
                await WriteTests.ReadAsync(app);
            }
        },
        {
            "a failed transaction", async app =>
            {
                await WriteTests.ReadAsync(app);
                await using var db = app.Open<ShopContext>();
                await using var transaction = await db.Database.BeginTransactionAsync();
                db.Database.AutoSavepointsEnabled = false;
                db.Add(new Category { Name = "category 2" });
                await app.FailsAsync("fails", () => db.SaveChangesAsync());
                await app.FailsAsync("25P02", () => app.Cached(db.Products).CountAsync());
                await app.FailsAsync("commit", () => transaction.CommitAsync());
                await WriteTests.ReadAsync(app);
            }
        },
        {
            "a TransactionScope that completes, and one that does not", async app =>
            {
                await WriteTests.ReadAsync(app);
                foreach (var complete in (bool[])[true, false])
                {
                    using (var scope = new TransactionScope(TransactionScopeAsyncFlowOption.Enabled))
                    {
                        await using var db = app.Open<ShopContext>();
                        await CountUpAsync(db);
                        app.Saw("inside", await app.Cached(db.Counters.AsNoTracking().OrderBy(c => c.Id)).ToListAsync());
                        if (complete)
                            scope.Complete();
                    }

                    await WriteTests.ReadAsync(app);
                }
            }
        },
        {
            "two contexts on one connection and one transaction", async app =>
            {
                await WriteTests.ReadAsync(app);
                await using var connection = new NpgsqlConnection(app.ConnectionString);
                await connection.OpenAsync();
                await using var transaction = await connection.BeginTransactionAsync();
                await using var first = app.Open<ShopContext>();
                await using var second = app.Open<ShopContext>();
                first.Database.SetDbConnection(connection);
                second.Database.SetDbConnection(connection);
                await first.Database.UseTransactionAsync(transaction);
                await second.Database.UseTransactionAsync(transaction);
                await CountUpAsync(first);
                app.Saw("the other sees it", await app.Cached(second.Counters.AsNoTracking().OrderBy(c => c.Id)).ToListAsync());
                await transaction.CommitAsync();
                app.Saw("state", connection.State);
                await connection.CloseAsync();
                await WriteTests.ReadAsync(app);
            }
        },
        {
            "every isolation level", async app =>
            {
                await WriteTests.ReadAsync(app);
                foreach (var level in (IsolationLevel[])[IsolationLevel.ReadUncommitted, IsolationLevel.RepeatableRead, IsolationLevel.Serializable])
                {
                    await using var db = app.Open<ShopContext>();
                    await using var transaction = await db.Database.BeginTransactionAsync(level);
                    app.Saw("level", await db.Database.SqlQuery<string>($"""SELECT current_setting('transaction_isolation') AS "Value" """).ToListAsync());
                    await CountUpAsync(db);
                    await transaction.CommitAsync();
                }

                await WriteTests.ReadAsync(app);
            }
        },
        {
            "a serialization failure, and a strategy that tries again", async app =>
            {
                await WriteTests.ReadAsync(app);
                await using var db = app.Open<ShopContext>();
                var attempts = 0;
                await new NpgsqlRetrying(db).ExecuteAsync(async () =>
                {
                    await using var transaction = await db.Database.BeginTransactionAsync(IsolationLevel.RepeatableRead);
                    var value = await db.Counters.Where(c => c.Id == 1).Select(c => c.Value).SingleAsync();
                    if (attempts++ == 0)
                        await app.ElsewhereAsync("""UPDATE "Counters" SET "Value" = "Value" + 10 WHERE "Id" = 1""");
                    await db.Counters.Where(c => c.Id == 1).ExecuteUpdateAsync(s => s.SetProperty(c => c.Value, value + 1));
                    await transaction.CommitAsync();
                });
                app.Saw("attempts", attempts);
                await WriteTests.ReadAsync(app);
            }
        },
        {
            "a deadlock", Expect.Hits | Expect.Concurrent, async app =>
            {
                await WriteTests.ReadAsync(app);
                await using var first = app.Open<ShopContext>();
                await using var second = app.Open<ShopContext>();
                await using var one = await first.Database.BeginTransactionAsync();
                await using var two = await second.Database.BeginTransactionAsync();
                await CountUpAsync(first, 1);
                await CountUpAsync(second, 2);
                // Of two that wait for each other, the server ends the one that has waited for a second.
                var waits = CountUpAsync(first, 2);
                await Task.Delay(300);
                var fault = await Record.ExceptionAsync(() => CountUpAsync(second, 1));
                fault ??= await Record.ExceptionAsync(() => waits);
                app.Saw("fault", (fault as PostgresException)?.SqlState);
                await Record.ExceptionAsync(() => waits);
                await one.RollbackAsync();
                await two.RollbackAsync();
                await WriteTests.ReadAsync(app);
            }
        },
        {
            "the command's own timeout, of a query and a write", async app =>
            {
                await WriteTests.ReadAsync(app);
                await using var holder = app.Open<ShopContext>();
                await using var transaction = await holder.Database.BeginTransactionAsync();
                await holder.Database.ExecuteSqlAsync($"""LOCK TABLE "Tags" IN ACCESS EXCLUSIVE MODE""");
                await using var db = app.Open<ShopContext>();
                db.Database.SetCommandTimeout(1);
                await app.FailsAsync("query", () => app.Cached(db.Tags.Where(t => t.Name == $"{app.Pass}")).ToListAsync());
                db.Add(new Tag { Name = "late" });
                await app.FailsAsync("write", () => db.SaveChangesAsync());
                await transaction.RollbackAsync();
                await WriteTests.ReadAsync(app);
            }
        },
        {
            "queries whose token is cancelled, before and while they wait", async app =>
            {
                await WriteTests.ReadAsync(app);
                await using var holder = app.Open<ShopContext>();
                await using var transaction = await holder.Database.BeginTransactionAsync();
                await holder.Database.ExecuteSqlAsync($"""LOCK TABLE "Tags" IN ACCESS EXCLUSIVE MODE""");
                await using var db = app.Open<ShopContext>();
                var cancelled = new CancellationToken(canceled: true);
                await app.FailsAsync("list", () => app.Cached(db.Tags.Where(t => t.Name == $"list {app.Pass}")).ToListAsync(cancelled));
                await app.FailsAsync("first", () => app.Cached(db.Tags.Where(t => t.Name == $"first {app.Pass}")).FirstOrDefaultAsync(cancelled));
                await app.FailsAsync("find", () => db.Tags.FindAsync([77 + app.Pass], cancelled).AsTask());
                await app.FailsAsync("stream", async () =>
                {
                    await foreach (var tag in app.Cached(db.Tags).AsAsyncEnumerable().WithCancellation(cancelled))
                        app.Saw("tag", tag.Id);
                });
                using var soon = new CancellationTokenSource(TimeSpan.FromMilliseconds(300));
                await app.FailsAsync("while it waits", () => app.Cached(db.Tags.Where(t => t.Name == $"waits {app.Pass}")).ToListAsync(soon.Token));
                await transaction.RollbackAsync();
                await WriteTests.ReadAsync(app);
                await app.FailsAsync("a hit", () => app.Cached(db.Counters.AsNoTracking().OrderBy(c => c.Id)).ToListAsync(cancelled));
            }
        },
        {
            "a connection that breaks, without and with a strategy that tries again", async app =>
            {
                await WriteTests.ReadAsync(app);
                await using var db = app.Open<ShopContext>();
                await db.Database.OpenConnectionAsync();
                await TerminateAsync(app, db);
                await app.FailsAsync("query", () => app.Cached(db.Tags.Where(t => t.Name == $"broken {app.Pass}")).ToListAsync());
                await db.Database.CloseConnectionAsync();
                app.Saw("again", await app.Cached(db.Tags.Where(t => t.Name == $"broken {app.Pass}")).ToListAsync());

                await using var retrying = app.Open<ShopContext>(options => options.UseNpgsql(npgsql => npgsql.EnableRetryOnFailure()));
                await retrying.Database.OpenConnectionAsync();
                await TerminateAsync(app, retrying);
                app.Saw("retried", await app.Cached(retrying.Tags.Where(t => t.Name == $"retried {app.Pass}")).ToListAsync());
                await retrying.Database.CloseConnectionAsync();
                await WriteTests.ReadAsync(app);
            }
        },
        {
            "a retrying strategy with transactions of the application's", async app =>
            {
                await WriteTests.ReadAsync(app);
                await using var db = app.Open<ShopContext>(options => options.UseNpgsql(npgsql => npgsql.EnableRetryOnFailure()));
                await app.FailsAsync("not allowed", async () =>
                {
                    await using var transaction = await db.Database.BeginTransactionAsync();
                    await db.Tags.CountAsync();
                });
                await db.Database.CreateExecutionStrategy().ExecuteInTransactionAsync(
                    () => CountUpAsync(db), () => Task.FromResult(false));
                app.Saw("counters", await app.Cached(db.Counters.AsNoTracking().OrderBy(c => c.Id)).ToListAsync());
                db.Add(new Category { Name = "category 1" });
                await app.FailsAsync("an error that is not transient", () => db.SaveChangesAsync());
                await WriteTests.ReadAsync(app);
            }
        },
    };

    private static async Task LocksOfAsync(App app, Action<ShopContext> write)
    {
        await WriteTests.ReadAsync(app);
        await using (var db = app.Open<ShopContext>())
        {
            await using var transaction = await db.Database.BeginTransactionAsync();
            write(db);
            await db.SaveChangesAsync();
            await app.SawLocksAsync("locks");
            await transaction.RollbackAsync();
        }

        await WriteTests.ReadAsync(app);
    }

    private static Task CountUpAsync(ShopContext db) => CountUpAsync(db, 1);

    private static Task CountUpAsync(ShopContext db, int id)
        => db.Counters.Where(c => c.Id == id).ExecuteUpdateAsync(s => s.SetProperty(c => c.Value, c => c.Value + 1));

    private static async Task TerminateAsync(App app, ShopContext db)
    {
        var process = ((NpgsqlConnection)db.Database.GetDbConnection()).ProcessID;
        await app.ElsewhereAsync($"SELECT pg_terminate_backend({process}, 5000)");
    }

    private sealed class NpgsqlRetrying(DbContext db) : ExecutionStrategy(db, maxRetryCount: 3, maxRetryDelay: TimeSpan.FromMilliseconds(50))
    {
        protected override bool ShouldRetryOn(Exception exception)
            => exception is PostgresException { SqlState: PostgresErrorCodes.SerializationFailure }
                || (exception.InnerException is { } inner && ShouldRetryOn(inner));
    }
}
