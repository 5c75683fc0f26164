using EfSecondLevelCache.IntegrationTests.Support;
using Npgsql;
using Npgsql.Replication;

namespace EfSecondLevelCache.IntegrationTests.Sources;

/// <summary>
/// A server whose commits become visible late: they wait for a synchronous standby, which acknowledges each piece of the log some milliseconds after
/// it came. The decoded log tells of them at once.
/// </summary>
internal sealed class SlowStandby : IAsyncDisposable
{
    private const string Name = "slow_standby";

    private readonly CancellationTokenSource _end = new();
    private readonly PhysicalReplicationConnection _connection;
    private readonly Task _running;

    private SlowStandby(PhysicalReplicationConnection connection)
    {
        _connection = connection;
        _running = Task.Run(AcknowledgeAsync);
    }

    public static async Task<SlowStandby> StartAsync(string connectionString)
    {
        var connection = new PhysicalReplicationConnection(
            new NpgsqlConnectionStringBuilder(connectionString) { ApplicationName = Name, Pooling = false }.ConnectionString);
        await connection.Open();
        return new SlowStandby(connection);
    }

    /// <summary>From now on commits wait for it.</summary>
    public static async Task RequireAsync(string connectionString, bool required = true)
    {
        await using var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync();
        await SourceDatabase.ExecuteAsync(connection, $"ALTER SYSTEM SET synchronous_standby_names = '{(required ? Name : "")}'");
        await SourceDatabase.ExecuteAsync(connection, "SELECT pg_reload_conf()");
    }

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        await _running.ContinueWith(_ => { }, TaskScheduler.Default);
        await _connection.DisposeAsync();
        _end.Dispose();
    }

    private async Task AcknowledgeAsync()
    {
        var system = await _connection.IdentifySystem(_end.Token);
        await foreach (var data in _connection.StartReplication(system.XLogPos, _end.Token))
        {
            await Task.Delay(2, _end.Token);
            _connection.SetReplicationStatus(data.WalEnd);
            await _connection.SendStatusUpdate(_end.Token);
        }
    }
}
