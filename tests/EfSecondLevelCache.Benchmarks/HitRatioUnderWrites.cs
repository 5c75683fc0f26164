using EfSecondLevelCache.Benchmarks.Queries;
using Microsoft.EntityFrameworkCore;

namespace EfSecondLevelCache.Benchmarks;

/// <summary>
/// How hot the cache stays while it is written: 100,000 products, read by primary key and by category with a Zipf distribution, and one operation in
/// twenty a SaveChanges of one product, of the same distribution. Without writes, with writes, and with writes that invalidate the whole
/// table, as other caches do; the same operations in the same order.
/// </summary>
internal static class HitRatioUnderWrites
{
    private const int Operations = 60_000;
    private const int WarmUp = 20_000;
    private const double WriteShare = 0.05;
    private const double Skew = 1.0;

    public static async Task<int> RunAsync()
    {
        await BenchmarkServer.FillAsync();
        var readOnly = await RunAsync(writes: false, wholeTable: false);
        var byRow = await RunAsync(writes: true, wholeTable: false);
        var byTable = await RunAsync(writes: true, wholeTable: true);
        Console.WriteLine($"{"",-34}{"hit ratio",10}{"of read-only",14}");
        Print("read-only", readOnly);
        Print("5 % writes, by row", byRow);
        Print("5 % writes, by table", byTable);
        return byRow >= 0.9 * readOnly ? 0 : 1;

        void Print(string name, double ratio) => Console.WriteLine($"{name,-34}{ratio,10:P1}{ratio / readOnly,14:P1}");
    }

    /// <summary>After the warm-up.</summary>
    private static async Task<double> RunAsync(bool writes, bool wholeTable)
    {
        await using var cache = new SecondLevelCache();
        var options = BenchmarkServer.Options().AddSecondLevelCache(cache).Options;
        var random = new Random(1);
        var products = Zipf.Over(BenchmarkServer.Rows, Skew);
        var start = cache.Statistics;
        for (var i = 0; i < Operations; i++)
        {
            if (i == WarmUp)
                start = cache.Statistics;
            await using var db = new Queries.Catalog(options);
            var id = products.Next(random);
            if (random.NextDouble() < WriteShare)
            {
                if (!writes)
                    continue;
                var product = await db.Products.SingleAsync(p => p.Id == id);
                db.Entry(product).Property(p => p.Stock).CurrentValue = i;
                await db.SaveChangesAsync();
                if (wholeTable)
                    await cache.InvalidateTableAsync("Products");
            }
            else if (random.Next(2) == 0)
            {
                await db.Products.AsNoTracking().Cacheable().SingleAsync(p => p.Id == id);
            }
            else
            {
                var category = id % 5_000;
                await db.Products.AsNoTracking().Where(p => p.CategoryId == category).Cacheable().ToListAsync();
            }
        }

        var end = cache.Statistics;
        var (hits, all) = (end.Hits - start.Hits, end.Hits + end.Misses + end.Refusals - start.Hits - start.Misses - start.Refusals);
        return (double)hits / all;
    }
}
