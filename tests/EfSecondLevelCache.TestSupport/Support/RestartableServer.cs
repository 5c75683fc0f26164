using Npgsql;

namespace EfSecondLevelCache.IntegrationTests.Support;

/// <summary>A PostgreSQL server for the tests of one class, which may restart it.</summary>
public sealed class RestartableServer : IAsyncLifetime
{
    private readonly string? _binaries = PrivateCluster.FindBinaries();
    private PrivateCluster? _cluster;

    /// <summary>Null: it can be had.</summary>
    public string? WhyNot => _binaries is null ? "A server of its own needs the server's binaries." : null;

    public PostgresServer Server { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        if (_binaries is null)
            return;
        _cluster = await PrivateCluster.StartAsync(_binaries);
        Server = PostgresServer.At(_cluster.ConnectionString);
    }

    /// <summary>As after a crash. Connections of this process that wait in pools are forgotten.</summary>
    public async Task RestartAsync()
    {
        await _cluster!.RestartAsync(_binaries!);
        NpgsqlConnection.ClearAllPools();
    }

    public async ValueTask DisposeAsync()
    {
        if (_cluster is not null)
            await _cluster.DisposeAsync();
    }
}
