using EfSecondLevelCache.Session;
using Microsoft.EntityFrameworkCore.Storage;
using Microsoft.EntityFrameworkCore.Update;

namespace EfSecondLevelCache.EntityFramework.Writes;

/// <summary>
/// Observes SaveChanges where its commands are final: every table of the mapping is in them, and cascades of the change tracker too. It stands
/// around EF Core's batch executor, which commits the transaction that it began before it returns.
/// </summary>
internal sealed class ObservingBatchExecutor(IBatchExecutor inner, CacheSession session) : CacheBatchExecutor(inner, session)
{
    protected override async Task<int> ExecuteAsync(
        bool async, IEnumerable<ModificationCommandBatch> commandBatches, IRelationalConnection connection, CancellationToken cancellationToken)
    {
        var write = new ObservedWrite(Session, connection);
        await write.BeginAsync(async, cancellationToken).ConfigureAwait(false);
        var executed = new List<ModificationCommandBatch>();
        var succeeded = false;
        try
        {
            var rows = await ExecuteInnerAsync(async, Observe(commandBatches, executed), connection, cancellationToken).ConfigureAwait(false);
            succeeded = true;
            return rows;
        }
        finally
        {
            write.Add(executed.SelectMany(batch => batch.ModificationCommands), succeeded);
            await write.EndAsync(async, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Batches are made one after the other while they are executed, so they are observed on their way.</summary>
    private static IEnumerable<ModificationCommandBatch> Observe(
        IEnumerable<ModificationCommandBatch> batches, List<ModificationCommandBatch> executed)
    {
        foreach (var batch in batches)
        {
            executed.Add(batch);
            yield return batch;
        }
    }
}
