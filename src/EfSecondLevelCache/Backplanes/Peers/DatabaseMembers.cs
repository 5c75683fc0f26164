using Npgsql;

namespace EfSecondLevelCache.Backplanes.Peers;

/// <summary>
/// The members as a table of the database has them. Each node has a lease there that it renews; whose lease has run out, by the database's clock, is no
/// member, so that a node that died is not waited for.
/// </summary>
internal sealed class DatabaseMembers(string connectionString, string self, Guid incarnation) : IPeerMembers
{
    private const string Create =
        """
        CREATE TABLE IF NOT EXISTS ef_second_level_cache_nodes (
            endpoint text PRIMARY KEY,
            incarnation uuid NOT NULL,
            joined timestamptz NOT NULL DEFAULT clock_timestamp(),
            lease_until timestamptz NOT NULL)
        """;

    private const string Renew =
        """
        INSERT INTO ef_second_level_cache_nodes (endpoint, incarnation, lease_until) VALUES ($1, $2, clock_timestamp() + interval '15 s')
        ON CONFLICT (endpoint) DO UPDATE SET
            joined = CASE WHEN ef_second_level_cache_nodes.incarnation = $2 THEN ef_second_level_cache_nodes.joined ELSE clock_timestamp() END,
            incarnation = $2,
            lease_until = excluded.lease_until
        """;

    private const string Read = "SELECT endpoint FROM ef_second_level_cache_nodes WHERE lease_until > clock_timestamp()";

    private const string Clean = "DELETE FROM ef_second_level_cache_nodes WHERE lease_until < clock_timestamp() - interval '1 day'";

    // Another one of this endpoint may have come by now.
    private const string Leave = "DELETE FROM ef_second_level_cache_nodes WHERE endpoint = $1 AND incarnation = $2";

    private readonly NpgsqlDataSource _database = NpgsqlDataSource.Create(
        new NpgsqlConnectionStringBuilder(connectionString) { MaxPoolSize = 1, Enlist = false, CommandTimeout = 5, Timeout = 5 });

    private bool _isCreated;

    public TimeSpan AskAgainAfter { get; } = TimeSpan.FromSeconds(3);

    public async ValueTask<IReadOnlyCollection<string>> GetAsync(CancellationToken cancellationToken)
    {
        if (!_isCreated)
        {
            await CreateAsync(cancellationToken).ConfigureAwait(false);
            _isCreated = true;
        }

        await using var batch = _database.CreateBatch();
        batch.BatchCommands.Add(OfSelf(Renew));
        batch.BatchCommands.Add(new NpgsqlBatchCommand(Clean));
        batch.BatchCommands.Add(new NpgsqlBatchCommand(Read));
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
        var members = new List<string>();
        while (await reader.ReadAsync(cancellationToken).ConfigureAwait(false))
            members.Add(reader.GetString(0));
        return members;
    }

    public async ValueTask LeaveAsync()
    {
        try
        {
            await using var batch = _database.CreateBatch();
            batch.BatchCommands.Add(OfSelf(Leave));
            await batch.ExecuteNonQueryAsync().ConfigureAwait(false);
        }
        catch (Exception fault) when (fault is NpgsqlException or TimeoutException or InvalidOperationException)
        {
            // Then the lease runs out.
        }

        await _database.DisposeAsync().ConfigureAwait(false);
    }

    private async Task CreateAsync(CancellationToken cancellationToken)
    {
        try
        {
            await using var create = _database.CreateCommand(Create);
            await create.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (PostgresException fault) when (fault.SqlState is PostgresErrorCodes.UniqueViolation or PostgresErrorCodes.InsufficientPrivilege)
        {
            // Two nodes made it at once, or another one has: the next statement tells.
        }
    }

    private NpgsqlBatchCommand OfSelf(string sql) => new(sql)
    {
        Parameters = { new NpgsqlParameter<string> { TypedValue = self }, new NpgsqlParameter<Guid> { TypedValue = incarnation } },
    };
}
