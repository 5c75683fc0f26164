using EfSecondLevelCache.Diagnostics;
using EfSecondLevelCache.Infrastructure;
using EfSecondLevelCache.Querying.Planning;
using EfSecondLevelCache.Sql;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;

namespace EfSecondLevelCache.Invalidation.Sources;

/// <summary>A write that goes through EF Core: the tables that it changes, and from when on that counts.</summary>
internal sealed class ObservedWrite(CacheSession session)
{
    private readonly HashSet<TableChange> _changes = [];
    private bool _controlsTransaction;

    /// <summary>The write that a command is; null where it writes nothing, or no cache is configured.</summary>
    public static ObservedWrite? Of(string commandText, QueryPlan? plan, DbContext? context)
    {
        if (context?.GetService<CacheSession>() is not { Cache: not null } session)
            return null;
        var write = new ObservedWrite(session);
        if (plan is not null)
            write.Add(plan);
        else
            write.Add(RawSqlAnalysis.Of(commandText));
        return write._changes.Count == 0 && !write._controlsTransaction ? null : write;
    }

    public void Add(TableName table, bool deletes)
    {
        _changes.Add(new TableChange(session.Database, table));
        if (!deletes)
            return;
        foreach (var reached in ModelTables.CascadesOf(session.Model, table))
            _changes.Add(new TableChange(session.Database, reached));
    }

    public void AddUnknownTables() => _changes.Add(new TableChange(session.Database, null));

    /// <summary>
    /// The write was executed, with whatever outcome. Outside of a transaction it can be seen now; inside, from the commit on.
    /// </summary>
    public void Executed()
    {
        try
        {
            if (_controlsTransaction)
                PendingChanges.EndIfIdle(session.Connection);
            if (_changes.Count == 0)
                return;
            if (PendingChanges.OfCurrentTransaction(session) is { } pending)
                pending.Add(session.Cache!.Invalidator, _changes);
            else
                session.Cache!.Invalidator.Changed(_changes);
            Log.Changed(session, _changes);
        }
        catch (Exception fault)
        {
            // A change that is lost would be served stale: rather drop everything.
            session.Cache!.Invalidator.Changed([TableChange.Everything]);
            Log.ChangeFault(session, fault);
        }
    }

    private void Add(QueryPlan plan)
    {
        if (plan.WritesUnknownTables)
            AddUnknownTables();
        foreach (var table in plan.Writes)
            Add(table, plan.Deletes);
    }

    private void Add(RawSqlAnalysis sql)
    {
        _controlsTransaction = sql.ControlsTransaction;
        if (sql.ChangesSession)
            session.SessionChanged();
        if (sql.WritesEverything)
            AddUnknownTables();
        // A delete, or a truncate, may be among them.
        foreach (var table in sql.WrittenTables)
            Add(new TableName(table.Schema, table.Name), deletes: true);
    }
}
