using EfSecondLevelCache.Values;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata;

namespace EfSecondLevelCache.Planning;

/// <summary>What a model knows of its tables.</summary>
internal static class ModelTables
{
    /// <summary>Every table of an entity type's mapping: base, derived, owned, split and join tables; none where it is not mapped.</summary>
    public static HashSet<TableName> Of(IModel model, Type entityType)
    {
        var tables = new HashSet<TableName>();
        foreach (var type in model.GetEntityTypes().Where(type => entityType.IsAssignableFrom(type.ClrType)))
        {
            AddMappings(tables, type);
            foreach (var skip in type.GetSkipNavigations())
                AddMappings(tables, skip.JoinEntityType);
        }

        return tables;
    }

    /// <summary>Every table that the model maps.</summary>
    public static IReadOnlyCollection<TableName> AllOf(IModel model)
        => [.. model.GetRelationalModel().Tables.Select(table => new TableName(table.Schema, table.Name))];

    /// <summary>Every view that the model maps.</summary>
    public static IReadOnlyCollection<TableName> ViewsOf(IModel model)
        => [.. model.GetRelationalModel().Views.Select(view => new TableName(view.Schema, view.Name))];

    public static bool Contains(IModel model, TableName table)
    {
        var relational = model.GetRelationalModel();
        return relational.Tables.Cast<ITableBase>().Concat(relational.Views)
            .Any(known => known.Name == table.Name && (table.Schema is null || (known.Schema ?? "public") == table.Schema));
    }

    private static void AddMappings(HashSet<TableName> tables, IEntityType type)
    {
        foreach (var mapping in type.GetTableMappings())
            tables.Add(new TableName(mapping.Table.Schema, mapping.Table.Name));
        foreach (var mapping in type.GetViewMappings())
            tables.Add(new TableName(mapping.View.Schema, mapping.View.Name));
        foreach (var owned in type.GetNavigations().Where(navigation => navigation.ForeignKey.IsOwnership && !navigation.IsOnDependent))
            AddMappings(tables, owned.TargetEntityType);
    }
}
