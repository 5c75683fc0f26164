using EfSecondLevelCache.Session;
using Microsoft.EntityFrameworkCore.Storage;
using Microsoft.EntityFrameworkCore.Update;

namespace EfSecondLevelCache.EntityFramework.Writes;

/// <summary>Stands around a batch executor in a context that has a cache, with one method for both ways to execute; in another one it is not there.</summary>
internal abstract class CacheBatchExecutor(IBatchExecutor inner, CacheSession session) : IBatchExecutor
{
    protected CacheSession Session => session;

    public int Execute(IEnumerable<ModificationCommandBatch> commandBatches, IRelationalConnection connection)
        => session.Cache is null
            ? inner.Execute(commandBatches, connection)
            : ExecuteAsync(async: false, commandBatches, connection, default).GetAwaiter().GetResult();

    public Task<int> ExecuteAsync(
        IEnumerable<ModificationCommandBatch> commandBatches, IRelationalConnection connection, CancellationToken cancellationToken = default)
        => session.Cache is null
            ? inner.ExecuteAsync(commandBatches, connection, cancellationToken)
            : ExecuteAsync(async: true, commandBatches, connection, cancellationToken);

    /// <param name="async">Whether to wait asynchronously; if not, the task returned is complete.</param>
    /// <param name="commandBatches">Made one after the other while they are executed.</param>
    /// <param name="connection">Over which they are executed.</param>
    /// <param name="cancellationToken">Of SaveChanges.</param>
    protected abstract Task<int> ExecuteAsync(
        bool async, IEnumerable<ModificationCommandBatch> commandBatches, IRelationalConnection connection, CancellationToken cancellationToken);

    /// <summary>Executes by the one inside.</summary>
    protected async Task<int> ExecuteInnerAsync(
        bool async, IEnumerable<ModificationCommandBatch> commandBatches, IRelationalConnection connection, CancellationToken cancellationToken)
        => async
            ? await inner.ExecuteAsync(commandBatches, connection, cancellationToken).ConfigureAwait(false)
            : inner.Execute(commandBatches, connection);
}
