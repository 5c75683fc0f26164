using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using EfSecondLevelCache.Catalog;
using EfSecondLevelCache.Session;
using EfSecondLevelCache.Values;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Update;
using Npgsql;

namespace EfSecondLevelCache.EntityFramework.Writes;

/// <summary>
/// Which columns of the rows that it writes SaveChanges has the database return. A statement that returns more than EF Core's own needs a right
/// more, and may fail where EF Core's own does not. So one is only made where it is known what the session may read, and where EF Core's own can
/// be executed in its place.
/// </summary>
internal sealed class ReadBacks(CacheSession session)
{
    /// <summary>PostgreSQL returns the values before an UPDATE since then.</summary>
    private const int FirstVersionWithOld = 18;

    /// <summary>The tables of which a statement that returns more has failed, until the catalog says something else.</summary>
    private static readonly ConditionalWeakTable<CatalogView, ConcurrentDictionary<Relation, bool>> Refused = [];

    private readonly HashSet<Relation> _asked = [];

    /// <summary>Null: nothing is returned.</summary>
    private CatalogView? _view;

    /// <summary>SaveChanges is about to make its commands.</summary>
    public void Begin() => _view = CanStartOver() && session.HasUsualRights ? session.FindKnown()?.View : null;

    public void End()
    {
        _view = null;
        _asked.Clear();
    }

    /// <summary>The columns to return from a command that writes a row of a table.</summary>
    public IEnumerable<ReadBackColumn> ColumnsFor(IReadOnlyModificationCommand command, IReadOnlyList<IColumnModification> own)
    {
        if (_view is not { } view
            || command is not { EntityState: EntityState.Modified or EntityState.Deleted, StoreStoredProcedure: null, Table: { } table }
            || view.Resolve(new TableName(command.Schema, command.TableName)) is not { } relation
            || !view.AllowsReturning(relation)
            || IsRefused(view, relation))
        {
            yield break;
        }

        string[] keys = [.. own.Where(column => column is { IsKey: true, IsCondition: true }).Select(column => column.ColumnName)];
        foreach (var name in DependedOn(relation))
        {
            var isUsed = false;
            var isCondition = false;
            foreach (var column in own.Where(column => column.ColumnName == name))
                (isUsed, isCondition) = (true, isCondition || column.IsCondition);
            // What is in the WHERE is certain.
            if (isCondition || table.FindColumn(name) is not { } returned)
                continue;
            if ((!isUsed || command.EntityState is EntityState.Deleted ? OldValue.SameAsNew : HowToReadOld(view, relation, keys)) is not { } old)
                continue;
            _asked.Add(relation);
            yield return new ReadBackColumn(returned, old, keys);
        }
    }

    /// <summary>Whether EF Core's own statements might succeed where these have failed.</summary>
    public bool MayBeToBlame(DbUpdateException fault)
        => _asked.Count > 0 && fault.InnerException switch
        {
            UnexpectedRowException => true,
            // Access rules, names, what can't be done to such a table, limits of a statement; nothing that tells of a row.
            PostgresException { SqlState: ['4', '2', ..] or ['0', 'A', ..] or ['2', '1', ..] or ['5', '4', ..] } => true,
            _ => false,
        };

    /// <summary>Leaves the tables that were asked alone from now on.</summary>
    public void GiveUp()
    {
        var refused = Refused.GetOrCreateValue(_view!);
        foreach (var relation in _asked)
            refused[relation] = true;
        End();
    }

    /// <summary>
    /// Where a statement fails, EF Core undoes all that its SaveChanges has done: by a transaction or a savepoint of its own, or because it was the
    /// only one.
    /// </summary>
    private bool CanStartOver()
    {
        var database = session.Context.Database;
        return session.Connection.CurrentTransaction is { } transaction
            ? transaction.SupportsSavepoints && database.AutoSavepointsEnabled
            : database.AutoTransactionBehavior is not AutoTransactionBehavior.Never && !session.IsInTransaction;
    }

    private IEnumerable<string> DependedOn(Relation relation)
    {
        var columns = new HashSet<string>();
        foreach (var key in session.SecondLevelCache!.Slots.Of(session.FindKnown()!.Name).Of(relation.Name).Keys)
            columns.UnionWith(key.Columns.Select(column => column.Name));
        return columns;
    }

    private static bool IsRefused(CatalogView view, Relation relation)
        => Refused.TryGetValue(view, out var refused) && refused.ContainsKey(relation);

    /// <summary>Null: it can't be read, so that results by any value of the column are removed.</summary>
    private static OldValue? HowToReadOld(CatalogView view, Relation relation, string[] keys)
        => view.Session.ServerVersion >= FirstVersionWithOld ? OldValue.Returned
            // Rows of partitions and children can't be asked which transaction has written them.
            : relation.Kind is RelationKind.Table && keys.Length > 0 && !view.Catalog.ChildrenOf(relation).Any() ? OldValue.OfSnapshot
            : null;
}

/// <summary>The row that a command has written is not the only one.</summary>
internal sealed class UnexpectedRowException() : Exception("A command of SaveChanges has written more than one row.");
