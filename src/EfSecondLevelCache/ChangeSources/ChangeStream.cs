using Npgsql;

namespace EfSecondLevelCache.ChangeSources;

/// <summary>
/// A connection over which the database tells what was changed, in the order in which it became visible. It is used on threads that may wait, and
/// nothing that it does once it is open waits for a thread of the pool.
/// </summary>
internal abstract class ChangeStream : IDisposable
{
    /// <summary>How far it has read, for people.</summary>
    public abstract string? Position { get; }

    /// <summary>A query of the OIDs of the tables whose changes are told.</summary>
    public abstract string CapturedTablesSql { get; }

    /// <summary>When this returns, every change that commits from now on will be told.</summary>
    /// <param name="side">Another connection to the same database, to ask by.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public abstract void Open(NpgsqlConnection side, CancellationToken cancellationToken);

    /// <summary>What tells of the changes is not what this version of the cache would install; known once it is open.</summary>
    public virtual bool IsOutdated => false;

    /// <summary>Tells the source what it reads, until the connection ends, which it does with an exception.</summary>
    public abstract void Read(ChangeSource source, CancellationToken cancellationToken);

    /// <summary>A statement that sends a number through the stream, behind every change that is visible when it is executed.</summary>
    public abstract string HeartbeatSql(long number);

    public abstract void Dispose();
}
