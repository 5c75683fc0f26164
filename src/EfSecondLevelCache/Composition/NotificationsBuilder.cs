using EfSecondLevelCache.Values;
using Npgsql;

namespace EfSecondLevelCache;

/// <summary>Configures <see cref="SecondLevelCacheOptionsBuilder.UseNotifications"/>.</summary>
public sealed class NotificationsBuilder
{
    internal NotificationsBuilder()
    {
    }

    internal ChangeSourceOptions Options { get; private set; } = new(ChangeSourceKind.Notifications);

    /// <summary>
    /// Where to listen. Default: the context's own connection string. It is needed where that leads through a pooler that pools transactions
    /// (pgbouncer), over which nobody can listen. The database is always the one that the context names.
    /// </summary>
    /// <param name="connectionString">To the same server, directly.</param>
    /// <exception cref="ArgumentException"><paramref name="connectionString"/> is blank or can't be used.</exception>
    public NotificationsBuilder ConnectionString(string connectionString)
    {
        Options = Options with { Server = GivenDatabase.Of(connectionString, "UseNotifications: ConnectionString", nameof(connectionString)) };
        return this;
    }

    /// <summary>The server as with <see cref="ConnectionString"/>, by a data source whose password may change: each connection asks for it.</summary>
    /// <param name="dataSource">For the same server, directly. It is not disposed with the cache.</param>
    public NotificationsBuilder DataSource(NpgsqlDataSource dataSource)
    {
        Options = Options with { Server = GivenDatabase.Of(dataSource) };
        return this;
    }

    /// <summary>How often the source is asked whether it still tells everything. Default: a quarter of <c>MaxStaleness</c>.</summary>
    /// <param name="interval">At least 10 ms, and less than <c>MaxStaleness</c>.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="interval"/> is below 10 ms.</exception>
    public NotificationsBuilder HeartbeatInterval(TimeSpan interval)
    {
        Options = Options with { HeartbeatInterval = HeartbeatRange.Check(interval) };
        return this;
    }

    /// <summary>
    /// Caches queries of tables that have no capture triggers too: their results see the writes of this process and else live until their time
    /// is up. Default: such queries are not cached.
    /// </summary>
    /// <param name="enabled">False takes it back.</param>
    public NotificationsBuilder CacheUncapturedTables(bool enabled = true)
    {
        Options = Options with { CachesUncaptured = enabled };
        return this;
    }
}
