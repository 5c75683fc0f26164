using System.Globalization;
using Microsoft.EntityFrameworkCore;
using QuickStart;

// All that the cache asks of an application: one call where the context is configured ...
static DbContextOptions<Shop> WithTheCache(string connectionString)
    => new DbContextOptionsBuilder<Shop>().UseNpgsql(connectionString).AddSecondLevelCache().Options;

// ... and one in each query that is to be cached. The rest of the LINQ stays as it is.
static Task<Product> ProductAsync(Shop shop, int id)
    => shop.Products.Include(product => product.Category).Cacheable().SingleAsync(product => product.Id == id);

static Task<List<Product>> PageAsync(Shop shop, int category, int page)
    => shop.Products.AsNoTracking()
        .Where(product => product.CategoryId == category)
        .OrderBy(product => product.Name)
        .Skip(page * ShopSize.PageSize).Take(ShopSize.PageSize)
        .Cacheable(TimeSpan.FromMinutes(5))
        .ToListAsync();

static Task<decimal> RevenueAsync(Shop shop, int product)
    => shop.OrderLines.Where(line => line.ProductId == product).Cacheable().SumAsync(line => line.Quantity * line.UnitPrice);

// What follows is the demo: it fills a shop, times these queries without and with the cache, and then changes a row.
CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
using var stop = new CancellationTokenSource();
Console.CancelKeyPress += (_, key) =>
{
    // The first one lets the demo clean up; the second one ends it.
    key.Cancel = !stop.IsCancellationRequested;
    stop.Cancel();
};

try
{
    var demo = DemoOptions.Parse(args);
    var size = new ShopSize(demo.Products);
    var connectionString = await Server.FindAsync(stop.Token);
    var without = new DbContextOptionsBuilder<Shop>().UseNpgsql(connectionString).Options;
    var with = WithTheCache(connectionString);

    await using var database = new ShopDatabase(without, size);
    await Report.ProgressAsync($"Filling a shop: {size.Products:N0} products, {size.OrderLines:N0} order lines",
        progress => database.FillAsync(progress, stop.Token));

    var workload = new Workload(size, demo.Readers,
    [
        new("a product with its category", 0.70, (shop, rank) => ProductAsync(shop, size.ProductAt(rank))),
        new("a page of a category", 0.25, (shop, rank) => PageAsync(shop, size.CategoryAt(rank), size.PageAt(rank))),
        new("the revenue of a product", 0.05, (shop, rank) => RevenueAsync(shop, size.ProductAt(rank))),
    ]);
    await TimeAsync("Warming up without the cache", without, 2);
    await TimeAsync("Warming up with the cache", with, 2);

    await using (var shop = new Shop(with))
        await shop.Database.GetSecondLevelCache()!.ClearAsync();

    Report.Compare(workload.Queries,
    [
        ("without", await TimeAsync($"{demo.Readers} readers without the cache", without, demo.Seconds)),
        ("with the cache, empty at first", await TimeAsync($"{demo.Readers} readers with the cache, empty at first", with, demo.Seconds)),
        ("and after that", await TimeAsync($"{demo.Readers} readers with the cache, after that", with, demo.Seconds)),
    ]);

    await ChangeAPriceAsync(with, size.ProductAt(0));
    return 0;

    Task<Measurement> TimeAsync(string title, DbContextOptions<Shop> options, int seconds)
        => Report.ProgressAsync(title, progress => workload.RunAsync(options, TimeSpan.FromSeconds(seconds), progress, stop.Token));
}
catch (UsageException exception)
{
    Console.Error.WriteLine(exception.Message);
    return 2;
}
catch (OperationCanceledException) when (stop.IsCancellationRequested)
{
    Console.Error.WriteLine("Stopped.");
    return 130;
}

static async Task ChangeAPriceAsync(DbContextOptions<Shop> options, int id)
{
    await using (var shop = new Shop(options))
    {
        var product = await ReadAsync(shop, "Before the write");
        product.Price += 1;
        await shop.SaveChangesAsync();
        Console.WriteLine($"{"SaveChanges",-18} {product.Price,8}");
    }

    await using (var shop = new Shop(options))
        await ReadAsync(shop, "The next read");
    await using (var shop = new Shop(options))
    {
        await ReadAsync(shop, "The one after it");

        Console.WriteLine($"{Environment.NewLine}What ExplainCache() says of two queries:");
        Console.WriteLine(shop.OrderLines.Where(line => line.ProductId == id).Cacheable().ExplainCache());
        Console.WriteLine();
        Console.WriteLine(shop.OrderLines.Where(line => line.OrderedAt > DateTime.UtcNow).Cacheable().ExplainCache());
    }

    async Task<Product> ReadAsync(Shop shop, string when)
    {
        Product? product = null;
        var commands = await shop.ExplainCacheAsync(async () => product = await ProductAsync(shop, id));
        Console.WriteLine($"{when,-18} {product!.Price,8}  {commands[0].Outcome}");
        return product;
    }
}
