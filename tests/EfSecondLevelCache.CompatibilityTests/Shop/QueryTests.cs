using EfSecondLevelCache.CompatibilityTests.Harness;
using EfSecondLevelCache.IntegrationTests.Support;
using Microsoft.EntityFrameworkCore;

namespace EfSecondLevelCache.CompatibilityTests.Shop;

/// <summary>What is read, in each way to read it.</summary>
public sealed class QueryTests(PostgresServer server) : ScenarioTests<QueryTests>(server), IScenarios
{
    public static Scenarios All { get; } = new Scenarios<ShopContext>("shop", ShopContext.SeedAsync)
    {
        {
            "entities that are tracked, with their references and collections", async app =>
            {
                await using var db = app.Open<ShopContext>();
                app.Saw("products", await app.Cached(db.Products.Include(p => p.Category).Include(p => p.Tags).OrderBy(p => p.Id)).ToListAsync());
                app.SawTracked(db);
            }
        },
        {
            "entities that are not tracked, with identity resolution", async app =>
            {
                await using var db = app.Open<ShopContext>();
                app.Saw("products", await app.Cached(db.Products.Include(p => p.Category).AsNoTrackingWithIdentityResolution().OrderBy(p => p.Id)).ToListAsync());
                app.SawTracked(db);
            }
        },
        {
            "a split query", async app =>
            {
                await using var db = app.Open<ShopContext>();
                app.Saw("categories", await app.Cached(
                    db.Categories.Include(c => c.Products).ThenInclude(p => p.Tags).AsSplitQuery().AsNoTracking().OrderBy(c => c.Id)).ToListAsync());
            }
        },
        {
            "a reference behind a collection", async app =>
            {
                await using var db = app.Open<ShopContext>();
                var orders = await app.Cached(db.Orders.Include(o => o.Lines).ThenInclude(l => l.Product).AsNoTracking().OrderBy(o => o.Id)).ToListAsync();
                app.Saw("lines", orders.Select(o => o.Lines.Select(l => (l.Quantity, l.Product!.Name))));
            }
        },
        {
            "synchronously, by index, first, single, last, any, all, count, sum, minimum, average", app =>
            {
                using var db = app.Open<ShopContext>();
                var products = app.Cached(db.Products.AsNoTracking().OrderBy(p => p.Id));
                app.Saw("list", products.ToList());
                app.Saw("array", products.Select(p => new { p.Name, p.Price }).ToArray());
                app.Saw("first", products.First());
                app.Saw("single", products.SingleOrDefault(p => p.Id == 77));
                app.Saw("last", products.Last());
                app.Saw("any", products.Any(p => p.Stock > 50));
                app.Saw("all", products.All(p => p.Stock > 50));
                app.Saw("count", products.Count());
                app.Saw("sum", products.Sum(p => p.Price));
                app.Saw("minimum", products.Min(p => p.Added));
                app.Saw("average", products.Average(p => p.Stock));
                app.Saw("element", products.ElementAt(3));
                return Task.CompletedTask;
            }
        },
        {
            "Find, of what is tracked and what is not", Expect.NoOptIn, async app =>
            {
                await using var db = app.Open<ShopContext>();
                app.Saw("product", await db.Products.FindAsync(1));
                app.Saw("again", ReferenceEquals(await db.Products.FindAsync(1), await db.Products.SingleAsync(p => p.Id == 1)));
                app.Saw("nobody", await db.Products.FindAsync(99));
                app.SawTracked(db);
            }
        },
        {
            "groups, joins and set operations", async app =>
            {
                await using var db = app.Open<ShopContext>();
                app.Saw("groups", await app.Cached(
                    db.Products.GroupBy(p => p.CategoryId).Select(g => new { g.Key, Count = g.Count(), Sum = g.Sum(p => p.Price) }).OrderBy(g => g.Key)).ToListAsync());
                app.Saw("join", await app.Cached(
                    from line in db.Lines
                    join product in db.Products on line.ProductId equals product.Id
                    orderby line.Id
                    select new { product.Name, line.Quantity }).ToListAsync());
                app.Saw("union", await app.Cached(
                    db.Products.Select(p => p.Name).Union(db.Categories.Select(c => c.Name)).OrderBy(name => name)).ToListAsync());
            }
        },
        {
            "a compiled query", Expect.NoOptIn, async app =>
            {
                var dear = app.Once(() => EF.CompileAsyncQuery<ShopContext, int, Product>(
                    (db, stock) => db.Products.Where(p => p.Stock > stock).OrderBy(p => p.Id)));
                await using var db = app.Open<ShopContext>();
                app.Saw("dear", await ListAsync(dear(db, 50)));
                app.Saw("dearer", await ListAsync(dear(db, 80)));
                app.SawTracked(db);
            }
        },
        {
            "streaming that is broken off", async app =>
            {
                await using var db = app.Open<ShopContext>();
                await foreach (var product in app.Cached(db.Products.OrderBy(p => p.Id)).AsAsyncEnumerable())
                {
                    app.Saw("product", product.Name);
                    if (product.Id == 3)
                        break;
                }

                foreach (var product in app.Cached(db.Products.OrderBy(p => p.Id)))
                {
                    app.Saw("product", product.Name);
                    if (product.Id == 2)
                        break;
                }

                app.SawTracked(db);
                app.Saw("count", await app.Cached(db.Products).CountAsync());
                app.Saw("all", await app.Cached(db.Products.OrderBy(p => p.Id)).ToListAsync());
            }
        },
        {
            "raw SQL, composed and not, with parameters", async app =>
            {
                await using var db = app.Open<ShopContext>();
                var stock = 40;
                app.Saw("composed", await app.Cached(db.Products.FromSql($"""SELECT * FROM "Products" WHERE "Stock" > {stock}""").AsNoTracking().OrderBy(p => p.Id))
                    .ToListAsync());
                app.Saw("scalars", await app.Cached(db.Database.SqlQuery<int>($"""SELECT "Id" AS "Value" FROM "Products" WHERE "Stock" > {stock}""").OrderBy(i => i))
                    .ToListAsync());
                app.Saw("text", db.Products.Where(p => p.Stock > stock).ToQueryString());
            }
        },
        {
            "a keyless type over a query, a query filter, and without it", async app =>
            {
                await using var db = app.Open<ShopContext>();
                app.Saw("sales", await app.Cached(db.Sales.OrderBy(s => s.ProductId)).ToListAsync());
                app.Saw("customers", await app.Cached(db.Customers.AsNoTracking().OrderBy(c => c.Id)).ToListAsync());
                app.Saw("all customers", await app.Cached(db.Customers.IgnoreQueryFilters().AsNoTracking().OrderBy(c => c.Id)).ToListAsync());
            }
        },
        {
            "owned types and JSON columns, in the filter and in the result", async app =>
            {
                await using var db = app.Open<ShopContext>();
                app.Saw("city", await app.Cached(db.Customers.Where(c => c.Address!.City == "Rome").AsNoTracking().OrderBy(c => c.Id)).ToListAsync());
                app.Saw("color", await app.Cached(db.Products.AsNoTracking().Where(p => p.Label!.Color == "red").OrderBy(p => p.Id).Select(p => p.Label)).ToListAsync());
            }
        },
        {
            "many to many, from both ends", async app =>
            {
                await using var db = app.Open<ShopContext>();
                app.Saw("tags", await app.Cached(db.Tags.Include(t => t.Products).AsNoTracking().OrderBy(t => t.Id)).ToListAsync());
                app.Saw("products", await app.Cached(db.Products.Where(p => p.Tags.Any(t => t.Name == "tag 2")).AsNoTracking().OrderBy(p => p.Id)).ToListAsync());
            }
        },
        {
            "explicit loading of a reference and a collection", Expect.NoOptIn, async app =>
            {
                await using var db = app.Open<ShopContext>();
                var product = await db.Products.SingleAsync(p => p.Id == 4);
                await db.Entry(product).Reference(p => p.Category).LoadAsync();
                await db.Entry(product).Collection(p => p.Tags).LoadAsync();
                app.Saw("count", await db.Entry(product.Category!).Collection(c => c.Products).Query().CountAsync());
                await db.Entry(product).ReloadAsync();
                app.SawTracked(db);
            }
        },
        {
            "parameters of every usual kind", async app =>
            {
                await using var db = app.Open<ShopContext>();
                int[] ids = [1, 3, 5];
                string? nothing = null;
                var day = new DateTime(2024, 1, 5, 0, 0, 0, DateTimeKind.Utc);
                app.Saw("in", await app.Cached(db.Products.Where(p => ids.Contains(p.Id)).OrderBy(p => p.Id).Select(p => p.Name)).ToListAsync());
                app.Saw("null", await app.Cached(db.Products.Where(p => p.Name == nothing).Select(p => p.Name)).ToListAsync());
                app.Saw("like", await app.Cached(db.Products.Where(p => EF.Functions.ILike(p.Name, "%CT 1%")).OrderBy(p => p.Id).Select(p => p.Name)).ToListAsync());
                app.Saw("day", await app.Cached(db.Products.Where(p => p.Added > day).OrderBy(p => p.Id).Select(p => p.Added)).ToListAsync());
                app.Saw("page", await app.Cached(db.Products.OrderBy(p => p.Price).Skip(ids[1]).Take(ids[0]).Select(p => p.Name)).ToListAsync());
            }
        },
        {
            "errors of the server, of the driver and of EF Core", Expect.NoHits, async app =>
            {
                await using var db = app.Open<ShopContext>();
                var zero = 0;
                await app.FailsAsync("division", () => app.Cached(db.Products.Where(p => p.Id == 1).Select(p => p.Id / zero)).ToListAsync());
                await app.FailsAsync("no row", () => app.Cached(db.Products.Where(p => p.Id == 99)).SingleAsync());
                await app.FailsAsync("two rows", () => app.Cached(db.Products).SingleAsync());
                await app.FailsAsync("syntax", () => app.Cached(db.Products.FromSql($"SELEC 1")).ToListAsync());
                await app.FailsAsync("no such table", () => app.Cached(db.Database.SqlQuery<int>($"""SELECT 1 AS "Value" FROM nowhere""")).ToListAsync());
                await app.FailsAsync("a null", () => app.Cached(db.Database.SqlQuery<int>($"""SELECT NULL::int AS "Value" """)).ToListAsync());
                await app.FailsAsync("wrong type", () => app.Cached(db.Database.SqlQuery<Guid>($"""SELECT "Name" AS "Value" FROM "Products" """)).ToListAsync());
                await app.FailsAsync("not translated", () => app.Cached(db.Products.Where(p => ReferenceEquals(app, p))).ToListAsync());
                await app.FailsAsync("column that is missing", () => app.Cached(db.Products.FromSql($"""SELECT "Id" FROM "Products" """)).ToListAsync());
                app.SawTracked(db);
                app.Saw("afterwards", await db.Products.CountAsync());
            }
        },
        {
            "two readers on one connection, where nothing is cached", Expect.NoHits, async app =>
            {
                await using var db = app.Open<ShopContext>();
                await using var transaction = await db.Database.BeginTransactionAsync();
                await app.FailsAsync("the second", async () =>
                {
                    await foreach (var order in db.Orders.AsNoTracking().OrderBy(o => o.Id).AsAsyncEnumerable())
                        await db.Lines.CountAsync(l => l.OrderId == order.Id && l.Quantity > app.Pass * 100);
                });
            }
        },
        {
            "a disposed context", Expect.NoHits, async app =>
            {
                var db = app.Open<ShopContext>();
                var query = app.Cached(db.Products);
                await db.DisposeAsync();
                await app.FailsAsync("list", () => query.ToListAsync());
                await app.FailsAsync("find", () => db.Products.FindAsync(1).AsTask());
                await app.FailsAsync("save", () => db.SaveChangesAsync());
            }
        },
        {
            "an open connection that the application holds", async app =>
            {
                await using var db = app.Open<ShopContext>();
                await db.Database.OpenConnectionAsync();
                app.Saw("count", await app.Cached(db.Products).CountAsync());
                app.Saw("count again", await app.Cached(db.Products).CountAsync());
                app.Saw("state", db.Database.GetDbConnection().State);
                await db.Database.CloseConnectionAsync();
                app.Saw("state at the end", db.Database.GetDbConnection().State);
            }
        },
        {
            "many contexts at once", Expect.Concurrent, async app =>
            {
                var lists = await Task.WhenAll(Enumerable.Range(0, 40).Select(async i =>
                {
                    await using var db = app.Open<ShopContext>();
                    return await app.Cached(db.Products.Where(p => p.Id > i % 4).AsNoTracking().OrderBy(p => p.Id)).ToListAsync();
                }));
                app.Saw("lists", lists);
            }
        },
    };

    private static async Task<List<T>> ListAsync<T>(IAsyncEnumerable<T> items)
    {
        var list = new List<T>();
        await foreach (var item in items)
            list.Add(item);
        return list;
    }
}
