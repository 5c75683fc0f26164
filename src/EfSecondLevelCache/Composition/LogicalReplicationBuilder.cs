using System.Text;
using EfSecondLevelCache.Values;
using Npgsql;

namespace EfSecondLevelCache;

/// <summary>Configures <see cref="SecondLevelCacheOptionsBuilder.UseLogicalReplication"/>.</summary>
public sealed class LogicalReplicationBuilder
{
    private const int LongestName = 63;

    internal LogicalReplicationBuilder()
    {
    }

    internal ChangeSourceOptions Options { get; private set; } = new(ChangeSourceKind.LogicalReplication);

    /// <summary>
    /// Of a user with the attribute REPLICATION. Default: the context's own. A pooler can't be in between. The database is always the one that
    /// the context names.
    /// </summary>
    /// <param name="connectionString">To the same server, directly.</param>
    /// <exception cref="ArgumentException"><paramref name="connectionString"/> is blank or can't be used.</exception>
    public LogicalReplicationBuilder ConnectionString(string connectionString)
    {
        Options = Options with { Server = GivenDatabase.Of(connectionString, "UseLogicalReplication: ConnectionString", nameof(connectionString)) };
        return this;
    }

    /// <summary>The publication that names the tables. Default: <c>second_level_cache</c>, which <c>EnsureChangeCaptureAsync()</c> makes.</summary>
    /// <param name="name">In the exact case of the catalog.</param>
    /// <exception cref="ArgumentException"><paramref name="name"/> is null, empty, blank, has a quote in it, or more than 63 bytes.</exception>
    public LogicalReplicationBuilder Publication(string name)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        if (name.AsSpan().ContainsAny('"', '\''))
            throw new ArgumentException($"Publication is {name}; a name with a quote can't be told to the server.", nameof(name));
        if (Encoding.UTF8.GetByteCount(name) > LongestName)
            throw new ArgumentException($"Publication is {name}; PostgreSQL would cut a name of more than {LongestName} bytes.", nameof(name));
        Options = Options with { Publication = name };
        return this;
    }

    /// <summary>The server as with <see cref="ConnectionString"/>, by a data source whose password may change: each connection asks for it.</summary>
    /// <param name="dataSource">For the same server, directly. It is not disposed with the cache.</param>
    public LogicalReplicationBuilder DataSource(NpgsqlDataSource dataSource)
    {
        Options = Options with { Server = GivenDatabase.Of(dataSource) };
        return this;
    }

    /// <summary>How often the source is asked whether it still tells everything. Default: a quarter of <c>MaxStaleness</c>.</summary>
    /// <param name="interval">At least 10 ms, and less than <c>MaxStaleness</c>.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="interval"/> is below 10 ms.</exception>
    public LogicalReplicationBuilder HeartbeatInterval(TimeSpan interval)
    {
        Options = Options with { HeartbeatInterval = HeartbeatRange.Check(interval) };
        return this;
    }

    /// <summary>
    /// Caches queries of tables that are not published too: their results see the writes of this process and else live until their time is up.
    /// Default: such queries are not cached.
    /// </summary>
    /// <param name="enabled">False takes it back.</param>
    public LogicalReplicationBuilder CacheUncapturedTables(bool enabled = true)
    {
        Options = Options with { CachesUncaptured = enabled };
        return this;
    }

    /// <summary>Leaves out the snapshot rule, for a test that shows what it is for.</summary>
    internal LogicalReplicationBuilder WithoutSnapshotRule()
    {
        Options = Options with { ChecksSnapshots = false };
        return this;
    }
}
