using Microsoft.EntityFrameworkCore;

namespace EfSecondLevelCache.Benchmarks.Shop;

/// <summary>
/// How many reads of a shop are served while it is written: twenty usual queries, each as often as the others, their rows of a Zipf distribution;
/// 5 and 20 operations of 100 write. Once as the cache invalidates, and once where each write removes what depends on its tables: no query
/// may be served less often than there.
/// </summary>
internal static class ShopUnderWrites
{
    private const int Operations = 40_000;
    private const int WarmUp = 10_000;
    private const double Skew = 0.9;

    /// <summary>Of two runs of the same operations: what time to live and chance do beside the invalidation.</summary>
    private const double Tolerance = 0.02;

    private static readonly (string Name, Func<ShopContext, Draw, Task> Execute)[] Reads =
    [
        ("item by id", (s, d) => s.Items.Where(i => i.Id == d.Item).Cacheable().SingleAsync()),
        ("item with category", (s, d) => s.Items.Include(i => i.Category).Where(i => i.Id == d.Item).Cacheable().SingleAsync()),
        ("item with reviews", (s, d) => s.Items.Include(i => i.Reviews).Where(i => i.Id == d.Item).Cacheable().SingleAsync()),
        ("items of a category", (s, d) => s.Items.Where(i => i.CategoryId == d.Category).Cacheable().ToListAsync()),
        ("page of a category", (s, d) => s.Items.Where(i => i.CategoryId == d.Category).OrderBy(i => i.Price).Take(20).Cacheable().ToListAsync()),
        ("count of a category", (s, d) => s.Items.Where(i => i.CategoryId == d.Category).Cacheable().CountAsync()),
        ("cheapest items", (s, _) => s.Items.OrderBy(i => i.Price).Take(10).Cacheable().ToListAsync()),
        ("search by name", (s, d) => s.Items.Where(i => i.Name.StartsWith(d.Prefix)).Cacheable().ToListAsync()),
        ("categories", (s, _) => s.Categories.OrderBy(c => c.Name).Cacheable().ToListAsync()),
        ("category by id", (s, d) => s.Categories.Where(c => c.Id == d.Category).Cacheable().SingleAsync()),
        ("items per category", (s, _) => s.Categories.Select(c => new { c.Name, Items = c.Items.Count }).Cacheable().ToListAsync()),
        ("reviews of an item", (s, d) => s.Reviews.Where(r => r.ItemId == d.Item).Cacheable().ToListAsync()),
        ("stars of an item", (s, d) => s.Reviews.Where(r => r.ItemId == d.Item).Cacheable().AverageAsync(r => (double?)r.Stars)),
        ("customer by id", (s, d) => s.Customers.Where(c => c.Id == d.Customer).Cacheable().SingleAsync()),
        ("customer by email", (s, d) => s.Customers.Where(c => c.Email == d.Email).Cacheable().SingleAsync()),
        ("orders of a customer", (s, d) => s.Orders.Where(o => o.CustomerId == d.Customer).Cacheable().ToListAsync()),
        ("order with lines", (s, d) => s.Orders.Include(o => o.Lines).Where(o => o.Id == d.Order).Cacheable().SingleAsync()),
        ("order with items", (s, d) => s.Orders.Include(o => o.Lines).ThenInclude(l => l.Item).Where(o => o.Id == d.Order).Cacheable().SingleAsync()),
        ("newest orders", (s, _) => s.Orders.OrderByDescending(o => o.PlacedAt).Take(20).Cacheable().ToListAsync()),
        ("open orders", (s, _) => s.Orders.Where(o => o.State == 0).Cacheable().CountAsync()),
    ];

