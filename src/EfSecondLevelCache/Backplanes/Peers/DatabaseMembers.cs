using EfSecondLevelCache.Values;
using Npgsql;

namespace EfSecondLevelCache.Backplanes.Peers;

/// <summary>
/// The members as a table of the database has them. Each node has a lease there that it renews; whose lease has run out, by the database's clock, is no
/// member, so that a node that died is not waited for. The states are for people who look: joined, live (it has been connected with all members),
/// suspect (somebody does not hear it), left.
/// </summary>
internal sealed class DatabaseMembers(GivenDatabase given, string self, Guid incarnation) : IPeerMembers
{
    // The columns of the first version stand apart: its table gets the others.
    private const string Create =
        """
        CREATE TABLE IF NOT EXISTS ef_second_level_cache_nodes (
            endpoint text PRIMARY KEY,
            incarnation uuid NOT NULL,
            joined timestamptz NOT NULL DEFAULT clock_timestamp(),
            lease_until timestamptz NOT NULL);
        ALTER TABLE ef_second_level_cache_nodes
            ADD COLUMN IF NOT EXISTS state text NOT NULL DEFAULT 'joined',
            ADD COLUMN IF NOT EXISTS since timestamptz NOT NULL DEFAULT clock_timestamp(),
            ADD COLUMN IF NOT EXISTS suspected_by text,
            ADD COLUMN IF NOT EXISTS suspect_until timestamptz
        """;

    private const string Replace = "DELETE FROM ef_second_level_cache_nodes WHERE endpoint = $1 AND incarnation <> $2";

    private const string Renew =
        """
        INSERT INTO ef_second_level_cache_nodes (endpoint, incarnation, lease_until) VALUES ($1, $2, clock_timestamp() + interval '15 s')
        ON CONFLICT (endpoint) DO UPDATE SET lease_until = excluded.lease_until
        """;

    // Not while somebody suspects it: the state would go to and fro.
    private const string BeLive =
        """
        UPDATE ef_second_level_cache_nodes SET state = 'live', since = clock_timestamp(), suspected_by = NULL, suspect_until = NULL
        WHERE endpoint = $1 AND incarnation = $2 AND state <> 'live' AND (suspect_until IS NULL OR suspect_until < clock_timestamp())
        """;

    // By incarnation: its successor is another one. Two that suspect each other must not wait for each other's row.
    private const string Suspect =
        """
        UPDATE ef_second_level_cache_nodes SET
            since = CASE state WHEN 'suspect' THEN since ELSE clock_timestamp() END,
            state = 'suspect', suspected_by = $1, suspect_until = clock_timestamp() + interval '10 s'
        WHERE endpoint IN (SELECT endpoint FROM ef_second_level_cache_nodes WHERE incarnation = ANY($2) AND state <> 'left' FOR UPDATE SKIP LOCKED)
        """;

    private const string Clean = "DELETE FROM ef_second_level_cache_nodes WHERE lease_until < clock_timestamp() - interval '1 day'";

    private const string Read = "SELECT endpoint, incarnation FROM ef_second_level_cache_nodes WHERE lease_until > clock_timestamp()";

    // Another one of this endpoint may have come by now.
    private const string Leave =
        """
        UPDATE ef_second_level_cache_nodes SET
            state = 'left', since = clock_timestamp(), lease_until = clock_timestamp(), suspected_by = NULL, suspect_until = NULL
        WHERE endpoint = $1 AND incarnation = $2
        """;

    private readonly NpgsqlDataSource _database = given.CreateSource(settings =>
        (settings.MaxPoolSize, settings.Enlist, settings.CommandTimeout, settings.Timeout) = (1, false, 5, 5));

    /// <summary>The members as they were last read, by endpoint.</summary>
    private Dictionary<string, Guid> _members = [];

    public TimeSpan AskAgainAfter { get; } = TimeSpan.FromSeconds(3);

    public async ValueTask<IReadOnlyCollection<string>> GetAsync(PeerView view, CancellationToken cancellationToken)
    {
        try
        {
            try
            {
                _members = await RenewAsync(view, cancellationToken).ConfigureAwait(false);
            }
            catch (PostgresException fault) when (fault.SqlState is PostgresErrorCodes.UndefinedTable or PostgresErrorCodes.UndefinedColumn)
            {
                await CreateAsync(cancellationToken).ConfigureAwait(false);
                _members = await RenewAsync(view, cancellationToken).ConfigureAwait(false);
            }
        }
        catch (PostgresException fault) when (fault.SqlState is PostgresErrorCodes.InsufficientPrivilege)
        {
            throw new InvalidOperationException(
                $"MembersFromDatabase: {fault.MessageText}. The user needs SELECT, INSERT, UPDATE and DELETE on ef_second_level_cache_nodes: GRANT "
                + "them, after a node of a user who may make the table, and owns it, has run once", fault);
        }

        return _members.Keys;
    }

    public async ValueTask LeaveAsync()
    {
        try
        {
            using var batch = _database.CreateBatch();
            batch.BatchCommands.Add(OfSelf(Leave));
            await batch.ExecuteNonQueryAsync().ConfigureAwait(false);
        }
        catch (Exception fault) when (fault is NpgsqlException or TimeoutException or InvalidOperationException)
        {
            // Then the lease runs out.
        }

        await _database.DisposeAsync().ConfigureAwait(false);
    }

    private async Task<Dictionary<string, Guid>> RenewAsync(PeerView view, CancellationToken cancellationToken)
    {
        using var batch = _database.CreateBatch();
        batch.BatchCommands.Add(OfSelf(Replace));
        batch.BatchCommands.Add(OfSelf(Renew));
        if (view.HasBeenLive)
            batch.BatchCommands.Add(OfSelf(BeLive));
        batch.BatchCommands.Add(SuspicionOf(view.Suspects));
        batch.BatchCommands.Add(new NpgsqlBatchCommand(Clean));
        batch.BatchCommands.Add(new NpgsqlBatchCommand(Read));
        var reader = await batch.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
        await using var closing = reader.ConfigureAwait(false);
        var members = new Dictionary<string, Guid>();
        while (await reader.ReadAsync(cancellationToken).ConfigureAwait(false))
            members[reader.GetString(0)] = reader.GetGuid(1);
        return members;
    }

    private async Task CreateAsync(CancellationToken cancellationToken)
    {
        try
        {
            using var create = _database.CreateCommand(Create);
            await create.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (PostgresException fault) when (fault.SqlState is PostgresErrorCodes.UniqueViolation or PostgresErrorCodes.DuplicateTable)
        {
            // Two nodes made it at once.
        }
    }

    private NpgsqlBatchCommand OfSelf(string sql) => new(sql)
    {
        Parameters = { new NpgsqlParameter<string> { TypedValue = self }, new NpgsqlParameter<Guid> { TypedValue = incarnation } },
    };

    private NpgsqlBatchCommand SuspicionOf(IReadOnlyCollection<string> endpoints)
    {
        Guid[] incarnations = [.. endpoints.Where(_members.ContainsKey).Select(endpoint => _members[endpoint])];
        return new NpgsqlBatchCommand(Suspect)
        {
            Parameters = { new NpgsqlParameter<string> { TypedValue = self }, new NpgsqlParameter<Guid[]> { TypedValue = incarnations } },
        };
    }
}
