using System.Reflection;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace EfSecondLevelCache.IntegrationTests.Consistency.Differential;

/// <summary>A context whose model is a random schema.</summary>
internal sealed class RandomContext(RandomSchema schema, DbContextOptions options) : DbContext(options)
{
    public const string Owned = nameof(Owned);
    public const string Part = nameof(Part);

    private static readonly MethodInfo GenericSet = typeof(DbContext).GetMethod(nameof(Set), [])!;

    private RandomSchema Schema => schema;

    public IQueryable Rows(Type entity) => (IQueryable)GenericSet.MakeGenericMethod(entity).Invoke(this, [])!;

    protected override void OnModelCreating(ModelBuilder model)
    {
        model.HasPostgresExtension("citext");
        foreach (var table in schema.Tables)
            Configure(model, table);
        foreach (var foreignKey in schema.Tables.SelectMany(table => table.ForeignKeys))
            Configure(model, foreignKey);
    }

    private static void Configure(ModelBuilder model, Table table)
    {
        var entity = model.Entity(table.Class).ToTable(table.Name);
        entity.HasKey([.. table.Key.Select(column => column.Name)]);
        foreach (var column in table.Key.Concat(table.Columns).Concat(table.ForeignKeyColumns))
            Configure(entity.Property(column.Type, column.Name), column);
        if (!table.IsGenerated)
        {
            foreach (var column in table.Key)
                entity.Property(column.Name).ValueGeneratedNever();
        }

        if (table.Alternate is { } alternate)
            entity.HasAlternateKey(alternate.Name);

        if (table.DerivedClass is { } derived)
        {
            var sub = model.Entity(derived).HasBaseType(table.Class);
            foreach (var column in table.DerivedColumns)
                Configure(sub.Property(column.Type, column.Name), column);
            if (table.IsTpt)
                sub.ToTable($"{table.Name}_sub");
        }

        if (table.OwnedClass is { } owned)
        {
            var ownership = entity.OwnsOne(owned, Owned);
            foreach (var column in table.OwnedColumns)
                Configure(ownership.Property(column.Type, column.Name), column);
            entity.Navigation(Owned).IsRequired(table.IsOwnedRequired);
        }

        if (table.PartClass is { } partClass)
        {
            var part = model.Entity(partClass).ToTable(table.Name);
            string[] key = [.. table.Key.Select(column => column.Name)];
            part.HasKey(key);
            foreach (var column in table.Key.Concat(table.PartColumns))
                Configure(part.Property(column.Type, column.Name), column);
            entity.HasOne(partClass, Part).WithOne().HasForeignKey(partClass, key);
            entity.Navigation(Part).IsRequired();
        }
    }

    private static void Configure(ModelBuilder model, ForeignKey foreignKey)
    {
        var reference = model.Entity(foreignKey.From.Class).HasOne(foreignKey.To.Class, foreignKey.Navigation);
        string[] columns = [.. foreignKey.Columns.Select(column => column.Name)];
        string[] principal = [.. foreignKey.PrincipalColumns.Select(column => column.Name)];
        if (foreignKey.IsUnique)
        {
            reference.WithOne(foreignKey.Inverse)
                .HasForeignKey(foreignKey.From.Class, columns)
                .HasPrincipalKey(foreignKey.To.Class, principal)
                .IsRequired(foreignKey.IsRequired)
                .OnDelete(foreignKey.OnDelete);
        }
        else
        {
            reference.WithMany(foreignKey.Inverse)
                .HasForeignKey(columns)
                .HasPrincipalKey(principal)
                .IsRequired(foreignKey.IsRequired)
                .OnDelete(foreignKey.OnDelete);
        }
    }

    private static void Configure(PropertyBuilder property, Column column)
    {
        property.IsRequired(!column.IsNullable);
        if (column.Kind.StoreType is { } storeType)
            property.HasColumnType(storeType);
    }

    /// <summary>A model for each schema.</summary>
    public sealed class ModelKeys : IModelCacheKeyFactory
    {
        public object Create(DbContext context, bool designTime) => (((RandomContext)context).Schema, designTime);
    }
}
