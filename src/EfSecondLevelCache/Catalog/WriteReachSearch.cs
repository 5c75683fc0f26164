using EfSecondLevelCache.Values;
using Microsoft.EntityFrameworkCore.Migrations;

namespace EfSecondLevelCache.Catalog;

/// <summary>
/// Follows a write to everything that it changes: along inheritance to where the rows are, along foreign keys with an action, through
/// views to their tables. Each relation is visited again whenever more turns out to happen to it.
/// </summary>
internal sealed class WriteReachSearch
{
    private readonly DatabaseCatalog _catalog;
    private readonly Dictionary<Relation, Write> _writes = [];
    private readonly Queue<Relation> _open = [];
    private readonly HashSet<WriteHook> _elsewhere = [];
    private ColumnSet _changes = ColumnSet.None;

    private WriteReachSearch(DatabaseCatalog catalog) => _catalog = catalog;

    public static WriteReach Find(DatabaseCatalog catalog, Relation target, WriteOperations operations, ColumnSet updated)
    {
        var search = new WriteReachSearch(catalog);
        search.Add(target, new Write(operations, updated, IsOfTarget: true));
        while (search._open.TryDequeue(out var relation))
            search.Visit(relation, search._writes[relation]);

        var reached = new HashSet<Relation>();
        var byForeignKey = new HashSet<Relation>();
        foreach (var (relation, write) in search._writes)
        {
            catalog.AddAncestors(reached, relation);
            if (write.IsByForeignKey)
                catalog.AddAncestors(byForeignKey, relation);
        }

        return new WriteReach(reached, byForeignKey, search._changes, search._elsewhere);
    }

    private void Add(Relation relation, Write write)
    {
        if (!_writes.TryGetValue(relation, out var known))
        {
            _writes.Add(relation, write);
            _open.Enqueue(relation);
        }
        else if (known.Union(write) is var union && union != known)
        {
            _writes[relation] = union;
            _open.Enqueue(relation);
        }
    }

    private void Visit(Relation relation, Write write)
    {
        var updated = RunHooks(relation, write);
        if (relation.Kind == RelationKind.View)
        {
            // An updatable view writes one of its tables; which column of it is which of the table's is not known here.
            foreach (var behind in _catalog.DefinitionOf(relation).Relations)
                Add(behind, write with { Updated = ColumnSet.All });
            return;
        }

        FollowRows(relation, write with { Updated = updated });
        foreach (var foreignKey in _catalog.ForeignKeysTo(relation))
            FollowKey(foreignKey, write.Operations, updated);
    }

    /// <summary>Every column that an UPDATE may change: those stated, computed from them, or assigned by triggers.</summary>
    private ColumnSet RunHooks(Relation relation, Write write)
    {
        var changes = ColumnSet.None;
        if ((write.Operations & (WriteOperations.Insert | WriteOperations.Update)) != 0)
            changes = _catalog.GeneratedColumnsOf(relation);
        foreach (var hook in _catalog.HooksOf(relation))
        {
            if (!hook.RunsFor(write.Operations, write.Updated.Union(_catalog.GeneratedColumnsOf(relation))))
                continue;
            changes = changes.Union(hook.Changes);
            if (hook.MayWrite)
                _elsewhere.Add(hook);
        }

        if (write.IsOfTarget)
            _changes = _changes.Union(changes);
        return write.Updated.Union(changes);
    }

    /// <summary>Goes on to the partitions and children, where the rows are and whose triggers run.</summary>
    private void FollowRows(Relation relation, Write write)
    {
        var operations = write.Operations;
        if (relation.Kind == RelationKind.PartitionedTable)
        {
            // A row whose key changes is deleted from one partition and inserted into another.
            if (operations.HasFlag(WriteOperations.Update) && _catalog.PartitionKeyOf(relation).Overlaps(write.Updated))
                operations |= WriteOperations.Insert | WriteOperations.Delete;
        }
        else
        {
            operations &= ~WriteOperations.Insert; // It goes to the named table alone.
        }

        if (operations == WriteOperations.None)
            return;
        foreach (var child in _catalog.ChildrenOf(relation))
            Add(child, write with { Operations = operations });
    }

    private void FollowKey(ForeignKey foreignKey, WriteOperations operations, ColumnSet updated)
    {
        if (operations.HasFlag(WriteOperations.Truncate))
            Add(foreignKey.Table, new Write(WriteOperations.Truncate, ColumnSet.None, IsByForeignKey: true));
        if (operations.HasFlag(WriteOperations.Delete))
            FollowAction(foreignKey, foreignKey.OnDelete, WriteOperations.Delete);
        if (operations.HasFlag(WriteOperations.Update) && foreignKey.PrincipalColumnSet.Overlaps(updated))
            FollowAction(foreignKey, foreignKey.OnUpdate, WriteOperations.Update);
    }

    private void FollowAction(ForeignKey foreignKey, ReferentialAction action, WriteOperations operation)
    {
        switch (action)
        {
            case ReferentialAction.Cascade when operation == WriteOperations.Delete:
                Add(foreignKey.Table, new Write(WriteOperations.Delete, ColumnSet.None, IsByForeignKey: true));
                break;
            case ReferentialAction.Cascade or ReferentialAction.SetNull or ReferentialAction.SetDefault:
                Add(foreignKey.Table, new Write(WriteOperations.Update, foreignKey.ColumnSet, IsByForeignKey: true));
                break;
        }
    }

    /// <param name="Operations">What happens to the relation.</param>
    /// <param name="Updated">The columns that an UPDATE states.</param>
    /// <param name="IsOfTarget">It is what the statement wrote itself, not what foreign keys made of it.</param>
    /// <param name="IsByForeignKey">Foreign keys do it.</param>
    private readonly record struct Write(
        WriteOperations Operations, ColumnSet Updated, bool IsOfTarget = false, bool IsByForeignKey = false)
    {
        public Write Union(Write other)
            => new(
                Operations | other.Operations,
                Updated.Union(other.Updated),
                IsOfTarget || other.IsOfTarget,
                IsByForeignKey || other.IsByForeignKey);
    }
}
