using Microsoft.EntityFrameworkCore;

namespace EfSecondLevelCache.Benchmarks.Queries;

/// <summary>One table, of the types that most tables have.</summary>
public sealed class Catalog(DbContextOptions<Catalog> options) : DbContext(options)
{
    public DbSet<Product> Products => Set<Product>();

    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        modelBuilder.HasDefaultSchema(BenchmarkServer.Schema);
        modelBuilder.Entity<Product>(product =>
        {
            product.Property(p => p.Id).ValueGeneratedNever().HasColumnOrder(0);
            product.HasIndex(p => p.CategoryId);
        });
    }
}

public sealed record Product
{
    public int Id { get; init; }

    public required string Name { get; init; }

    public required string Description { get; init; }

    public int CategoryId { get; init; }

    public decimal Price { get; init; }

    public int Stock { get; init; }

    public bool IsListed { get; init; }

    public DateTime ListedAt { get; init; }

    public Guid Sku { get; init; }
}
