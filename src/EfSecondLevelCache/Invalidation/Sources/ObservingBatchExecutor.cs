using EfSecondLevelCache.Infrastructure;
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

        var executed = new List<ModificationCommandBatch>();
        var failed = true;
        try
        {
            var rows = inner.Execute(Observe(commandBatches, executed), connection);
            failed = false;
            return rows;
        }
        finally
        {
            Written(executed, failed);
        }
    }

    public async Task<int> ExecuteAsync(
        IEnumerable<ModificationCommandBatch> commandBatches, IRelationalConnection connection, CancellationToken cancellationToken = default)
    {
        if (session.Cache is null)
            return await inner.ExecuteAsync(commandBatches, connection, cancellationToken).ConfigureAwait(false);

        var executed = new List<ModificationCommandBatch>();
        var failed = true;
        try
        {
            var rows = await inner.ExecuteAsync(Observe(commandBatches, executed), connection, cancellationToken).ConfigureAwait(false);
            failed = false;
            return rows;
        }
        finally
        {
            Written(executed, failed);
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

    /// <summary>Also after a failure: the commit may have succeeded before the answer was lost.</summary>
    private void Written(List<ModificationCommandBatch> executed, bool failed)
    {
        var write = new ObservedWrite(session);
        foreach (var command in executed.SelectMany(batch => batch.ModificationCommands))
            write.Add(command, failed);
        write.Executed();
    }
}
