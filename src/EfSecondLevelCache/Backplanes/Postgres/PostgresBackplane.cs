using System.Data.Common;
using System.Runtime.CompilerServices;
using EfSecondLevelCache.Catalog;
using EfSecondLevelCache.ChangeSources;
using EfSecondLevelCache.Diagnostics;
using EfSecondLevelCache.Provider;
using EfSecondLevelCache.Values;
using Microsoft.EntityFrameworkCore.Storage;
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

    private const string NotifyAll = $"SELECT pg_catalog.pg_notify('{Channel}', m) FROM pg_catalog.unnest($1) m";

    private static readonly TimeSpan CommandTimeout = TimeSpan.FromSeconds(5);

    private readonly Lock _lock = new();
    private readonly ConditionalWeakTable<KnownDatabase, object> _carriedBy = [];
    private readonly bool _isGiven;

    /// <summary>The database that carries the messages.</summary>
    private (string? Host, int Port, string Database) _carrier;

    /// <summary>The connections to it; null: no context has been used yet.</summary>
    private volatile DedicatedConnections? _connections;

    private NpgsqlConnection? _sending;
    private bool _hasWarned;

    /// <param name="given">The database that carries the messages; null: that of the first context that is used.</param>
    /// <param name="logger">Takes its messages.</param>
    public PostgresBackplane(GivenDatabase? given, ILogger logger)
        : base(logger)
    {
        if (given is null)
            return;
        _isGiven = true;
        _carrier = AddressOf(given.ConnectionString);
        _connections = DedicatedConnections.To(given, CommandTimeout);
    }

    /// <summary>A payload has less than 8,000 bytes, and four of Base64 carry three.</summary>
    public override int MaxMessageBytes => 7_996 / 4 * 3;

    protected override string? WhyNotConnecting
        => _connections is null ? "no context has been used yet; the database of the first one carries the messages" : null;

    public void Used(KnownDatabase database, IRelationalConnection connection, ILogger logger)
    {
        if (_carriedBy.TryGetValue(database, out _))
            return;
        var address = AddressOf(connection.ConnectionString!);
        lock (_lock)
        {
            if (_connections is null)
            {
                _carrier = address;
                _connections = DedicatedConnections.Like(connection, CommandTimeout);
                Connect();
            }

            // One that is named may have another address than the contexts', past their pooler.
            var carries = _isGiven ? address.Database == _carrier.Database : address == _carrier;
            _carriedBy.AddOrUpdate(database, carries);
            if (carries || _isGiven || _hasWarned)
                return;
            _hasWarned = true;
        }

        Log.SeveralDatabases(logger, NameOf(_carrier), NameOf(address));
    }

    public bool CarriedBy(KnownDatabase database) => _carriedBy.TryGetValue(database, out var carries) && carries is true;

    public async Task PublishAtCommitAsync(
        bool async, DbTransaction transaction, bool commits, ReadOnlyMemory<byte> message, CancellationToken cancellationToken)
    {
        // Not through EF Core's command: it is no command of the application.
        using var batch = new NpgsqlBatch((NpgsqlConnection)transaction.Connection!, (NpgsqlTransaction)transaction);
        batch.BatchCommands.Add(Notification(message));
        var commit = new NpgsqlBatchCommand("COMMIT");
        if (async)
        {
            if (commits)
                batch.BatchCommands.Add(commit);
            await batch.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
            return;
        }

        // Each by itself: Npgsql sends the second from the thread pool, which may be full of those who commit.
        batch.ExecuteNonQuery();
        if (!commits)
            return;
        batch.BatchCommands.Clear();
        batch.BatchCommands.Add(commit);
        batch.ExecuteNonQuery();
    }

    protected override void Listen(CancellationToken cancellationToken)
    {
        using var connection = _connections!.Open(cancellationToken);
        using var cut = cancellationToken.UnsafeRegister(_ => ProviderInternals.Cut(connection), null);
        connection.Notification += (_, notification) => Received(notification.Payload);
        using (var listen = new NpgsqlCommand($"LISTEN {Channel}", connection))
            listen.ExecuteNonQuery();
        Subscribed();
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            connection.Wait();
        }
    }

    protected override void Send(IReadOnlyList<ReadOnlyMemory<byte>> messages, CancellationToken cancellationToken)
    {
        var sending = _sending ??= _connections!.Open(cancellationToken);
        using var cut = cancellationToken.UnsafeRegister(_ => ProviderInternals.Cut(sending), null);
        try
        {
            // One statement: of several, Npgsql sends all but the first from the pool.
            using var command = new NpgsqlCommand(NotifyAll, sending);
            command.Parameters.Add(new NpgsqlParameter<string[]> { TypedValue = [.. messages.Select(TextOf)] });
            command.ExecuteNonQuery();
        }
        catch
        {
            _sending = null;
            sending.Dispose();
            throw;
        }
    }

    protected override async ValueTask CloseAsync()
    {
        if (_sending is not null)
            await _sending.DisposeAsync().ConfigureAwait(false);
        _sending = null;
    }

    private void Received(string payload)
    {
        var message = new byte[(payload.Length / 4 * 3) + 3];
        // What is not Base64 is no message either.
        Received(Convert.TryFromBase64String(payload, message, out var length) ? message.AsMemory(0, length) : default);
    }

    private static NpgsqlBatchCommand Notification(ReadOnlyMemory<byte> message)
        => new(Notify) { Parameters = { new NpgsqlParameter<string> { TypedValue = TextOf(message) } } };

    private static string TextOf(ReadOnlyMemory<byte> message) => Convert.ToBase64String(message.Span);

    private static (string? Host, int Port, string Database) AddressOf(string connectionString)
    {
        var settings = new NpgsqlConnectionStringBuilder(connectionString);
        return (settings.Host, settings.Port, settings.Database ?? settings.Username ?? "");
    }

    private static string NameOf((string? Host, int Port, string Database) address) => $"{address.Database} at {address.Host}:{address.Port}";
}
