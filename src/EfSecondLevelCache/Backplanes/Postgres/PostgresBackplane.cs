using System.Data.Common;
using EfSecondLevelCache.Diagnostics;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace EfSecondLevelCache.Backplanes.Postgres;

/// <summary>
/// LISTEN and NOTIFY. What is changed inside a transaction that EF Core ends is told by that transaction itself; the rest, and the heartbeats, over a
/// connection of its own.
/// </summary>
internal sealed class PostgresBackplane : ICommitBackplane
{
    private const string Channel = "ef_second_level_cache";
    private const string Notify = $"SELECT pg_catalog.pg_notify('{Channel}', $1)";
    private const int QueueBytes = 4 << 20;
    private const int BatchMessages = 100;

    /// <summary>Our own heartbeats come back over the channel; when even they do not, the connection is dead.</summary>
    private static readonly TimeSpan LongestSilence = TimeSpan.FromSeconds(5);

    private readonly OutgoingQueue _queue = new(QueueBytes);
    private readonly CancellationTokenSource _stopping = new();
    private readonly NpgsqlDataSource _database;
    private readonly string _databaseName;
    private readonly ILogger _logger;
    private IBackplaneReceiver? _receiver;
    private Task _listening = Task.CompletedTask;
    private Task _publishing = Task.CompletedTask;
    private volatile string? _fault = "not connected yet";
    private volatile BackplaneState _state = BackplaneState.Starting;
    private long _dropped;

    public PostgresBackplane(string connectionString, ILogger logger)
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
        _logger = logger;
    }

    public string NodeName { get; } = $"{Environment.MachineName}/{Environment.ProcessId}/{Guid.NewGuid().ToString("N")[..4]}";

    /// <summary>A payload has less than 8,000 bytes, and four of Base64 carry three.</summary>
    public int MaxMessageBytes => 7_996 / 4 * 3;

    public BackplaneHealth Health => new(_state, Volatile.Read(ref _dropped), Detail: _fault);

    public bool CarriedBy(string database) => database == _databaseName;

    public void Start(IBackplaneReceiver receiver)
    {
        _receiver = receiver;
        _listening = Task.Run(ListenAsync);
        _publishing = Task.Run(PublishAsync);
    }

    public void Publish(ReadOnlyMemory<byte> message)
    {
        if (_queue.Add(message) is var dropped and > 0)
            Interlocked.Add(ref _dropped, dropped);
    }

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

    public async ValueTask DisposeAsync()
    {
        _queue.Complete();
        _stopping.CancelAfter(TimeSpan.FromSeconds(1));
        await _publishing.ConfigureAwait(false);
        await _stopping.CancelAsync().ConfigureAwait(false);
        await _listening.ConfigureAwait(false);
        await _database.DisposeAsync().ConfigureAwait(false);
    }

    private async Task ListenAsync()
    {
        while (!_stopping.IsCancellationRequested)
        {
            try
            {
                await using var connection = await _database.OpenConnectionAsync(_stopping.Token).ConfigureAwait(false);
                connection.Notification += (_, notification) => Received(notification.Payload);
                await using (var listen = new NpgsqlCommand($"LISTEN {Channel}", connection))
                    await listen.ExecuteNonQueryAsync(_stopping.Token).ConfigureAwait(false);
                // What was published before is not heard any more.
                _receiver!.Interrupted();
                (_state, _fault) = (BackplaneState.Live, null);
                Log.BackplaneEvent(_logger, $"listening at {connection.Host}");
                while (await connection.WaitAsync(LongestSilence, _stopping.Token).ConfigureAwait(false))
                {
                }

                throw new TimeoutException("the connection is silent");
            }
            catch (Exception) when (_stopping.IsCancellationRequested)
            {
                return;
            }
            catch (Exception fault)
            {
                (_state, _fault) = (_state is BackplaneState.Starting ? BackplaneState.Starting : BackplaneState.Lost, fault.Message);
                Log.BackplaneEvent(_logger, $"not listening: {fault.Message}");
            }

            await PauseAsync().ConfigureAwait(false);
        }
    }

    private void Received(string payload)
    {
        var message = new byte[(payload.Length / 4 * 3) + 3];
        // What is not Base64 is no message either.
        _receiver!.Received(Convert.TryFromBase64String(payload, message, out var length) ? message.AsMemory(0, length) : default);
    }

    private async Task PublishAsync()
    {
        while (true)
        {
            var messages = new List<ReadOnlyMemory<byte>>();
            try
            {
                if (!await _queue.Waiting.WaitToReadAsync(_stopping.Token).ConfigureAwait(false))
                    return;
                while (messages.Count < BatchMessages && _queue.TryTake(out var message))
                    messages.Add(message);
                await using var batch = _database.CreateBatch();
                foreach (var message in messages)
                    batch.BatchCommands.Add(new NpgsqlBatchCommand(Notify) { Parameters = { Payload(message) } });
                await batch.ExecuteNonQueryAsync(_stopping.Token).ConfigureAwait(false);
            }
            catch (Exception) when (_stopping.IsCancellationRequested)
            {
                return;
            }
            catch (Exception fault)
            {
                // The others see by the next number that they missed some.
                Interlocked.Add(ref _dropped, messages.Count);
                Log.BackplaneEvent(_logger, $"could not notify: {fault.Message}");
                await PauseAsync().ConfigureAwait(false);
            }
        }
    }

    private async Task PauseAsync()
    {
        try
        {
            await Task.Delay(TimeSpan.FromSeconds(0.2 + (0.3 * Random.Shared.NextDouble())), _stopping.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
        }
    }

    private static NpgsqlParameter<string> Payload(ReadOnlyMemory<byte> message) => new() { TypedValue = Convert.ToBase64String(message.Span) };
}
