using System.Data;
using System.Data.Common;
using EfSecondLevelCache.Catalog;
using EfSecondLevelCache.Changes;
using EfSecondLevelCache.Diagnostics;
using EfSecondLevelCache.Planning;
using EfSecondLevelCache.Provider;
using EfSecondLevelCache.Session;
using EfSecondLevelCache.Sql;
using EfSecondLevelCache.Values;
using EfSecondLevelCache.Versions;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Storage;
using Microsoft.EntityFrameworkCore.Update;
using Npgsql;

namespace EfSecondLevelCache.EntityFramework.Writes;

/// <summary>
/// A write that goes through EF Core: what it changes, and from when on that counts. It opens no connection and holds none: what happens to the
/// one that the command opens for itself it hears from that connection.
/// </summary>
internal sealed class ObservedWrite
{
    private readonly ChangeSet _changes = new();
    private readonly CacheSession _session;

    /// <summary>What the command is executed over, not always the context's own; null: EF Core knows nothing of it.</summary>
    private readonly IRelationalConnection? _connection;

    private DbConnection? _watched;
    private IReadOnlyList<string> _databases = [];
    private bool _controlsTransaction;
    private bool _wasOpen;
    private bool _isBroken;

    public ObservedWrite(CacheSession session, IRelationalConnection? connection) => (_session, _connection) = (session, connection);

    /// <summary>The write that a command is; null where it writes nothing, or no cache is configured.</summary>
    /// <param name="commandText">Its text.</param>
    /// <param name="plan">Its plan; null: it is raw SQL.</param>
    /// <param name="context">The context that executes it.</param>
    /// <param name="connection">The connection that it is executed over. EF Core makes and drops databases over another one than the context's.</param>
    /// <param name="parameterValues">Those of the compiled query; null where they are not known.</param>
    public static ObservedWrite? Of(
        string commandText,
        QueryPlan? plan,
        DbContext? context,
        IRelationalConnection connection,
        IReadOnlyDictionary<string, object?>? parameterValues = null)
        => context?.GetService<CacheSession>() is { Cache: not null } session
            ? new ObservedWrite(session, connection).Reading(commandText, plan, parameterValues)
            : null;

    /// <summary>The write that a command is whose connection is open already; it begins at once.</summary>
    public static ObservedWrite? OfOpen(DbCommand command, QueryPlan? plan, CommandEventData eventData)
    {
        if (eventData.Context?.GetService<CacheSession>() is not { Cache: not null } session)
            return null;
        var own = eventData.ConnectionId == session.Connection.ConnectionId ? session.Connection : null;
        var write = new ObservedWrite(session, own).Reading(command.CommandText, plan, parameterValues: null);
        write?.Watch(eventData.Connection);
        return write;
    }

    /// <summary>What SaveChanges has executed.</summary>
    /// <param name="commands">Its commands.</param>
    /// <param name="succeeded">If not, the values that they should have brought back may be missing.</param>
    public void Add(IEnumerable<IReadOnlyModificationCommand> commands, bool succeeded)
    {
        try
        {
            // Without the catalog nobody depends on rows, and an application that caches nothing pays for nothing.
            var withRows = succeeded && Database?.View is not null;
            foreach (var command in commands)
                Add(command, withRows);
        }
        catch (Exception fault)
        {
            AddUnknown(fault);
        }
    }

    /// <summary>Before it is executed.</summary>
    public async ValueTask BeginAsync(bool async, CancellationToken cancellationToken)
    {
        if (IsOverOwnConnection && !_changes.IsUnknown && _databases.Count == 0)
            await _session.LearnForWriteAsync(async, cancellationToken).ConfigureAwait(false);
        Watch(_connection!.DbConnection);
    }

    /// <summary>
    /// After it was executed, with whatever outcome. Outside of a transaction it can be seen now; inside, from the commit on. Where writes are
    /// synchronous it waits for the other nodes.
    /// </summary>
    public async ValueTask EndAsync(bool async, CancellationToken cancellationToken = default)
    {
        if (End())
            await Invalidator.AcknowledgedAsync(async, cancellationToken).ConfigureAwait(false);
    }

    /// <returns>Whether the other nodes were told of something that is committed.</returns>
    public bool End()
    {
        try
        {
            if (_watched is not null)
                _watched.StateChange -= OnStateChange;
            return Tell();
        }
        catch (Exception fault)
        {
            // A change that is lost would be served stale: rather drop everything.
            Invalidator.Apply(ChangeOrigin.ThisNode, Change.Everything);
            Log.ChangeFault(_session.Logger, fault);
            return true;
        }
    }

    private Invalidator Invalidator => _session.SecondLevelCache!.Invalidator;

    private bool IsOverOwnConnection => ReferenceEquals(_connection, _session.Connection);

    /// <summary>The database that it is executed in; null: that is not known.</summary>
    private KnownDatabase? Database
        => IsOverOwnConnection ? _session.FindKnown() : _session.DatabaseBehind(_connection?.ConnectionString ?? _watched?.ConnectionString);

