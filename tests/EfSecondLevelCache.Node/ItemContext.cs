using Microsoft.EntityFrameworkCore;

namespace EfSecondLevelCache.Node;

public sealed class ItemContext(string connectionString, SecondLevelCache? cache) : DbContext
{
    public DbSet<Item> Items => Set<Item>();

    protected override void OnConfiguring(DbContextOptionsBuilder optionsBuilder)
    {
        optionsBuilder.UseNpgsql(connectionString);
        if (cache is not null)
            optionsBuilder.AddSecondLevelCache(cache);
    }
}

public sealed class Item
{
    public int Id { get; set; }

    public int Value { get; set; }
}
