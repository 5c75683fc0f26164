using System.Data.Common;
using EfSecondLevelCache.CompatibilityTests.Harness;
using EfSecondLevelCache.IntegrationTests.Support;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;

namespace EfSecondLevelCache.CompatibilityTests.Shop;

/// <summary>What is written, in each way to write it, while what it changes is cached.</summary>
public sealed class WriteTests(PostgresServer server) : ScenarioTests<WriteTests>(server), IScenarios
{
    public static Scenarios All { get; } = new Scenarios<ShopContext>("shop", ShopContext.SeedAsync)
    {
        {
            "SaveChanges of new, loaded, changed and removed entities", async app =>
            {
                await ReadAsync(app);
                await using var db = app.Open<ShopContext>();
                var product = await db.Products.Include(p => p.Tags).SingleAsync(p => p.Id == 3);
                product.Price += 1;
                product.Label = new Label { Color = "green", Width = 1 };
                product.Tags.Clear();
                db.Products.Remove(await db.Products.SingleAsync(p => p.Id == 5 + app.Pass));
                db.Add(new Product { Name = $"new {app.Pass}", CategoryId = 1, Added = DateTime.UnixEpoch });
                app.Saw("rows", await db.SaveChangesAsync());
                app.SawTracked(db);
                await ReadAsync(app);
            }
        },
        {
            "SaveChanges of entities that were never loaded", async app =>
            {
                await ReadAsync(app);
                await using var db = app.Open<ShopContext>();
                db.Attach(new Counter { Id = 1, Value = 0 }).Property(c => c.Value).CurrentValue = 10 + app.Pass;
                db.Update(new Counter { Id = 2, Value = 20 });
                app.Saw("rows", await db.SaveChangesAsync());
                db.Remove(new Tag { Id = 1 + app.Pass, Name = "" });
                app.Saw("removed", await db.SaveChangesAsync());
                app.SawTracked(db);
                await ReadAsync(app);
            }
        },
        {
            "SaveChanges, synchronously, of several tables at once", async app =>
            {
                await ReadAsync(app);
                using var db = app.Open<ShopContext>();
                var order = db.Orders.Include(o => o.Lines).Single(o => o.Id == 4);
                order.Lines[0].Quantity = 50 + app.Pass;
                order.Lines[1].Product = db.Products.Single(p => p.Id == 9);
                order.Placed = order.Placed.AddDays(1);
                db.Add(new Order { Placed = DateTime.UnixEpoch, Lines = [new OrderLine { ProductId = 1, Quantity = 1 }] });
                app.Saw("rows", db.SaveChanges());
                await ReadAsync(app);
            }
        },
        {
            "many rows in one batch", async app =>
            {
                await ReadAsync(app);
                await using var db = app.Open<ShopContext>();
                db.AddRange(Enumerable.Range(0, 120).Select(i => new Tag { Name = $"many {app.Pass} {i}" }));
                foreach (var product in await db.Products.ToListAsync())
                    product.Stock++;
                app.Saw("rows", await db.SaveChangesAsync());
                await ReadAsync(app);
            }
        },
        {
            "a cascade and one that the database refuses", async app =>
            {
                await ReadAsync(app);
                await using var db = app.Open<ShopContext>();
                db.Remove(await db.Orders.SingleAsync(o => o.Id == 1 + app.Pass));
                app.Saw("rows", await db.SaveChangesAsync());
                db.Remove(new Product { Id = 2, Name = "" });
                await app.FailsAsync("restricted", () => db.SaveChangesAsync());
                app.SawTracked(db);
                await ReadAsync(app);
            }
        },
        {
            "ExecuteUpdate and ExecuteDelete", async app =>
            {
                await ReadAsync(app);
                await using var db = app.Open<ShopContext>();
                app.Saw("updated", await db.Products.Where(p => p.CategoryId == 1).ExecuteUpdateAsync(s => s.SetProperty(p => p.Stock, p => p.Stock + 1)));
                app.Saw("deleted", await db.Lines.Where(l => l.Quantity == 4 - app.Pass).ExecuteDeleteAsync());
                app.Saw("nothing", db.Lines.Where(l => l.Quantity == 400).ExecuteDelete());
                await app.FailsAsync("refused", () => db.Products.ExecuteUpdateAsync(s => s.SetProperty(p => p.Stock, -1)));
                await ReadAsync(app);
            }
        },
        {
            "raw SQL, a stored procedure and a function that writes", async app =>
            {
                await using var db = app.Open<ShopContext>();
                await db.Database.ExecuteSqlRawAsync(
                    """
                    CREATE OR REPLACE PROCEDURE restock(amount int) LANGUAGE sql AS 'UPDATE "Products" SET "Stock" = "Stock" + amount';
                    CREATE OR REPLACE FUNCTION count_up(which int) RETURNS int LANGUAGE sql AS
                        'UPDATE "Counters" SET "Value" = "Value" + 1 WHERE "Id" = which RETURNING "Value"'
                    """);
                await ReadAsync(app);
                app.Saw("updated", await db.Database.ExecuteSqlAsync($"""UPDATE "Categories" SET "Name" = "Name" || '!' WHERE "Id" = {1}"""));
                await db.Database.ExecuteSqlAsync($"CALL restock({7})");
                app.Saw("counted", await db.Database.SqlQuery<int>($"""SELECT count_up({1}) AS "Value" """).ToListAsync());
                await ReadAsync(app);
            }
        },
        {
            "violated constraints: unique, foreign key, check, not null, too long", async app =>
            {
                await ReadAsync(app);
                await FailsToSaveAsync(app, "unique", db => db.Add(new Category { Name = "category 1" }));
                await FailsToSaveAsync(app, "foreign key", db => db.Add(new Product { Name = "x", CategoryId = 99 }));
                await FailsToSaveAsync(app, "check", db => db.Products.Single(p => p.Id == 1).Stock = -5);
                await FailsToSaveAsync(app, "not null", db => db.Entry(db.Products.Single(p => p.Id == 1)).Property(p => p.Name).CurrentValue = null!);
                await FailsToSaveAsync(app, "unique, by an update", db => db.Customers.Single(c => c.Id == 1).Email = "c2@example.com");
                await FailsToSaveAsync(app, "a second key", db => db.Add(new Counter { Id = 1 }));
                await ReadAsync(app);
            }
        },
        {
            "a row version, and who comes second", async app =>
            {
                await ReadAsync(app);
                await using var first = app.Open<ShopContext>();
                await using var second = app.Open<ShopContext>();
                var one = await first.Orders.SingleAsync(o => o.Id == 2);
                var other = await second.Orders.SingleAsync(o => o.Id == 2);
                app.Saw("same version", one.Version == other.Version);
                one.Placed = one.Placed.AddDays(1);
                app.Saw("rows", await first.SaveChangesAsync());
                app.Saw("version has changed", one.Version != other.Version);
                other.Placed = other.Placed.AddDays(2);
                await app.FailsAsync("conflict", () => second.SaveChangesAsync());
                await second.Entry(other).ReloadAsync();
                app.Saw("reloaded", one.Version == other.Version);
                other.Placed = other.Placed.AddDays(3);
                app.Saw("rows again", await second.SaveChangesAsync());
                second.Remove(other);
                await using (var third = app.Open<ShopContext>())
                    await third.Orders.Where(o => o.Id == 2).ExecuteUpdateAsync(s => s.SetProperty(o => o.Placed, o => o.Placed.AddDays(4)));
                await app.FailsAsync("conflict of a removal", () => second.SaveChangesAsync());
                await ReadAsync(app);
            }
        },
        {
            "a row that is gone", async app =>
            {
                await ReadAsync(app);
                await using var db = app.Open<ShopContext>();
                var product = await db.Products.SingleAsync(p => p.Id == 8 - app.Pass);
                await app.ElsewhereAsync($"""DELETE FROM "Products" WHERE "Id" = {product.Id}""");
                product.Stock = 1;
                await app.FailsAsync("update", () => db.SaveChangesAsync());
                db.ChangeTracker.Clear();
                db.Remove(product);
                await app.FailsAsync("removal", () => db.SaveChangesAsync());
                app.SawTracked(db);
                await db.Products.Where(p => p.Id == 1).ExecuteUpdateAsync(s => s.SetProperty(p => p.Stock, 1));
                await ReadAsync(app, alsoOfSomebodyElse: false);
            }
        },
        {
            "soft delete and audit by an interceptor of SaveChanges", async app =>
            {
                await ReadAsync(app);
                await using var db = app.Open<ShopContext>(options => options.AddInterceptors(new SoftDelete()));
                db.Remove(await db.Customers.OrderBy(c => c.Id).FirstAsync());
                app.Saw("rows", await db.SaveChangesAsync());
                app.Saw("left", await app.Cached(db.Customers.AsNoTracking().OrderBy(c => c.Id)).ToListAsync());
                app.Saw("audited", await app.Cached(db.Tags.Where(t => t.Name.StartsWith("audit"))).CountAsync());
                await ReadAsync(app);
            }
        },
        {
            "a write that was cancelled before it began, and one that waits", Expect.Hits, async app =>
            {
                await ReadAsync(app);
                await using var db = app.Open<ShopContext>();
                (await db.Counters.SingleAsync(c => c.Id == 1)).Value++;
                await app.FailsAsync("before", () => db.SaveChangesAsync(new CancellationToken(canceled: true)));
                await using var other = app.Open<ShopContext>();
                await using var transaction = await other.Database.BeginTransactionAsync();
                await other.Counters.Where(c => c.Id == 1).ExecuteUpdateAsync(s => s.SetProperty(c => c.Value, 77));
                using var soon = new CancellationTokenSource(TimeSpan.FromMilliseconds(300));
                await app.FailsAsync("while it waits", () => db.SaveChangesAsync(soon.Token));
                await transaction.RollbackAsync();
                app.Saw("rows", await db.SaveChangesAsync());
                await ReadAsync(app);
            }
        },
        {
            "writes that are cancelled at each moment", Expect.Hits, async app =>
            {
                await ReadAsync(app);
                foreach (var moment in Enum.GetValues<Moment>())
                {
                    foreach (var inTransaction in (bool[])[false, true])
                    {
                        using var source = new CancellationTokenSource();
                        await using var db = app.Open<ShopContext>(options => options.AddInterceptors(new CancelAt(moment, source)));
                        if (inTransaction)
                            await db.Database.BeginTransactionAsync();
                        db.Add(new Tag { Name = "never" });
                        (await db.Counters.SingleAsync(c => c.Id == 1)).Value = 99;
                        await app.FailsAsync($"{moment}", () => db.SaveChangesAsync(source.Token));
                        app.Saw("state", db.Database.GetDbConnection().State);
                        if (inTransaction)
                            await db.Database.RollbackTransactionAsync();
                        app.Saw("state", db.Database.GetDbConnection().State);
                    }
                }

                await ReadAsync(app);
            }
        },
        {
            "writes of many contexts at once", Expect.Concurrent, async app =>
            {
                await ReadAsync(app);
                await Task.WhenAll(Enumerable.Range(0, 20).Select(async i =>
                {
                    await using var db = app.Open<ShopContext>();
                    await db.Counters.Where(c => c.Id == 1 + (i % 2)).ExecuteUpdateAsync(s => s.SetProperty(c => c.Value, c => c.Value + 1));
                    (await db.Products.SingleAsync(p => p.Id == 1 + (i % 9))).Stock = 500;
                    await db.SaveChangesAsync();
                }));
                await ReadAsync(app);
            }
        },
    };

