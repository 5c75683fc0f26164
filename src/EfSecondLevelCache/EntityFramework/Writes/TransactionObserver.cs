using System.Data.Common;
using EfSecondLevelCache.Changes;
using EfSecondLevelCache.Values;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Npgsql;

namespace EfSecondLevelCache.EntityFramework.Writes;

/// <summary>Observes how the transactions end that EF Core ends. A rollback to a savepoint drops nothing: that removes too much, never too little.</summary>
internal sealed class TransactionObserver : DbTransactionInterceptor
{
    public override DbTransaction TransactionStarted(DbConnection connection, TransactionEndEventData eventData, DbTransaction result)
    {
        ForeignTransactions.Remove(result);
        return result;
    }

    public override ValueTask<DbTransaction> TransactionStartedAsync(
        DbConnection connection, TransactionEndEventData eventData, DbTransaction result, CancellationToken cancellationToken = default)
        => new(TransactionStarted(connection, eventData, result));

    public override DbTransaction TransactionUsed(DbConnection connection, TransactionEventData eventData, DbTransaction result)
    {
        ForeignTransactions.Add(result);
        return result;
    }

    public override ValueTask<DbTransaction> TransactionUsedAsync(
        DbConnection connection, TransactionEventData eventData, DbTransaction result, CancellationToken cancellationToken = default)
        => new(TransactionUsed(connection, eventData, result));

    public override InterceptionResult TransactionCommitting(DbTransaction transaction, TransactionEventData eventData, InterceptionResult result)
    {
        var commits = IsOursToCommit(eventData, result);
        return PendingChanges.TellAsync(async: false, transaction, commits, default).GetAwaiter().GetResult() && commits
            ? InterceptionResult.Suppress()
            : result;
    }

    public override async ValueTask<InterceptionResult> TransactionCommittingAsync(
        DbTransaction transaction, TransactionEventData eventData, InterceptionResult result, CancellationToken cancellationToken = default)
    {
        var commits = IsOursToCommit(eventData, result);
        return await PendingChanges.TellAsync(async: true, transaction, commits, cancellationToken).ConfigureAwait(false) && commits
            ? InterceptionResult.Suppress()
            : result;
    }

    public override void TransactionCommitted(DbTransaction transaction, TransactionEndEventData eventData)
        => PendingChanges.EndAsync(async: false, transaction, Outcome.Committed).GetAwaiter().GetResult();

    public override Task TransactionCommittedAsync(
        DbTransaction transaction, TransactionEndEventData eventData, CancellationToken cancellationToken = default)
        => PendingChanges.EndAsync(async: true, transaction, Outcome.Committed, cancellationToken).AsTask();

    public override void TransactionRolledBack(DbTransaction transaction, TransactionEndEventData eventData)
        => PendingChanges.EndAsync(async: false, transaction, Outcome.RolledBack).GetAwaiter().GetResult();

    public override Task TransactionRolledBackAsync(
        DbTransaction transaction, TransactionEndEventData eventData, CancellationToken cancellationToken = default)
        => PendingChanges.EndAsync(async: true, transaction, Outcome.RolledBack).AsTask();

    public override void TransactionFailed(DbTransaction transaction, TransactionErrorEventData eventData)
        => FailedAsync(async: false, transaction, eventData).GetAwaiter().GetResult();

    public override Task TransactionFailedAsync(
        DbTransaction transaction, TransactionErrorEventData eventData, CancellationToken cancellationToken = default)
        => FailedAsync(async: true, transaction, eventData).AsTask();

    /// <summary>Whether no other interceptor would find the transaction committed already.</summary>
    private bool IsOursToCommit(TransactionEventData eventData, InterceptionResult result)
        => !result.IsSuppressed && eventData.Context?.GetService<IInterceptors>().Aggregate<IDbTransactionInterceptor>() == this;

    /// <summary>Where the server itself refused to commit, it has rolled back. Else it may have committed before the answer was lost, or may yet.</summary>
    private static ValueTask FailedAsync(bool async, DbTransaction transaction, TransactionErrorEventData eventData) => eventData switch
    {
        { Action: "Commit", Exception: not PostgresException { InvariantSeverity: "ERROR" } }
            => PendingChanges.EndAsync(async, transaction, Outcome.InDoubt),
        { Action: "Commit" or "Rollback" } => PendingChanges.EndAsync(async, transaction, Outcome.RolledBack),
        _ => default,
    };
}
