using System.Text.Json;
using EfSecondLevelCache.IntegrationTests.Support;
using Microsoft.EntityFrameworkCore;

namespace EfSecondLevelCache.IntegrationTests.Serving;

/// <summary>A small shop of its own for each class of tests, behind a tap: 4 categories, 40 products, 20 orders.</summary>
public sealed class ShopDatabase(PostgresServer server) : IAsyncLifetime
{
    private PostgresDatabase _database = null!;

    public WireTap Tap { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        _database = await server.CreateDatabaseAsync("shop", SeedAsync);
        Tap = new WireTap(_database.ConnectionString);
    }

    public async ValueTask DisposeAsync()
    {
        await Tap.DisposeAsync();
        await _database.DisposeAsync();
    }

    /// <summary>Another one on the same server.</summary>
    public async Task<ShopDatabase> CreateAnotherAsync()
    {
        var another = new ShopDatabase(server);
        await another.InitializeAsync();
        return another;
    }

    /// <summary>Executes SQL beside EF Core, the cache and the tap.</summary>
    public Task ExecuteAsync(string sql) => _database.ExecuteAsync(sql);

    private static async Task SeedAsync(string connectionString)
    {
        await using var db = new ShopContext(new DbContextOptionsBuilder().UseNpgsql(connectionString).Options);
        await db.Database.EnsureCreatedAsync();
        db.AddRange(Enumerable.Range(1, 4).Select(i => new Category { Id = i, Name = $"Category {i}" }));
        db.AddRange(Enumerable.Range(1, 40).Select(i => new Product
        {
            Id = i,
            Name = $"Product {i}",
            Price = i,
            CategoryId = 1 + (i % 4),
            Labels = ["new", $"label {i}"],
            Sizes = [i, i + 1],
            Picture = [1, 2, (byte)i],
            Attributes = new() { ["colour"] = "red" },
            Details = JsonDocument.Parse($$"""{"n": {{i}}}"""),
        }));
        db.AddRange(Enumerable.Range(1, 20).Select(i => new Order { Id = i, ProductId = i, Quantity = i }));
        await db.SaveChangesAsync();

        // Identity columns do not know the keys above.
        await db.Database.ExecuteSqlAsync(
            $"""
             ALTER TABLE categories ALTER "Id" RESTART WITH 1000;
             ALTER TABLE products ALTER "Id" RESTART WITH 1000;
             ALTER TABLE orders ALTER "Id" RESTART WITH 1000;
             """);
    }
}
