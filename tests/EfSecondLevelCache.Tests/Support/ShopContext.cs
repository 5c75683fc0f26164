using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;

namespace EfSecondLevelCache.Tests.Support;

/// <summary>A small model on a server that does not exist: its queries are compiled and never sent.</summary>
/// <param name="configure">Replaces the configuration: PostgreSQL with the process's default cache.</param>
internal sealed class ShopContext(Action<DbContextOptionsBuilder>? configure = null) : DbContext
{
    public const string ConnectionString = "Host=no-such-host.invalid;Database=shop;Username=shop";

    public static ShopContext WithoutCache() => new(options => options.UseNpgsql(ConnectionString));

    public static ShopContext With(Action<SecondLevelCacheOptionsBuilder> cache, params IInterceptor[] interceptors)
        => new(options => options.UseNpgsql(ConnectionString).AddSecondLevelCache(cache).AddInterceptors(interceptors));

    public static ShopContext With(SecondLevelCache cache, params IInterceptor[] interceptors)
        => new(options => options.UseNpgsql(ConnectionString).AddSecondLevelCache(cache).AddInterceptors(interceptors));

    public DbSet<Product> Products => Set<Product>();

    public DbSet<Order> Orders => Set<Order>();

    protected override void OnConfiguring(DbContextOptionsBuilder optionsBuilder)
    {
        if (configure is null)
            optionsBuilder.UseNpgsql(ConnectionString).AddSecondLevelCache();
        else
            configure(optionsBuilder);
    }
}

internal class Product
{
    public int Id { get; set; }

    public string Name { get; set; } = "";
}

internal class Order
{
    public int Id { get; set; }

    public int ProductId { get; set; }

    public Product? Product { get; set; }
}
