using System.Data.Common;
using EfSecondLevelCache.Backplanes.SynchronousWrites;
using EfSecondLevelCache.Catalog;
using EfSecondLevelCache.Changes;
using EfSecondLevelCache.Versions;
using Microsoft.EntityFrameworkCore.Storage;
using Microsoft.Extensions.Logging;

namespace EfSecondLevelCache.Backplanes;

/// <summary>The other nodes of a cache: what is published to them, what they tell, and where writes are synchronous the wait for them.</summary>
internal sealed class OtherNodes : IOtherNodes, IAsyncDisposable
{
    private readonly ChangeBroadcast _broadcast;

    /// <summary>Null: a write does not wait.</summary>
    private readonly SynchronousWriting? _waiting;

    /// <param name="options">Of the cache; they name a backplane.</param>
    /// <param name="apply">Takes what the other nodes tell.</param>
    /// <param name="logger">For what is worth a person's attention.</param>
    public OtherNodes(SecondLevelCacheOptions options, Action<Change> apply, ILogger logger)
    {
        _broadcast = new ChangeBroadcast(options.Backplane!.Create(logger), apply, options, logger);
        if (options.SynchronousWrites is { } settings)
            _waiting = new SynchronousWriting(settings, _broadcast, () => apply(Change.Everything), options.TimeProvider, logger);
    }

    public BackplaneStatus Status => _broadcast.Status with { SynchronousWrites = _waiting?.Status };

    /// <summary>Why nothing may be served at this moment; null: it may.</summary>
    public QueryCacheRefusal? RefusalNow()
        => !_broadcast.IsFresh ? Refusals.NodesUnheard
            : _waiting is { HoldsLease: false } ? Refusals.LeaseNotHeld
            : null;

    /// <inheritdoc cref="ChangeBroadcast.Used"/>
    public void Used(KnownDatabase database, IRelationalConnection connection, ILogger logger) => _broadcast.Used(database, connection, logger);

    public Task WaitForLeaseAsync(CancellationToken cancellationToken) => _waiting?.WaitForLeaseAsync(cancellationToken) ?? Task.CompletedTask;

    public void Publish(Change change) => _broadcast.Publish(change);

    public bool PublishesAtCommit(KnownDatabase database) => _broadcast.PublishesAtCommit(database);

    public Task PublishAtCommitAsync(bool async, DbTransaction transaction, bool commits, Change change, CancellationToken cancellationToken)
        => _broadcast.PublishAtCommitAsync(async, transaction, commits, change, cancellationToken);

    public async ValueTask<bool> AcknowledgedAsync(bool async, CancellationToken cancellationToken)
    {
        if (_waiting is null)
            return true;
        var acknowledged = _waiting.AcknowledgedAsync();
        if (!async)
            return acknowledged.Wait(_waiting.LongestWait, CancellationToken.None);
        await acknowledged.WaitAsync(_waiting.LongestWait, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return acknowledged.IsCompleted;
    }

    public async ValueTask DisposeAsync()
    {
        if (_waiting is not null)
            await _waiting.DisposeAsync().ConfigureAwait(false);
        await _broadcast.DisposeAsync().ConfigureAwait(false);
    }
}
