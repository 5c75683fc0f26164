using System.Data.Common;
using EfSecondLevelCache.Catalog;
using Microsoft.EntityFrameworkCore.Storage;
using Microsoft.Extensions.Logging;

namespace EfSecondLevelCache.Backplanes;

/// <summary>A backplane that can publish inside the writer's own transaction, so that a message is sent if and only if the change is committed.</summary>
internal interface ICommitBackplane : IBackplane
{
    /// <summary>A context of the database is used; it may be this one that carries the messages.</summary>
    /// <param name="database">Told once or many times.</param>
    /// <param name="connection">Of the context.</param>
    /// <param name="logger">Of the context.</param>
    void Used(KnownDatabase database, IRelationalConnection connection, ILogger logger);

    /// <summary>Whether it is this database that carries the messages.</summary>
    bool CarriedBy(KnownDatabase database);

    /// <summary>Has the message sent at the commit. Such messages are not lost while the receiver is connected, so they need no number.</summary>
    /// <param name="async">Whether to wait asynchronously; if not, the task returned is complete.</param>
    /// <param name="transaction">Of the writer.</param>
    /// <param name="commits">Whether to commit as well, in the same round trip; if not, the caller does.</param>
    /// <param name="message">Not longer than <see cref="IBackplane.MaxMessageBytes"/>.</param>
    /// <param name="cancellationToken">Of the commit.</param>
    Task PublishAtCommitAsync(bool async, DbTransaction transaction, bool commits, ReadOnlyMemory<byte> message, CancellationToken cancellationToken);
}
