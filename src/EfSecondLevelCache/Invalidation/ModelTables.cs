using System.Runtime.CompilerServices;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata;
using Microsoft.EntityFrameworkCore.Migrations;

namespace EfSecondLevelCache.Invalidation;

/// <summary>What a model knows of its tables.</summary>
internal static class ModelTables
{
    private static readonly ConditionalWeakTable<IModel, IReadOnlyDictionary<TableName, TableName[]>> Cascades = [];

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

    public static bool Contains(IModel model, TableName table)
    {
        var relational = model.GetRelationalModel();
        return relational.Tables.Cast<ITableBase>().Concat(relational.Views)
            .Any(known => known.Name == table.Name && (table.Schema is null || (known.Schema ?? "public") == table.Schema));
    }

    /// <summary>The tables that a delete from this one may change too: foreign keys that cascade or set null, and on from there.</summary>
    public static IReadOnlyList<TableName> CascadesOf(IModel model, TableName table)
        => Cascades.GetValue(model, FindCascades).TryGetValue(table, out var reached) ? reached : [];

    private static void AddMappings(HashSet<TableName> tables, IEntityType type)
    {
        foreach (var mapping in type.GetTableMappings())
            tables.Add(new TableName(mapping.Table.Schema, mapping.Table.Name));
        foreach (var mapping in type.GetViewMappings())
            tables.Add(new TableName(mapping.View.Schema, mapping.View.Name));
        foreach (var owned in type.GetNavigations().Where(navigation => navigation.ForeignKey.IsOwnership && !navigation.IsOnDependent))
            AddMappings(tables, owned.TargetEntityType);
    }

    private static Dictionary<TableName, TableName[]> FindCascades(IModel model)
    {
        var cascades = new Dictionary<TableName, TableName[]>();
        foreach (var table in model.GetRelationalModel().Tables)
        {
            var reached = new HashSet<ITable>();
            Follow(table, reached);
            if (reached.Count > 0)
                cascades[new TableName(table.Schema, table.Name)] = [.. reached.Select(t => new TableName(t.Schema, t.Name))];
        }

        return cascades;
    }

    private static void Follow(ITable table, HashSet<ITable> reached)
    {
        foreach (var foreignKey in table.ReferencingForeignKeyConstraints)
        {
            if (foreignKey.OnDeleteAction is ReferentialAction.NoAction or ReferentialAction.Restrict || !reached.Add(foreignKey.Table))
                continue;
            if (foreignKey.OnDeleteAction is ReferentialAction.Cascade)
                Follow(foreignKey.Table, reached);
        }
    }
}
