using EfSecondLevelCache.Diagnostics;
using EfSecondLevelCache.Infrastructure;
using EfSecondLevelCache.Invalidation.Catalog;
using EfSecondLevelCache.Querying.Planning;
using EfSecondLevelCache.Sql;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Update;

namespace EfSecondLevelCache.Invalidation.Sources;

/// <summary>A write that goes through EF Core: what it changes, and from when on that counts.</summary>
internal sealed class ObservedWrite(CacheSession session)
{
    private readonly ChangeSet _changes = new();
    private bool _controlsTransaction;

    /// <summary>The write that a command is; null where it writes nothing, or no cache is configured.</summary>
    /// <param name="commandText">Its text.</param>
    /// <param name="plan">Its plan; null: it is raw SQL.</param>
    /// <param name="context">The context that executes it.</param>
    /// <param name="parameterValues">Those of the compiled query; null where they are not known.</param>
    public static ObservedWrite? Of(
        string commandText, QueryPlan? plan, DbContext? context, IReadOnlyDictionary<string, object?>? parameterValues = null)
    {
        if (context?.GetService<CacheSession>() is not { Cache: not null } session)
            return null;
        var write = new ObservedWrite(session);
        if (plan is not null)
            write.Add(plan, parameterValues);
        else
            write.Add(RawSqlAnalysis.Of(commandText));
        return write._changes.IsEmpty && !write._controlsTransaction ? null : write;
    }

    /// <summary>A command of SaveChanges that was executed.</summary>
    /// <param name="command">The command.</param>
    /// <param name="succeeded">If not, the values that it should have brought back may be missing.</param>
    public void Add(IReadOnlyModificationCommand command, bool succeeded)
    {
        if (command.StoreStoredProcedure is not null)
        {
            _changes.AddUnknownTables();
            return;
        }

        var (operation, updated) = command.EntityState switch
        {
            EntityState.Added => (WriteOperations.Insert, ColumnSet.None),
            EntityState.Deleted => (WriteOperations.Delete, ColumnSet.None),
            _ => (WriteOperations.Update,
                ColumnSet.Of(command.ColumnModifications.Where(column => column.IsWrite).Select(column => column.ColumnName))),
        };
        // Without the catalog nobody depends on rows, and an application that caches nothing pays for nothing.
        var rows = succeeded && session.FindKnown()?.View is not null ? RowImages.Of(command) : null;
        _changes.Add(new TableName(command.Schema, command.TableName), operation, updated, rows);
    }

    /// <summary>Before it is executed. Holds the connection until <see cref="EndAsync"/>, where it can then be seen whether it broke.</summary>
    public async ValueTask BeginAsync(bool async, CancellationToken cancellationToken)
    {
        if (async)
            await session.Connection.OpenAsync(cancellationToken).ConfigureAwait(false);
        else
            session.Connection.Open();
        await session.LearnForWriteAsync(async, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>After it was executed, with whatever outcome. Outside of a transaction it can be seen now; inside, from the commit on.</summary>
    public async ValueTask EndAsync(bool async, CancellationToken cancellationToken = default)
    {
        var isTold = End();
        // Nobody need wait for the connection while this waits for the other nodes.
        if (async)
            await session.Connection.CloseAsync().ConfigureAwait(false);
        else
            session.Connection.Close();
        if (isTold)
            await session.Cache!.Invalidator.AcknowledgedAsync(async, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>The same where somebody else holds the connection.</summary>
    public async ValueTask EndWithinAsync(bool async, CancellationToken cancellationToken = default)
    {
        if (End())
            await session.Cache!.Invalidator.AcknowledgedAsync(async, cancellationToken).ConfigureAwait(false);
    }

    /// <returns>Whether the other nodes were told of something that is committed.</returns>
    private bool End()
    {
        var invalidator = session.Cache!.Invalidator;
        try
        {
            var isTold = _controlsTransaction && PendingChanges.EndIfIdle(session.Connection);
            if (_changes.IsEmpty)
                return isTold;
            var outcome = ProviderInternals.OpenConnectionOf(session.Connection) is null ? Outcome.Unknown : Outcome.Committed;
            var pending = PendingChanges.OfCurrentTransaction(session);
            if (session.FindKnown() is not { } database)
                invalidator.EverythingChanged();
            else if (pending is not null)
                pending.Add(invalidator, database, _changes);
            else
                invalidator.Written(database, _changes.ToChanges(), outcome);
            Log.Changed(session, _changes);
            return isTold || (pending is null && outcome is Outcome.Committed);
        }
        catch (Exception fault)
        {
            // A change that is lost would be served stale: rather drop everything.
            invalidator.EverythingChanged();
            Log.ChangeFault(session, fault);
            return true;
        }
    }

    private void Add(QueryPlan plan, IReadOnlyDictionary<string, object?>? parameterValues)
    {
        if (plan.WritesUnknownTables)
            _changes.AddUnknownTables();
        var rows = session.FindKnown()?.View is { } view && plan.ComparedColumns.All(view.ComparesAsAssumed)
            ? RowImages.Of(plan, parameterValues)
            : null;
        foreach (var table in plan.Writes)
            _changes.Add(table, plan.WriteOperations, plan.WrittenColumns, rows);
    }

    private void Add(RawSqlAnalysis sql)
    {
        _controlsTransaction = sql.ControlsTransaction;
        if (sql.ChangesSession)
            session.SessionChanged();
        if (sql.WritesEverything)
            _changes.AddUnknownTables();
        foreach (var table in sql.WrittenTables)
            _changes.Add(table, WriteOperations.Any, ColumnSet.All, rows: null);
    }
}
