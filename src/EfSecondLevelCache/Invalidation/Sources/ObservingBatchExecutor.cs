using EfSecondLevelCache.Infrastructure;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage;
using Microsoft.EntityFrameworkCore.Update;

namespace EfSecondLevelCache.Invalidation.Sources;

/// <summary>
/// Observes SaveChanges where its commands are final: every table of the mapping is in them, and cascades of the change tracker too. It stands
/// around EF Core's batch executor, which commits the transaction that it began before it returns.
/// </summary>
internal sealed class ObservingBatchExecutor(IBatchExecutor inner, CacheSession session) : IBatchExecutor
{
    public int Execute(IEnumerable<ModificationCommandBatch> commandBatches, IRelationalConnection connection)
    {
        if (session.Cache is null)
            return inner.Execute(commandBatches, connection);

        var write = new ObservedWrite(session);
        try
        {
            return inner.Execute(Observe(commandBatches, write), connection);
        }
        finally
        {
            // Also after a failure: the commit may have succeeded before the answer was lost.
            write.Executed();
        }
    }

    public async Task<int> ExecuteAsync(
        IEnumerable<ModificationCommandBatch> commandBatches, IRelationalConnection connection, CancellationToken cancellationToken = default)
    {
        if (session.Cache is null)
            return await inner.ExecuteAsync(commandBatches, connection, cancellationToken).ConfigureAwait(false);

        var write = new ObservedWrite(session);
        try
        {
            return await inner.ExecuteAsync(Observe(commandBatches, write), connection, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            write.Executed();
        }
    }

    /// <summary>Batches are made one after the other while they are executed, so they are observed on their way.</summary>
    private static IEnumerable<ModificationCommandBatch> Observe(IEnumerable<ModificationCommandBatch> batches, ObservedWrite write)
    {
        foreach (var batch in batches)
        {
            foreach (var command in batch.ModificationCommands)
            {
                if (command.StoreStoredProcedure is not null)
                    write.AddUnknownTables();
                else
                    write.Add(new TableName(command.Schema, command.TableName), deletes: command.EntityState is EntityState.Deleted);
            }

            yield return batch;
        }
    }
}
