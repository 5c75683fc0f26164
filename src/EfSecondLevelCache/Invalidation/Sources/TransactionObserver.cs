using System.Data.Common;
using Microsoft.EntityFrameworkCore.Diagnostics;

namespace EfSecondLevelCache.Invalidation.Sources;

/// <summary>Observes how the transactions end that EF Core ends. A rollback to a savepoint drops nothing: that removes too much, never too little.</summary>
internal sealed class TransactionObserver : DbTransactionInterceptor
{
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
        => PendingChanges.Release(transaction);

    public override Task TransactionCommittedAsync(
        DbTransaction transaction, TransactionEndEventData eventData, CancellationToken cancellationToken = default)
    {
        PendingChanges.Release(transaction);
        return Task.CompletedTask;
    }

    public override void TransactionRolledBack(DbTransaction transaction, TransactionEndEventData eventData)
        => PendingChanges.Drop(transaction);

    public override Task TransactionRolledBackAsync(
        DbTransaction transaction, TransactionEndEventData eventData, CancellationToken cancellationToken = default)
    {
        PendingChanges.Drop(transaction);
        return Task.CompletedTask;
    }

    // A commit that failed may have succeeded before the answer was lost.
    public override void TransactionFailed(DbTransaction transaction, TransactionErrorEventData eventData)
        => PendingChanges.Release(transaction);

    public override Task TransactionFailedAsync(
        DbTransaction transaction, TransactionErrorEventData eventData, CancellationToken cancellationToken = default)
    {
        PendingChanges.Release(transaction);
        return Task.CompletedTask;
    }
}
