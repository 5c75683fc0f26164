using EfSecondLevelCache.Session;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage;
using Microsoft.EntityFrameworkCore.Update;

namespace EfSecondLevelCache.EntityFramework.Writes;

/// <summary>
/// Gives SaveChanges a transaction where it has none and the transaction is to tell the other nodes: a single statement commits by itself, and then it
/// is too late.
/// </summary>
internal sealed class NotifyingBatchExecutor(IBatchExecutor inner, CacheSession session) : IBatchExecutor
{
    public int Execute(IEnumerable<ModificationCommandBatch> commandBatches, IRelationalConnection connection)
    {
        if (!NeedsTransaction())
            return inner.Execute(commandBatches, connection);
        using var savepoints = new WithoutSavepoints(session.Context);
        using var transaction = connection.BeginTransaction();
        var rows = inner.Execute(commandBatches, connection);
        transaction.Commit();
        return rows;
    }

    public async Task<int> ExecuteAsync(
        IEnumerable<ModificationCommandBatch> commandBatches, IRelationalConnection connection, CancellationToken cancellationToken = default)
    {
        if (!NeedsTransaction())
            return await inner.ExecuteAsync(commandBatches, connection, cancellationToken).ConfigureAwait(false);
        using var savepoints = new WithoutSavepoints(session.Context);
        var transaction = await connection.BeginTransactionAsync(cancellationToken).ConfigureAwait(false);
        await using var closing = transaction.ConfigureAwait(false);
        var rows = await inner.ExecuteAsync(commandBatches, connection, cancellationToken).ConfigureAwait(false);
        await transaction.CommitAsync(cancellationToken).ConfigureAwait(false);
        return rows;
    }

    private bool NeedsTransaction()
        => session.SecondLevelCache?.Invalidator.OtherNodes is { } others
            && session.FindKnown() is { } database
            && others.PublishesAtCommit(database)
            && !session.IsInTransaction
            && session.Context.Database.AutoTransactionBehavior is not AutoTransactionBehavior.Never;

    /// <summary>EF Core would make one for each SaveChanges inside a transaction, which nobody can return to here.</summary>
    private readonly struct WithoutSavepoints : IDisposable
    {
        private readonly DbContext _context;
        private readonly bool _before;

        public WithoutSavepoints(DbContext context)
        {
            _context = context;
            _before = context.Database.AutoSavepointsEnabled;
            context.Database.AutoSavepointsEnabled = false;
        }

        public void Dispose() => _context.Database.AutoSavepointsEnabled = _before;
    }
}
