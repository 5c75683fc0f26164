using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;

namespace EfSecondLevelCache.CompatibilityTests.Types;

/// <summary>A row with a value of some type.</summary>
public class Holder<T>
{
    public int Id { get; set; }

    public T? Value { get; set; }
}

/// <summary>A table of such rows.</summary>
/// <param name="options">Of the context.</param>
/// <param name="storeType">Null: the one that the provider chooses.</param>
public sealed class HolderContext<T>(DbContextOptions options, string? storeType) : DbContext(options), IHasStoreType
{
    public DbSet<Holder<T>> Holders => Set<Holder<T>>();

    string? IHasStoreType.StoreType => storeType;

    protected override void OnConfiguring(DbContextOptionsBuilder builder) => builder.ReplaceService<IModelCacheKeyFactory, StoreTypeKeys>();

    protected override void OnModelCreating(ModelBuilder model)
    {
        var holder = model.Entity<Holder<T>>().ToTable("holders");
        holder.Property(h => h.Id).ValueGeneratedNever();
        if (storeType is not null)
            holder.Property(h => h.Value).HasColumnType(storeType);
    }
}

/// <summary>A model for each context type and store type.</summary>
internal sealed class StoreTypeKeys : IModelCacheKeyFactory
{
    public object Create(DbContext context, bool designTime) => (context.GetType(), ((IHasStoreType)context).StoreType, designTime);
}

internal interface IHasStoreType
{
    string? StoreType { get; }
}
