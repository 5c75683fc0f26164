using System.Data.Common;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace EfSecondLevelCache.Backplanes.Postgres;

/// <summary>
/// LISTEN and NOTIFY. What is changed inside a transaction that EF Core ends is told by that transaction itself; the rest, and the heartbeats, over a
/// connection of its own.
/// </summary>
internal sealed class PostgresBackplane : ChannelBackplane, ICommitBackplane
{
    private const string Channel = "ef_second_level_cache";
    private const string Notify = $"SELECT pg_catalog.pg_notify('{Channel}', $1)";

    private readonly NpgsqlDataSource _database;
    private readonly string _databaseName;

    public PostgresBackplane(string connectionString, ILogger logger)
        : base(logger)
    {
        var settings = new NpgsqlConnectionStringBuilder(connectionString)
        {
            Enlist = false,
            Pooling = true,
            MaxPoolSize = 2,
            CommandTimeout = 5,
            Timeout = 5,
            ApplicationName = "EfSecondLevelCache backplane",
        };
        _database = NpgsqlDataSource.Create(settings);
        _databaseName = settings.Database ?? settings.Username ?? "";
    }

    /// <summary>A payload has less than 8,000 bytes, and four of Base64 carry three.</summary>
    public override int MaxMessageBytes => 7_996 / 4 * 3;

    public bool CarriedBy(string database) => database == _databaseName;

    public async Task PublishAtCommitAsync(bool async, DbTransaction transaction, ReadOnlyMemory<byte> message, CancellationToken cancellationToken)
    {
        // Not through EF Core's command: it is no command of the application.
        await using var command = new NpgsqlCommand(Notify, (NpgsqlConnection)transaction.Connection!, (NpgsqlTransaction)transaction);
        command.Parameters.Add(Payload(message));
        if (async)
            await command.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
        else
            command.ExecuteNonQuery();
    }

    protected override async Task ListenAsync(CancellationToken cancellationToken)
    {
        await using var connection = await _database.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
        connection.Notification += (_, notification) => Received(notification.Payload);
        await using (var listen = new NpgsqlCommand($"LISTEN {Channel}", connection))
            await listen.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
        Subscribed();
        while (true)
            await connection.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    protected override async Task SendAsync(IReadOnlyList<ReadOnlyMemory<byte>> messages, CancellationToken cancellationToken)
    {
        await using var batch = _database.CreateBatch();
        foreach (var message in messages)
            batch.BatchCommands.Add(new NpgsqlBatchCommand(Notify) { Parameters = { Payload(message) } });
        await batch.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
    }

    protected override ValueTask CloseAsync() => _database.DisposeAsync();

    private void Received(string payload)
    {
        var message = new byte[(payload.Length / 4 * 3) + 3];
        // What is not Base64 is no message either.
        Received(Convert.TryFromBase64String(payload, message, out var length) ? message.AsMemory(0, length) : default);
    }

    private static NpgsqlParameter<string> Payload(ReadOnlyMemory<byte> message) => new() { TypedValue = Convert.ToBase64String(message.Span) };
}
