using EfSecondLevelCache.CompatibilityTests.Harness;
using EfSecondLevelCache.CompatibilityTests.Shop;
using EfSecondLevelCache.IntegrationTests.Support;
using LinqToDB;
using LinqToDB.Data;
using LinqToDB.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore;

namespace EfSecondLevelCache.CompatibilityTests.Libraries;

/// <summary>linq2db beside EF Core, on its model and its connection. What it writes goes past EF Core, and so past the cache's own sight.</summary>
public sealed class Linq2DbTests(PostgresServer server) : ScenarioTests<Linq2DbTests>(server), IScenarios
{
    static Linq2DbTests() => LinqToDBForEFTools.Initialize();

    public static Scenarios All { get; } = new Scenarios<ShopContext>("shop", ShopContext.SeedAsync)
    {
        {
            "a query that it translates", Expect.NoHits, async app =>
            {
                await using var db = app.Open<ShopContext>();
                app.Saw("names", await db.Products.Where(p => p.Stock > 30).OrderBy(p => p.Id).Select(p => p.Name).ToLinqToDB().ToListAsyncLinqToDB());
                app.Saw("marked", await app.Cached(db.Products.Where(p => p.Stock > 30).OrderBy(p => p.Id).Select(p => p.Name)).ToLinqToDB().ToListAsyncLinqToDB());
                app.Saw("marked in the middle", await app.Cached(db.Products.Where(p => p.Stock > 30)).OrderBy(p => p.Id).Select(p => p.Name).ToLinqToDB().ToListAsyncLinqToDB());
                app.Saw("count", await app.Cached(db.Products).ToLinqToDB().CountAsyncLinqToDB());
            }
        },
        {
            "rows in bulk, between queries of EF Core", Expect.NoHits, async app =>
            {
                await using var db = app.Open<ShopContext>();
                var rows = Enumerable.Range(0, 20).Select(i => new Counter { Id = 100 + (app.Pass * 100) + i, Value = i }).ToArray();
                app.Saw("copied", (await db.BulkCopyAsync(new BulkCopyOptions { BulkCopyType = BulkCopyType.MultipleRows }, rows)).RowsCopied);
                app.Saw("counters", await db.Counters.NotCacheable().AsNoTracking().OrderBy(c => c.Id).ToListAsync());
            }
        },
        {
            "Merge, and an update of its own", Expect.NoHits, async app =>
            {
                await using var db = app.Open<ShopContext>();
                await using var connection = db.CreateLinqToDBConnection();
                var merged = await connection.GetTable<Counter>().Merge().Using([new Counter { Id = 1, Value = 5 }, new Counter { Id = 50 + app.Pass, Value = 6 }])
                    .OnTargetKey().UpdateWhenMatched().InsertWhenNotMatched().MergeAsync();
                app.Saw("merged", merged);
                app.Saw("updated", await app.Cached(db.Counters.Where(c => c.Id == 2)).ToLinqToDB().Set(c => c.Value, c => c.Value + 1).UpdateAsync());
                app.Saw("counters", await db.Counters.NotCacheable().AsNoTracking().OrderBy(c => c.Id).ToListAsync());
            }
        },
        {
            "inside of a transaction of EF Core", Expect.NoHits, async app =>
            {
                await using var db = app.Open<ShopContext>();
                await using var transaction = await db.Database.BeginTransactionAsync();
                await db.Counters.Where(c => c.Id == 1).ExecuteUpdateAsync(s => s.SetProperty(c => c.Value, 9));
                app.Saw("sees it", await db.Counters.Where(c => c.Value == 9).Select(c => c.Id).ToLinqToDB().ToListAsyncLinqToDB());
                await transaction.RollbackAsync();
                app.Saw("and not any more", await db.Counters.Where(c => c.Value == 9).Select(c => c.Id).ToLinqToDB().ToListAsyncLinqToDB());
            }
        },
    };
}
