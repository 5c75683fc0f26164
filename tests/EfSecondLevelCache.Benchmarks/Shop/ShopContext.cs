using EfSecondLevelCache.Benchmarks.Queries;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Storage;

namespace EfSecondLevelCache.Benchmarks.Shop;

/// <summary>A usual shop.</summary>
internal sealed class ShopContext(DbContextOptions<ShopContext> options) : DbContext(options)
{
    public const int CategoryCount = 40;
    public const int ItemCount = 4_000;
    public const int CustomerCount = 2_000;
    public const int OrderCount = 6_000;

    private const string Schema = "second_level_cache_shop";

    public DbSet<Category> Categories => Set<Category>();

    public DbSet<Item> Items => Set<Item>();

    public DbSet<Review> Reviews => Set<Review>();

    public DbSet<Customer> Customers => Set<Customer>();

    public DbSet<Order> Orders => Set<Order>();

    public DbSet<OrderLine> Lines => Set<OrderLine>();

    public static DbContextOptionsBuilder<ShopContext> Options()
        => new DbContextOptionsBuilder<ShopContext>().UseNpgsql(BenchmarkServer.ConnectionString);

    /// <summary>Makes the tables and their rows, the same each time.</summary>
    public static async Task FillAsync()
    {
        await using var shop = new ShopContext(Options().Options);
        await shop.Database.ExecuteSqlRawAsync($"DROP SCHEMA IF EXISTS {Schema} CASCADE");
        await shop.GetService<IRelationalDatabaseCreator>().CreateTablesAsync();
        await shop.Database.ExecuteSqlRawAsync($"""
            SET search_path = {Schema};
            INSERT INTO "Categories" SELECT id, 'Category ' || id FROM generate_series(1, {CategoryCount}) AS id;
            INSERT INTO "Items" SELECT id, 'Item ' || id, 1 + id % {CategoryCount}, id % 1000 / 10.0, id % 50
                FROM generate_series(1, {ItemCount}) AS id;
            INSERT INTO "Reviews" SELECT id, 1 + id % {ItemCount}, 1 + id % 5, 'Review ' || id FROM generate_series(1, {2 * ItemCount}) AS id;
            INSERT INTO "Customers" SELECT id, 'customer' || id || '@shop.example', 'City ' || id % 100 FROM generate_series(1, {CustomerCount}) AS id;
            INSERT INTO "Orders" SELECT id, 1 + id % {CustomerCount}, id % 4, id FROM generate_series(1, {OrderCount}) AS id;
            INSERT INTO "Lines" SELECT id, 1 + id % {OrderCount}, 1 + id % {ItemCount}, 1 + id % 3 FROM generate_series(1, {3 * OrderCount}) AS id;
            ANALYZE
            """);
    }

    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        modelBuilder.HasDefaultSchema(Schema);
        foreach (var entity in (Type[])[typeof(Category), typeof(Item), typeof(Review), typeof(Customer), typeof(Order), typeof(OrderLine)])
            modelBuilder.Entity(entity).Property("Id").ValueGeneratedNever();
        modelBuilder.Entity<Item>(item =>
        {
            item.Property(i => i.Id).HasColumnOrder(0);
            item.Property(i => i.Name).HasColumnOrder(1);
            item.Property(i => i.CategoryId).HasColumnOrder(2);
            item.Property(i => i.Price).HasColumnOrder(3);
            item.Property(i => i.Stock).HasColumnOrder(4);
        });
        modelBuilder.Entity<Customer>().HasIndex(c => c.Email).IsUnique();
    }
}

internal sealed class Category
{
    public int Id { get; init; }

    public required string Name { get; init; }

    public List<Item> Items { get; } = [];
}

internal sealed class Item
{
    public int Id { get; init; }

    public required string Name { get; init; }

    public int CategoryId { get; init; }

    public Category? Category { get; init; }

    public decimal Price { get; set; }

    public int Stock { get; set; }

    public List<Review> Reviews { get; } = [];
}

internal sealed class Review
{
    public int Id { get; init; }

    public int ItemId { get; init; }

    public Item? Item { get; init; }

    public int Stars { get; set; }

    public required string Text { get; init; }
}

internal sealed class Customer
{
    public int Id { get; init; }

    public required string Email { get; init; }

    public required string City { get; set; }
}

internal sealed class Order
{
    public int Id { get; init; }

    public int CustomerId { get; init; }

    public Customer? Customer { get; init; }

    public int State { get; set; }

    public int PlacedAt { get; init; }

    public List<OrderLine> Lines { get; init; } = [];
}

internal sealed class OrderLine
{
    public int Id { get; init; }

    public int OrderId { get; init; }

    public Order? Order { get; init; }

    public int ItemId { get; init; }

    public Item? Item { get; init; }

    public int Quantity { get; init; }
}