    /// <summary>Everything that is written here, so that all of it is cached.</summary>
    internal static async Task ReadAsync(App app, bool alsoOfSomebodyElse = true)
    {
        for (var i = 0; i < 2; i++)
        {
            await using var db = app.Open<ShopContext>();
            app.Saw("counters", await app.Cached(db.Counters.AsNoTracking().OrderBy(c => c.Id)).ToListAsync());
            app.Saw("counter", await app.Cached(db.Counters.AsNoTracking().Where(c => c.Id == 1)).ToListAsync());
            app.Saw("valued", await app.Cached(db.Counters.Where(c => c.Value == 0)).CountAsync());
            app.Saw("categories", await app.Cached(db.Categories.AsNoTracking().OrderBy(c => c.Id)).ToListAsync());
            app.Saw("tags", await app.Cached(db.Tags).CountAsync());
            app.Saw("tag", await app.Cached(db.Tags.Where(t => t.Name == "tag 2").Select(t => t.Products.Count)).ToListAsync());
            app.Saw("customers", await app.Cached(db.Customers.AsNoTracking().OrderBy(c => c.Id)).ToListAsync());
            app.Saw("orders", await app.Cached(db.Orders.OrderBy(o => o.Id).Select(o => new { o.Id, o.Placed, Lines = o.Lines.Sum(l => l.Quantity) })).ToListAsync());
            app.Saw("placed", await app.Cached(db.Orders.Where(o => o.Placed < DateTime.UnixEpoch.AddYears(60))).CountAsync());
            if (!alsoOfSomebodyElse)
                continue;
            app.Saw("products", await app.Cached(db.Products.AsNoTracking().OrderBy(p => p.Id)).ToListAsync());
            app.Saw("of a category", await app.Cached(db.Products.Where(p => p.CategoryId == 1).OrderBy(p => p.Id).Select(p => p.Stock)).ToListAsync());
            app.Saw("named", await app.Cached(db.Products.Where(p => p.Name == "product 1").Select(p => p.Stock)).ToListAsync());
        }
    }

