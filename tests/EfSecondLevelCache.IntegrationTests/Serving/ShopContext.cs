using System.Text.Json;
using Microsoft.EntityFrameworkCore;

namespace EfSecondLevelCache.IntegrationTests.Serving;

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
    public string[] Labels { get; set; } = [];
    public List<int> Sizes { get; set; } = [];
    public byte[] Picture { get; set; } = [];
    public Dictionary<string, string?> Attributes { get; set; } = [];
    public JsonDocument Details { get; set; } = JsonDocument.Parse("{}");
}

public class Order
{
    public int Id { get; set; }
    public int ProductId { get; set; }
    public int Quantity { get; set; }
}

public class ShopContext(DbContextOptions options) : DbContext(options)
{
    public string? Tenant { get; init; }

    public DbSet<Category> Categories => Set<Category>();
    public DbSet<Product> Products => Set<Product>();
    public DbSet<Order> Orders => Set<Order>();

    protected override void OnModelCreating(ModelBuilder model)
    {
        model.HasPostgresExtension("hstore");
        model.Entity<Category>().ToTable("categories");
        model.Entity<Product>().ToTable("products");
        model.Entity<Order>().ToTable("orders");
    }
}