    private static readonly (string[] Tables, Func<ShopContext, Draw, Task> Execute)[] Writes =
    [
        (["Items"], async (s, d) => (await s.Items.SingleAsync(i => i.Id == d.Item)).Stock = d.Number),
        (["Items"], async (s, d) => (await s.Items.SingleAsync(i => i.Id == d.Item)).Price = d.Number),
        (["Reviews"], (s, d) => Add(s, new Review { Id = 1_000_000 + d.Number, ItemId = d.Item, Stars = 3, Text = "Good" })),
        (["Orders", "Lines"], (s, d) => Add(s, new Order
        {
            Id = 1_000_000 + d.Number,
            CustomerId = d.Customer,
            PlacedAt = 1_000_000 + d.Number,
            Lines = [new OrderLine { Id = 1_000_000 + d.Number, ItemId = d.Item, Quantity = 1 }],
        })),
        (["Orders"], async (s, d) => (await s.Orders.SingleAsync(o => o.Id == d.Order)).State = d.Number % 4),
        (["Customers"], async (s, d) => (await s.Customers.SingleAsync(c => c.Id == d.Customer)).City = $"City {d.Number}"),
    ];

    public static async Task<int> RunAsync()
    {
        var neverLess = true;
        foreach (var writes in (double[])[0.05, 0.20])
        {
            var byRow = await RunAsync(writes, wholeTable: false);
            var byTable = await RunAsync(writes, wholeTable: true);
            Console.WriteLine($"{$"{writes:P0} writes",-24}{"by row",10}{"by table",10}");
            for (var read = 0; read < Reads.Length; read++)
                Print(Reads[read].Name, byRow[read], byTable[read]);
            Print("all reads", byRow.Average(), byTable.Average());
            Console.WriteLine();
        }

        return neverLess ? 0 : 1;

        void Print(string name, double row, double table)
        {
            var isLess = row < table - Tolerance;
            neverLess &= !isLess;
            Console.WriteLine($"{name,-24}{row,10:P1}{table,10:P1}{(isLess ? "   LESS" : "")}");
        }
    }

    /// <summary>Which share of each of the reads was served, after the warm-up.</summary>
    private static async Task<double[]> RunAsync(double writeShare, bool wholeTable)
    {
        await ShopContext.FillAsync();
        await using var cache = new SecondLevelCache();
        var options = ShopContext.Options().AddSecondLevelCache(cache).Options;
        var random = new Random(1);
        var draws = new Draws(random);
        var (executed, served) = (new int[Reads.Length], new int[Reads.Length]);
        for (var i = 0; i < Operations; i++)
        {
            await using var shop = new ShopContext(options);
            var draw = draws.Next(number: i);
            if (random.NextDouble() < writeShare)
            {
                var (tables, write) = Writes[random.Next(Writes.Length)];
                await write(shop, draw);
                await shop.SaveChangesAsync();
                foreach (var table in wholeTable ? tables : [])
                    await cache.InvalidateTableAsync(table);
                continue;
            }

            var read = random.Next(Reads.Length);
            var hits = cache.Statistics.Hits;
            await Reads[read].Execute(shop, draw);
            if (i < WarmUp)
                continue;
            executed[read]++;
            served[read] += (int)(cache.Statistics.Hits - hits);
        }

        return [.. executed.Zip(served, (all, hits) => (double)hits / all)];
    }

    private static Task Add(ShopContext shop, object entity)
    {
        shop.Add(entity);
        return Task.CompletedTask;
    }

    /// <summary>What one operation is about.</summary>
    private sealed record Draw(int Number, int Item, int Category, int Customer, int Order)
    {
        public string Email => $"customer{Customer}@shop.example";

        public string Prefix => $"Item {Category}";
    }

    private sealed class Draws(Random random)
    {
        private readonly Zipf _items = Zipf.Over(ShopContext.ItemCount, Skew);
        private readonly Zipf _categories = Zipf.Over(ShopContext.CategoryCount, Skew);
        private readonly Zipf _customers = Zipf.Over(ShopContext.CustomerCount, Skew);
        private readonly Zipf _orders = Zipf.Over(ShopContext.OrderCount, Skew);

        public Draw Next(int number)
            => new(number, _items.Next(random), _categories.Next(random), _customers.Next(random), _orders.Next(random));
    }
}
