using System.Data;
using System.Data.Common;
using System.Runtime.CompilerServices;
using System.Transactions;
using EfSecondLevelCache.Catalog;
using EfSecondLevelCache.Provider;
using EfSecondLevelCache.Values;
using EfSecondLevelCache.Versions;
using Microsoft.EntityFrameworkCore.Storage;
using Npgsql;

namespace EfSecondLevelCache.Changes;

/// <summary>
/// What was changed inside a transaction: released when it commits, dropped when it rolls back. A transaction whose end can't be observed (the
/// application ends it itself) keeps its tables closed until the connection is.
/// </summary>
internal sealed class PendingChanges
{
    /// <summary>The changes by DbTransaction, ambient Transaction, or the connection of a transaction that was begun behind EF Core's back.</summary>
    private static readonly ConditionalWeakTable<object, PendingChanges> Transactions = [];

    private readonly Lock _lock = new();
    private readonly Dictionary<KnownDatabase, (Invalidator Invalidator, ChangeSet Changes)> _changes = [];
    private readonly List<(Invalidator Invalidator, int[] Slots)> _closed = [];
    private readonly object _transaction;
    private readonly bool _endIsObserved;
    private bool _othersAreTold;

    /// <summary>What was told to the other nodes at the commit, which changes this one as well.</summary>
    private Change? _translated;

    private bool _ended;

    private PendingChanges(object transaction, DbConnection? connection, bool endIsObserved)
    {
        _transaction = transaction;
        _endIsObserved = endIsObserved;
        if (connection is not null)
            connection.StateChange += OnConnectionState;
    }

    /// <summary>The changes of the transaction that the next command over a connection takes part in; null: it takes part in none.</summary>
    public static PendingChanges? OfCurrentTransaction(IRelationalConnection connection)
    {
        if (connection.CurrentTransaction is { } current)
        {
            var transaction = current.GetDbTransaction();
            return Transactions.GetValue(transaction, _ => new PendingChanges(transaction, connection.DbConnection, !ForeignTransactions.Contains(transaction)));
        }

        if (((connection as ITransactionEnlistmentManager)?.EnlistedTransaction ?? Transaction.Current) is { } ambient)
            return Transactions.GetValue(ambient, static transaction => Ambient((Transaction)transaction));

        return ProviderInternals.OpenConnectionOf(connection) is { } open ? OfOpenConnection(open) : null;
    }

    /// <summary>The changes of a transaction that was begun behind EF Core's back over this connection; null: there is none.</summary>
    public static PendingChanges? OfOpenConnection(DbConnection open)
        => ProviderInternals.MayBeInTransaction(open)
            ? Transactions.GetValue(open, static connection => new PendingChanges(connection, (DbConnection)connection, endIsObserved: false))
            : null;

