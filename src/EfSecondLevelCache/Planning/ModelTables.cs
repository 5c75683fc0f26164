using EfSecondLevelCache.Planning.Predicates;
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

    /// <summary>
    /// The row of an entity in each table of its mapping, for a change of it; a table whose row its key does not tell has changed as a whole.
    /// </summary>
    /// <param name="type">The type of the entity.</param>
    /// <param name="keyValues">Of its primary key, in the order in which the model has the properties.</param>
    public static IReadOnlyCollection<TableChange> RowsOf(IEntityType type, IReadOnlyList<object?> keyValues)
    {
        const WriteOperations Written = WriteOperations.Insert | WriteOperations.Update | WriteOperations.Delete;
        var key = type.FindPrimaryKey()!.Properties;
        return [.. Of(type.Model, type.ClrType).Select(name => new TableChange(name) { Operations = Written, Rows = RowIn(name) })];

        IReadOnlyList<RowImage>? RowIn(TableName name)
        {
            var columns = new List<ColumnImage>();
            foreach (var (property, value) in key.Zip(keyValues))
            {
                var column = property.GetTableColumnMappings().FirstOrDefault(mapping
                    => mapping.TableMapping.Table.Name == name.Name && mapping.TableMapping.Table.Schema == name.Schema)?.Column;
                if (column is null || !column.Table.PrimaryKey!.Columns.Contains(column))
                    return null;
                if (MappedValue.FamilyOf(column) is { } family && MappedValue.TryHash(column.StoreTypeMapping, value, out var hash))
                    columns.Add(new ColumnImage(column.Name, family, hash, IsStated: false));
            }

            return [new RowImage([.. columns])];
        }
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
