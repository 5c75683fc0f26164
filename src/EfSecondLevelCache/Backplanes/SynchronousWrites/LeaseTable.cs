using System.Collections.Concurrent;
using EfSecondLevelCache.Values;
using Npgsql;
using NpgsqlTypes;

namespace EfSecondLevelCache.Backplanes.SynchronousWrites;

/// <summary>
/// The leases of all nodes, in a table of the database. A node renews its lease; who fences it makes that impossible, and has then only to wait for as
/// long as a lease lasts. Nothing depends on clocks that agree: each node counts that time by its own. The database's clock only tells whose
/// lease was not renewed for so long that it may as well be fenced.
/// </summary>
internal sealed class LeaseTable(GivenDatabase given, TimeSpan lasts) : IAsyncDisposable
{
    // Logged: after a crash of the server every lease has to be there.
    private const string Create =
        """
        CREATE TABLE IF NOT EXISTS ef_second_level_cache_leases (
            id uuid PRIMARY KEY,
            node uuid NOT NULL,
            name text NOT NULL,
            lasts interval NOT NULL,
            renewed timestamptz NOT NULL DEFAULT clock_timestamp(),
            fenced boolean NOT NULL DEFAULT false)
        """;

    private const string Insert = "INSERT INTO ef_second_level_cache_leases (id, node, name, lasts) VALUES ($1, $2, $3, $4)";

    private const string Renew = "UPDATE ef_second_level_cache_leases SET renewed = clock_timestamp() WHERE id = $1 AND NOT fenced";

    private const string Fence = "UPDATE ef_second_level_cache_leases SET fenced = true WHERE id = ANY ($1) RETURNING id";

    private const string FenceOverdue =
        "UPDATE ef_second_level_cache_leases SET fenced = true WHERE NOT fenced AND renewed < clock_timestamp() - lasts";

    private const string Read = "SELECT id, node, name, lasts, fenced FROM ef_second_level_cache_leases";

    private const string Delete = "DELETE FROM ef_second_level_cache_leases WHERE id = ANY ($1)";

    private readonly NpgsqlDataSource _database = given.CreateSource(settings =>
    {
        // A writer that asks must not wait for a renewal.
        settings.MaxPoolSize = 2;
        settings.Enlist = false;
        settings.CommandTimeout = Math.Max(1, (int)lasts.TotalSeconds);
        settings.Timeout = Math.Max(1, (int)lasts.TotalSeconds);
        settings.ApplicationName = "EfSecondLevelCache leases";
        // A fence that a crash undoes would be none.
        settings.Options = "-c synchronous_commit=on -c default_transaction_isolation=read\\ committed";
    });

    /// <summary>When this node first knew of it, by its own clock.</summary>
    private readonly ConcurrentDictionary<Guid, long> _fencedAt = new();

    private volatile bool _isCreated;

    /// <summary>How long a lease of this node lasts.</summary>
    public TimeSpan Lasts => lasts;

    public async Task<IReadOnlyList<NodeLeaseRow>> ReadAsync(CancellationToken cancellationToken)
    {
        if (!_isCreated)
            await CreateAsync(cancellationToken).ConfigureAwait(false);

        using var batch = _database.CreateBatch();
        batch.BatchCommands.Add(new NpgsqlBatchCommand(FenceOverdue));
        batch.BatchCommands.Add(new NpgsqlBatchCommand(Read));
        var reader = await batch.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
        await using var closing = reader.ConfigureAwait(false);
        var rows = new List<NodeLeaseRow>();
        while (await reader.ReadAsync(cancellationToken).ConfigureAwait(false))
        {
            var row = new NodeLeaseRow(
                reader.GetGuid(0), reader.GetGuid(1), reader.GetString(2), reader.GetTimeSpan(3), IsFenced: reader.GetBoolean(4));
            rows.Add(row);
            if (row.IsFenced)
                _fencedAt.TryAdd(row.Id, Now);
        }

        foreach (var gone in _fencedAt.Keys.Except(rows.Select(row => row.Id)))
            _fencedAt.TryRemove(gone, out _);
        return rows;
    }

    public Task InsertAsync(Guid id, Guid node, string name, CancellationToken cancellationToken)
        => ExecuteAsync(
            Insert,
            cancellationToken,
            Parameter(id),
            Parameter(node),
            Parameter(name),
            new NpgsqlParameter<TimeSpan> { TypedValue = lasts, NpgsqlDbType = NpgsqlDbType.Interval });

    /// <summary>False: it was fenced.</summary>
    public async Task<bool> RenewAsync(Guid id, CancellationToken cancellationToken)
        => await ExecuteAsync(Renew, cancellationToken, Parameter(id)).ConfigureAwait(false) == 1;

    /// <summary>Makes it impossible that these are renewed.</summary>
    /// <returns>Those that are still there; who has taken the others away has stopped serving, or has waited them out.</returns>
    public async Task<IReadOnlyCollection<Guid>> FenceAsync(Guid[] ids, CancellationToken cancellationToken)
    {
        using var command = _database.CreateCommand(Fence);
        command.Parameters.Add(Parameter(ids));
        var reader = await command.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
        await using var closing = reader.ConfigureAwait(false);
        var fenced = new List<Guid>();
        while (await reader.ReadAsync(cancellationToken).ConfigureAwait(false))
            fenced.Add(reader.GetGuid(0));
        foreach (var id in fenced)
            _fencedAt.TryAdd(id, Now);
        return fenced;
    }

    /// <summary>Whether nobody serves any more under a lease that is fenced.</summary>
    public bool HasRunOut(NodeLeaseRow fenced)
        => !_fencedAt.TryGetValue(fenced.Id, out var at) || TimeProvider.System.GetElapsedTime(at) >= fenced.Lasts;

    public Task DeleteAsync(Guid[] ids, CancellationToken cancellationToken) => ExecuteAsync(Delete, cancellationToken, Parameter(ids));

    public ValueTask DisposeAsync() => _database.DisposeAsync();

    private static long Now => TimeProvider.System.GetTimestamp();

    private static NpgsqlParameter<T> Parameter<T>(T value) => new() { TypedValue = value };

    private async Task CreateAsync(CancellationToken cancellationToken)
    {
        try
        {
            await ExecuteAsync(Create, cancellationToken).ConfigureAwait(false);
        }
        catch (PostgresException fault) when (fault.SqlState is PostgresErrorCodes.UniqueViolation or PostgresErrorCodes.InsufficientPrivilege)
        {
            // Two nodes made it at once, or another one has: the next statement tells.
        }

        _isCreated = true;
    }

    private async Task<int> ExecuteAsync(string sql, CancellationToken cancellationToken, params NpgsqlParameter[] parameters)
    {
        using var command = _database.CreateCommand(sql);
        command.Parameters.AddRange(parameters);
        return await command.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
    }
}

/// <summary>A node's lease.</summary>
/// <param name="Id">Of the lease: a node that was fenced takes another one.</param>
/// <param name="Node">The incarnation of its cache.</param>
/// <param name="Name">For people.</param>
/// <param name="Lasts">From its last renewal.</param>
/// <param name="IsFenced">It can't be renewed any more.</param>
internal sealed record NodeLeaseRow(Guid Id, Guid Node, string Name, TimeSpan Lasts, bool IsFenced);
