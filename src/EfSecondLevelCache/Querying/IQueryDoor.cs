using System.Data.Common;
using EfSecondLevelCache.Results;

namespace EfSecondLevelCache.Querying;

/// <summary>Where queries come in: executes a command as EF Core would, and makes the readers that its callers get.</summary>
/// <typeparam name="TReader">What EF Core expects there.</typeparam>
internal interface IQueryDoor<TReader>
{
    TReader Serve(CachedResult result);

    /// <summary>Executes as if there were no cache.</summary>
    ValueTask<TReader> ExecuteUncachedAsync(bool async, CancellationToken cancellationToken);

    /// <summary>Executes the command, and asks for its snapshot where the query does.</summary>
    ValueTask<LiveResult> ExecuteAsync(bool async, MissedQuery query, CancellationToken cancellationToken);

    /// <summary>Lets the caller read on in a reader that begins with what was read already.</summary>
    ValueTask<TReader> GoOnAsync(bool async, LiveResult live, DbDataReader reader, CancellationToken cancellationToken);

    /// <summary>The end, with whatever outcome: what was executed is closed, unless the caller reads on.</summary>
    /// <param name="async">Whether to wait asynchronously; if not, the task returned is complete.</param>
    /// <param name="live">The default where nothing was executed.</param>
    ValueTask ReleaseAsync(bool async, LiveResult live);
}

/// <summary>What the database answers.</summary>
/// <param name="Command">As it was executed.</param>
/// <param name="Reader">Of its rows.</param>
/// <param name="IsReadByName">EF Core will find its columns by their names, as it does for raw SQL.</param>
/// <param name="HoldsConnection">A connection was opened for it that has to be closed.</param>
/// <param name="IsHandedOn">The caller reads on.</param>
internal readonly record struct LiveResult(
    DbCommand Command, DbDataReader Reader, bool IsReadByName, bool HoldsConnection = false, bool IsHandedOn = false)
{
    /// <summary>What the door has to dispose of.</summary>
    public object? Owner { get; init; }
}
