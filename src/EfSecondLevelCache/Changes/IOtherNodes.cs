using System.Data.Common;
using EfSecondLevelCache.Catalog;
using EfSecondLevelCache.Versions;

namespace EfSecondLevelCache.Changes;

/// <summary>The other nodes of the application, as the flow of a change sees them.</summary>
internal interface IOtherNodes
{
    /// <summary>Tells them of a change that can be seen by everybody. It neither blocks nor fails.</summary>
    void Publish(Change change);

    /// <summary>Whether changes of this database are told by <see cref="PublishAtCommitAsync"/>.</summary>
    bool PublishesAtCommit(KnownDatabase database);

    /// <summary>Has the transaction tell them of a change when it commits, which it does here where that is asked for.</summary>
    Task PublishAtCommitAsync(bool async, DbTransaction transaction, bool commits, Change change, CancellationToken cancellationToken);

    /// <summary>Waits until none of them serves anything from before what was published, where writes are synchronous.</summary>
    /// <param name="async">Whether to wait asynchronously; if not, the task returned is complete.</param>
    /// <param name="cancellationToken">Ends the wait, and is no error.</param>
    /// <returns>False: the wait was ended.</returns>
    ValueTask<bool> AcknowledgedAsync(bool async, CancellationToken cancellationToken);
}