    private void Watch(DbConnection connection)
    {
        _watched = connection;
        _wasOpen = connection.State.HasFlag(ConnectionState.Open);
        connection.StateChange += OnStateChange;
    }

    private void OnStateChange(object sender, StateChangeEventArgs change)
    {
        _wasOpen |= change.CurrentState.HasFlag(ConnectionState.Open);
        // Npgsql calls a connection closed that broke, and says so only in its full state.
        _isBroken |= change.CurrentState is ConnectionState.Broken || sender is NpgsqlConnection { FullState: ConnectionState.Broken };
    }

    private bool Tell()
    {
        // It never came to be executed. A connection that was exchanged on the way was not watched.
        if (!_wasOpen && (_connection is null || ReferenceEquals(_connection.DbConnection, _watched)))
            return false;
        foreach (var name in _databases)
            Invalidator.Apply(ChangeOrigin.ThisNode, RowsChanged.Unknown(name));
        var isTold = _databases.Count > 0 || (_controlsTransaction && OpenConnection is { } open && PendingChanges.EndIfIdle(open));
        if (_changes.IsEmpty)
            return isTold;
        var outcome = _isBroken ? Outcome.InDoubt : Outcome.Committed;
        var pending = Pending();
        if (Database is not { } database)
            Invalidator.Apply(ChangeOrigin.ThisNode, Change.Everything);
        else if (pending is not null)
            pending.Add(Invalidator, database, _changes);
        else
            Invalidator.Apply(ChangeOrigin.ThisNode, new RowsWritten(database, _changes.ToChanges()), outcome);
        Log.Changed(_session.Logger, _changes);
        return isTold || (pending is null && outcome is Outcome.Committed);
    }

    private DbConnection? OpenConnection
        => _connection is not null ? ProviderInternals.OpenConnectionOf(_connection)
            : _watched!.State.HasFlag(ConnectionState.Open) ? _watched
            : null;

    private PendingChanges? Pending()
        => _connection is not null ? PendingChanges.OfCurrentTransaction(_connection)
            : OpenConnection is { } open ? PendingChanges.OfOpenConnection(open)
            : null;

    /// <summary>Null: it writes nothing.</summary>
    private ObservedWrite? Reading(string commandText, QueryPlan? plan, IReadOnlyDictionary<string, object?>? parameterValues)
    {
        try
        {
            if (plan is not null)
                Add(plan, parameterValues);
            else
                Add(RawSqlAnalysis.Of(commandText));
        }
        catch (Exception fault)
        {
            AddUnknown(fault);
        }

        return _changes.IsEmpty && _databases.Count == 0 && !_controlsTransaction ? null : this;
    }

    /// <summary>The write goes on, and removes everything.</summary>
    private void AddUnknown(Exception fault)
    {
        _changes.AddUnknownTables();
        Log.ChangeFault(_session.Logger, fault);
    }

    private void Add(IReadOnlyModificationCommand command, bool withRows)
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
        _changes.Add(new TableName(command.Schema, command.TableName), operation, updated, withRows ? RowImages.Of(command) : null);
    }

    private void Add(QueryPlan plan, IReadOnlyDictionary<string, object?>? parameterValues)
    {
        var callsWriter = plan.CallsUserFunctions && CallsWriter(plan);
        if (plan.WritesUnknownTables || callsWriter)
            _changes.AddUnknownTables();
        if (plan.ChangesSession || callsWriter)
            SessionMayChange();
        var rows = Database?.View is { } view && plan.ComparedColumns.All(view.ComparesAsAssumed)
            ? RowImages.Of(plan, parameterValues)
            : null;
        foreach (var table in plan.Writes)
            _changes.Add(table, plan.WriteOperations, plan.WrittenColumns, rows);
    }

    /// <summary>Whether a function that the plan calls may write. Where the catalog is not known there may be nothing to lose yet.</summary>
    private bool CallsWriter(QueryPlan plan)
        => Database?.View is { } view
            ? plan.Functions.Any(function => function.Volatility is FunctionVolatility.Unknown
                && view.FunctionNamed(new TableName(function.Schema, function.Name)) is { MayWrite: true })
            : _session.Cache!.HasResults;

    /// <summary>On a connection that closes after the command nobody will meet that session.</summary>
    private void SessionMayChange()
    {
        if (_connection is not null && ProviderInternals.OpenConnectionOf(_connection) is { } open)
            CacheSession.SessionChanged(open);
    }

    private void Add(RawSqlAnalysis sql)
    {
        _controlsTransaction = sql.ControlsTransaction;
        _databases = sql.Databases;
        if (sql.ChangesSession)
            SessionMayChange();
        if (sql.WritesEverything)
            _changes.AddUnknownTables();
        foreach (var table in sql.WrittenTables)
            _changes.Add(table, WriteOperations.Any, ColumnSet.All, rows: null);
    }
}
