using EfSecondLevelCache.Values;
using Microsoft.Extensions.Logging;

namespace EfSecondLevelCache.Catalog;

/// <summary>Who tells of everybody's writes to a database, as the queries of the database see it.</summary>
internal interface IDatabaseSource
{
    /// <summary>What it tells may not be visible yet, so that a query has to say what it sees.</summary>
    bool TellsEarly { get; }

    /// <summary>Why nothing of the database may be served at this moment; null: it may.</summary>
    QueryCacheRefusal? RefusalNow();

    /// <summary>Why results from these tables may not be kept; null: they may.</summary>
    /// <param name="database">From which they were read.</param>
    /// <param name="tables">Null: not all of them are known.</param>
    /// <param name="logger">Of the context that asks.</param>
    QueryCacheRefusal? RefusalOf(KnownDatabase database, IReadOnlyCollection<Relation>? tables, ILogger logger);

    /// <summary>Why what is served may be older than what a token stands for; null: it is not.</summary>
    QueryCacheRefusal? RefusalOf(ChangeToken token);

    /// <summary>Waits shortly until what a token stands for has been told.</summary>
    ValueTask CatchUpAsync(bool async, ChangeToken token, CancellationToken cancellationToken);

    /// <summary>
    /// The changes that were told already and that are not in a result that will be read under this snapshot, or a later one. To be
    /// asked before it is read.
    /// </summary>
    /// <param name="snapshot">As PostgreSQL writes it.</param>
    /// <param name="askedAt">When it was asked for.</param>
    IReadOnlyCollection<TableChange> UnseenBy(string snapshot, long askedAt);

    /// <summary>Something has changed that it may have waited for. Where it is lost it connects again now, which is not waited for.</summary>
    Task LookAgainAsync(CancellationToken cancellationToken);

    /// <summary>Somebody has found the database on this timeline.</summary>
    void FoundOn(uint timeline);
}