    /// <summary>The transaction has ended; returns when the other nodes know, where writes are synchronous.</summary>
    public static async ValueTask EndAsync(
        bool async, DbTransaction transaction, Outcome outcome, CancellationToken cancellationToken = default)
    {
        if (!Transactions.TryGetValue(transaction, out var pending))
            return;
        foreach (var told in pending.End(outcome))
            await told.AcknowledgedAsync(async, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Whether the transaction has written anything that is known of.</summary>
    public static bool Any(DbTransaction transaction)
        => Transactions.TryGetValue(transaction, out var pending) && pending.HasChanges;

    /// <summary>The transaction is about to commit: where it can tell the other nodes itself, it does.</summary>
    /// <param name="async">Whether to wait asynchronously; if not, the task returned is complete.</param>
    /// <param name="transaction">About to commit.</param>
    /// <param name="commits">Whether to commit with the same round trip.</param>
    /// <param name="cancellationToken">Of the commit.</param>
    /// <returns>True: they are told, and it has committed where that was asked for.</returns>
    public static ValueTask<bool> TellAsync(bool async, DbTransaction transaction, bool commits, CancellationToken cancellationToken)
        => Transactions.TryGetValue(transaction, out var pending) ? pending.TellOthersAsync(async, transaction, commits, cancellationToken) : default;

    /// <summary>Ends a transaction that was begun and has been ended by commands in SQL.</summary>
    /// <returns>Whether there was one that has changed something.</returns>
    public static bool EndIfIdle(DbConnection open)
        => Transactions.TryGetValue(open, out var pending)
            && !ProviderInternals.MayBeInTransaction(open)
            && pending.End(Outcome.Committed).Count > 0;

    private bool HasChanges
    {
        get
        {
            lock (_lock)
                return _changes.Count > 0;
        }
    }

    /// <summary>Adds changes that become visible with the commit.</summary>
    public void Add(Invalidator invalidator, KnownDatabase database, ChangeSet changes)
    {
        lock (_lock)
        {
            if (_ended)
            {
                invalidator.Apply(ChangeOrigin.ThisNode, new RowsWritten(database, changes.ToChanges()));
                return;
            }

            if (!_changes.TryGetValue(database, out var known))
                _changes[database] = known = (invalidator, new ChangeSet());
            known.Changes.Add(changes);
            _translated = null;
            _othersAreTold = false;
            if (!_endIsObserved)
            {
                var change = new RowsWritten(database, changes.ToChanges());
                _closed.Add((invalidator, invalidator.Apply(ChangeOrigin.ThisNode, change, Outcome.Pending)));
            }
        }
    }

    private static PendingChanges Ambient(Transaction transaction)
    {
        var pending = new PendingChanges(transaction, connection: null, endIsObserved: true);
        transaction.TransactionCompleted += (_, e) =>
        {
            var told = pending.End(e.Transaction!.TransactionInformation.Status switch
            {
                TransactionStatus.Committed => Outcome.Committed,
                TransactionStatus.Aborted => Outcome.RolledBack,
                _ => Outcome.InDoubt,
            });
            // The scope's Dispose waits for this.
            foreach (var invalidator in told)
                invalidator.AcknowledgedAsync(async: false).GetAwaiter().GetResult();
        };
        return pending;
    }

    private async ValueTask<bool> TellOthersAsync(bool async, DbTransaction transaction, bool commits, CancellationToken cancellationToken)
    {
        Change change;
        IOtherNodes others;
        lock (_lock)
        {
            // One connection has one database.
            if (_ended || _changes.Count != 1)
                return false;
            var (database, (invalidator, written)) = _changes.First();
            if (invalidator.OtherNodes is not { } nodes || !nodes.PublishesAtCommit(database))
                return false;
            others = nodes;
            change = _translated = Invalidator.Translate(new RowsWritten(database, written.ToChanges()));
            // What comes from now on is not among what is told.
            _othersAreTold = true;
        }

        var areTold = false;
        try
        {
            await others.PublishAtCommitAsync(async, transaction, commits, change, cancellationToken).ConfigureAwait(false);
            return areTold = true;
        }
        finally
        {
            if (!areTold)
            {
                lock (_lock)
                    _othersAreTold = false;
            }
        }
    }

    /// <returns>Those that have told the other nodes of a commit.</returns>
    private IReadOnlyCollection<Invalidator> End(Outcome outcome)
    {
        lock (_lock)
        {
            if (_ended)
                return [];
            _ended = true;
            foreach (var (invalidator, slots) in _closed)
                invalidator.End(slots, outcome);
            foreach (var (database, (invalidator, changes)) in _changes)
            {
                var change = _translated ?? new RowsWritten(database, changes.ToChanges());
                invalidator.Apply(ChangeOrigin.ThisNode, change, outcome, _othersAreTold);
            }

            Transactions.Remove(_transaction);
            return outcome is Outcome.Committed ? [.. _changes.Values.Select(change => change.Invalidator).Distinct()] : [];
        }
    }

    private void OnConnectionState(object sender, StateChangeEventArgs change)
    {
        if (change.CurrentState is not (ConnectionState.Closed or ConnectionState.Broken))
            return;
        ((DbConnection)sender).StateChange -= OnConnectionState;
        // Nobody told of an end: it was rolled back, or committed behind EF Core's back; or the connection broke, perhaps under a commit.
        End(sender is NpgsqlConnection { FullState: ConnectionState.Broken } ? Outcome.InDoubt : Outcome.Committed);
    }
}