    private static async Task FailsToSaveAsync(App app, string what, Action<ShopContext> change)
    {
        await using var db = app.Open<ShopContext>();
        change(db);
        await app.FailsAsync(what, () => db.SaveChangesAsync());
        app.SawTracked(db);
    }

    private sealed class SoftDelete : SaveChangesInterceptor
    {
        public override ValueTask<InterceptionResult<int>> SavingChangesAsync(
            DbContextEventData eventData, InterceptionResult<int> result, CancellationToken cancellationToken = default)
        {
            var db = (ShopContext)eventData.Context!;
            foreach (var entry in db.ChangeTracker.Entries<Customer>().Where(e => e.State is EntityState.Deleted).ToList())
            {
                entry.State = EntityState.Modified;
                entry.Entity.Deleted = true;
                db.Add(new Tag { Name = $"audit of {entry.Entity.Name}" });
            }

            return new(result);
        }
    }

    private enum Moment
    {
        Saving,
        Opened,
        Executing,
        Executed,
    }

    private sealed class CancelAt(Moment moment, CancellationTokenSource source) : DbCommandInterceptor, ISaveChangesInterceptor, IDbConnectionInterceptor
    {
        private bool _saving;

        public ValueTask<InterceptionResult<int>> SavingChangesAsync(
            DbContextEventData eventData, InterceptionResult<int> result, CancellationToken cancellationToken = default)
        {
            _saving = true;
            return new(At(Moment.Saving, result));
        }

        public Task ConnectionOpenedAsync(DbConnection connection, ConnectionEndEventData eventData, CancellationToken cancellationToken = default)
            => Task.FromResult(At(Moment.Opened, 0));

        public override ValueTask<InterceptionResult<DbDataReader>> ReaderExecutingAsync(
            DbCommand command, CommandEventData eventData, InterceptionResult<DbDataReader> result, CancellationToken cancellationToken = default)
            => new(At(Moment.Executing, result));

        public override ValueTask<DbDataReader> ReaderExecutedAsync(
            DbCommand command, CommandExecutedEventData eventData, DbDataReader result, CancellationToken cancellationToken = default)
            => new(At(Moment.Executed, result));

        private T At<T>(Moment now, T result)
        {
            if (_saving && now == moment)
                source.Cancel();
            return result;
        }
    }
}
