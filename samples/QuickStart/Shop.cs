using Microsoft.EntityFrameworkCore;

namespace QuickStart;

/// <summary>An ordinary model and an ordinary context: nothing in this file knows of the cache.</summary>
internal sealed class Shop(DbContextOptions<Shop> options) : DbContext(options)
{
    /// <summary>The demo lives in a schema of its own, so that it can work in any database.</summary>
    public const string Schema = "second_level_cache_demo";

    public DbSet<Category> Categories => Set<Category>();

    public DbSet<Product> Products => Set<Product>();

    public DbSet<OrderLine> OrderLines => Set<OrderLine>();

    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        modelBuilder.HasDefaultSchema(Schema);
        modelBuilder.Entity<Product>().HasIndex(product => new { product.CategoryId, product.Name });
        modelBuilder.Entity<Product>().Property(product => product.Price).HasPrecision(10, 2);
        modelBuilder.Entity<OrderLine>().Property(line => line.UnitPrice).HasPrecision(10, 2);
    }
}

internal sealed class Category
{
    public int Id { get; set; }

    public required string Name { get; set; }
}

internal sealed class Product
{
    public int Id { get; set; }

    public required string Name { get; set; }

    public required string Description { get; set; }

    public decimal Price { get; set; }

    public int Stock { get; set; }

    public DateTime ListedAt { get; set; }

    public int CategoryId { get; set; }

    public Category? Category { get; set; }
}

internal sealed class OrderLine
{
    public int Id { get; set; }

    public int ProductId { get; set; }

    public Product? Product { get; set; }

    public int Quantity { get; set; }

    public decimal UnitPrice { get; set; }

    public DateTime OrderedAt { get; set; }
}
