using Microsoft.EntityFrameworkCore;

namespace EfSecondLevelCache.Node;

/// <summary>What a node is told when it starts.</summary>
public sealed record NodeSettings
{
    /// <summary>The same for all processes that are started as this node one after the other.</summary>
    public required int Node { get; init; }

    public required string ConnectionString { get; init; }

    /// <summary>The file that takes what it does.</summary>
    public string History { get; init; } = "";

    /// <summary>No other process of the history writes values from here on.</summary>
    public long FirstValue { get; init; }

    /// <summary>
    /// It writes only what tells its rows. What else it wrote would remove nearly everything from its own cache, and then a node that hears nothing of
    /// the others could not be told from one that does.
    /// </summary>
    public bool TellsRows { get; init; }

    public TimeSpan? MaxStaleness { get; init; }

    /// <summary>Of synchronous writes; null: a write waits for nobody.</summary>
    public TimeSpan? Lease { get; init; }

    /// <summary>Peers: where it listens.</summary>
    public string? Listen { get; init; }

    /// <summary>Peers: where it says that it is found.</summary>
    public string? Advertise { get; init; }

    /// <summary>Peers: where it finds the others.</summary>
    public string[] Members { get; init; } = [];

    /// <summary>The configuration of Redis, where that is the backplane.</summary>
    public string? Redis { get; init; }

    /// <summary>The connection string of the backplane, where that is PostgreSQL.</summary>
    public string? Postgres { get; init; }

    internal void Configure(SecondLevelCacheOptionsBuilder cache)
    {
        cache.CacheAllQueries().UnknownOutcomeTimeout(TimeSpan.FromSeconds(1));
        if (MaxStaleness is { } maxStaleness)
            cache.MaxStaleness(maxStaleness);
        if (Lease is { } lease)
            cache.SynchronousWrites(ConnectionString, lease);
        if (Redis is not null)
            cache.UseRedis(Redis);
        else if (Postgres is not null)
            cache.UsePostgresBackplane(Postgres);
        else
            cache.UsePeers(peers => peers.SharedSecret("correct horse battery staple").Listen(Listen!).Advertise(Advertise!).Members(Members));
    }
}
