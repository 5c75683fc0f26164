using System.Runtime.CompilerServices;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata;
using Microsoft.EntityFrameworkCore.Migrations;

namespace EfSecondLevelCache.Invalidation;

/// <summary>What a model knows of its tables.</summary>
internal static class ModelTables
{
    private static readonly ConditionalWeakTable<IModel, ILookup<string, Cascade>> Cascades = [];

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

    /// <summary>
    /// The tables that a delete from this one may change too: foreign keys that cascade or set null, and on from there. A name without a schema
    /// is taken for every table of that name.
    /// </summary>
    public static IEnumerable<TableName> CascadesOf(IModel model, TableName table)
        => Cascades.GetValue(model, FindCascades)[table.Name]
            .Where(cascade => table.Schema is null || cascade.From.Schema is null || table.Schema == cascade.From.Schema)
            .SelectMany(cascade => cascade.Reached);

    private static void AddMappings(HashSet<TableName> tables, IEntityType type)
    {
        foreach (var mapping in type.GetTableMappings())
            tables.Add(new TableName(mapping.Table.Schema, mapping.Table.Name));
        foreach (var mapping in type.GetViewMappings())
            tables.Add(new TableName(mapping.View.Schema, mapping.View.Name));
        foreach (var owned in type.GetNavigations().Where(navigation => navigation.ForeignKey.IsOwnership && !navigation.IsOnDependent))
            AddMappings(tables, owned.TargetEntityType);
    }

    private static ILookup<string, Cascade> FindCascades(IModel model)
        => model.GetRelationalModel().Tables.Select(From).Where(cascade => cascade.Reached.Count > 0).ToLookup(cascade => cascade.From.Name);

    private static Cascade From(ITable table)
    {
        var changed = new HashSet<ITable>();
        var deleted = new HashSet<ITable> { table };
        var next = new Stack<ITable>(deleted);
        while (next.TryPop(out var current))
        {
            foreach (var foreignKey in current.ReferencingForeignKeyConstraints)
            {
                if (foreignKey.OnDeleteAction is ReferentialAction.NoAction or ReferentialAction.Restrict)
                    continue;
                changed.Add(foreignKey.Table);
                // Rows whose key was set null stay; those that were deleted pass the delete on.
                if (foreignKey.OnDeleteAction is ReferentialAction.Cascade && deleted.Add(foreignKey.Table))
                    next.Push(foreignKey.Table);
            }
        }

        return new Cascade(NameOf(table), [.. changed.Select(NameOf)]);
    }

    private static TableName NameOf(ITable table) => new(table.Schema, table.Name);

    private sealed record Cascade(TableName From, IReadOnlyList<TableName> Reached);
}
