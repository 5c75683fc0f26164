using EfSecondLevelCache.IntegrationTests.Support;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;

namespace EfSecondLevelCache.CompatibilityTests.Services;

public class Category
{
    public int Id { get; set; }
    public required string Name { get; set; }
    public List<Product> Products { get; set; } = [];
}

public class Product
{
    public int Id { get; set; }
    public required string Name { get; set; }
    public decimal Price { get; set; }
    public int CategoryId { get; set; }
    public Category? Category { get; set; }
    public List<Review> Reviews { get; set; } = [];
}

public class Review
{
    public int Id { get; set; }
    public int ProductId { get; set; }
    public int Stars { get; set; }
    public string? Text { get; set; }
}

public class StoreContext(DbContextOptions<StoreContext> options) : DbContext(options)
{
    public DbSet<Category> Categories => Set<Category>();
    public DbSet<Product> Products => Set<Product>();
    public DbSet<Review> Reviews => Set<Review>();

    protected override void OnModelCreating(ModelBuilder model)
    {
        model.Entity<Category>().ToTable("categories");
        model.Entity<Product>().ToTable("products");
        model.Entity<Review>().ToTable("reviews");
    }
}

/// <summary>A store of its own for each class of tests: 3 categories, 9 products, 18 reviews.</summary>
public sealed class StoreDatabase(PostgresServer server) : IAsyncLifetime
{
    private PostgresDatabase _database = null!;

    public string ConnectionString => _database.ConnectionString;

    public async ValueTask InitializeAsync() => _database = await server.CreateDatabaseAsync("store", SeedAsync);

    public ValueTask DisposeAsync() => _database.DisposeAsync();

    /// <param name="cache">Null: a context without the cache.</param>
    /// <param name="configure">Further options.</param>
    public StoreContext Open(SecondLevelCache? cache, Action<DbContextOptionsBuilder>? configure = null)
    {
        var options = new DbContextOptionsBuilder<StoreContext>();
        Configure(options, cache);
        configure?.Invoke(options);
        return new StoreContext(options.Options);
    }

    public void Configure(DbContextOptionsBuilder options, SecondLevelCache? cache)
    {
        options.UseNpgsql(ConnectionString).ConfigureWarnings(warnings => warnings.Ignore(CoreEventId.ManyServiceProvidersCreatedWarning));
        if (cache is not null)
            options.AddSecondLevelCache(cache);
    }

    private static async Task SeedAsync(string connectionString)
    {
        await using var db = new StoreContext(new DbContextOptionsBuilder<StoreContext>().UseNpgsql(connectionString)
            .ConfigureWarnings(warnings => warnings.Ignore(CoreEventId.ManyServiceProvidersCreatedWarning)).Options);
        await db.Database.EnsureCreatedAsync();
        db.AddRange(Enumerable.Range(1, 3).Select(i => new Category { Id = i, Name = $"Category {i}" }));
        db.AddRange(Enumerable.Range(1, 9).Select(i => new Product { Id = i, Name = $"Product {i}", Price = i, CategoryId = 1 + (i % 3) }));
        db.AddRange(Enumerable.Range(1, 18).Select(
            i => new Review { Id = i, ProductId = 1 + (i % 9), Stars = i % 5, Text = i % 2 == 0 ? $"Review {i}" : null }));
        await db.SaveChangesAsync();
    }
}
