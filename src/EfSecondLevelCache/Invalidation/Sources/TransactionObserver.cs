using System.Data.Common;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Npgsql;

namespace EfSecondLevelCache.Invalidation.Sources;

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
        PendingChanges.TellAsync(async: false, transaction, default).GetAwaiter().GetResult();
        return result;
    }

    public override async ValueTask<InterceptionResult> TransactionCommittingAsync(
        DbTransaction transaction, TransactionEventData eventData, InterceptionResult result, CancellationToken cancellationToken = default)
    {
        await PendingChanges.TellAsync(async: true, transaction, cancellationToken).ConfigureAwait(false);
        return result;
    }

    public override void TransactionCommitted(DbTransaction transaction, TransactionEndEventData eventData)
        => PendingChanges.End(transaction, Outcome.Committed);

    public override Task TransactionCommittedAsync(
        DbTransaction transaction, TransactionEndEventData eventData, CancellationToken cancellationToken = default)
    {
        PendingChanges.End(transaction, Outcome.Committed);
        return Task.CompletedTask;
    }

    public override void TransactionRolledBack(DbTransaction transaction, TransactionEndEventData eventData)
        => PendingChanges.End(transaction, Outcome.RolledBack);

    public override Task TransactionRolledBackAsync(
        DbTransaction transaction, TransactionEndEventData eventData, CancellationToken cancellationToken = default)
    {
        PendingChanges.End(transaction, Outcome.RolledBack);
        return Task.CompletedTask;
    }

    public override void TransactionFailed(DbTransaction transaction, TransactionErrorEventData eventData)
        => Failed(transaction, eventData);

    public override Task TransactionFailedAsync(
        DbTransaction transaction, TransactionErrorEventData eventData, CancellationToken cancellationToken = default)
    {
        Failed(transaction, eventData);
        return Task.CompletedTask;
    }

    private static void Failed(DbTransaction transaction, TransactionErrorEventData eventData)
    {
        // Where the server itself refused to commit, it has rolled back. Else it may have committed before the answer was lost, or may yet.
        if (eventData.Action is "Commit")
            PendingChanges.End(transaction, eventData.Exception is PostgresException { InvariantSeverity: "ERROR" } ? Outcome.RolledBack : Outcome.Unknown);
        else if (eventData.Action is "Rollback")
            PendingChanges.End(transaction, Outcome.RolledBack);
    }
}
