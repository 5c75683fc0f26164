using EfSecondLevelCache.IntegrationTests.Support;
using EfSecondLevelCache.Node;
using Npgsql;

namespace EfSecondLevelCache.IntegrationTests.Backplanes;

/// <summary>Peers on networks that really fall silent. PostgreSQL is reached over its unix socket, which is of no network.</summary>
public sealed class NamespaceClusterTests(PostgresServer server, ITestOutputHelper output) : ClusterSpecification(server, output)
{
    private readonly PostgresServer _server = server;
    private Namespaces _namespaces = null!;
    private string _socketFolder = "";

    public override async ValueTask InitializeAsync()
    {
        _socketFolder = await SocketFolderAsync();
        _namespaces = await Namespaces.CreateAsync(3);
        await base.InitializeAsync();
    }

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        if (_namespaces is not null)
            await _namespaces.DisposeAsync();
    }

    [Fact(Skip = FullRun.OnlyThen, SkipType = typeof(FullRun), SkipUnless = nameof(FullRun.Is))]
    public Task A_node_is_unplugged() => CheckAsync(async () =>
    {
        await _namespaces.UnplugAsync(Victim);
        await Task.Delay(LongerThanThat);
        await _namespaces.PlugInAsync(Victim);
    });

    /// <summary>Those who send to it can't be told that it is gone.</summary>
    [Fact]
    public Task A_node_is_unplugged_killed_and_started_again_at_the_same_address() => CheckAsync(async () =>
    {
        await _namespaces.UnplugAsync(Victim);
        await Nodes[Victim].KillAsync();
        await Task.Delay(LongerThanThat);
        await _namespaces.PlugInAsync(Victim);
        await StartAgainAsync();
    });

    protected override string[] LauncherOf(int node) => _namespaces.LauncherOf(node);

    protected override NodeSettings Configure(NodeSettings node) => node with
    {
        ConnectionString = new NpgsqlConnectionStringBuilder(node.ConnectionString) { Host = _socketFolder }.ConnectionString,
        MaxStaleness = MaxStaleness,
        Listen = "0.0.0.0:7411",
        Advertise = $"{Namespaces.AddressOf(node.Node)}:7411",
        Members = [.. Enumerable.Range(0, 3).Select(member => $"{Namespaces.AddressOf(member)}:7411")],
    };

    private async Task<string> SocketFolderAsync()
    {
        await using var connection = new NpgsqlConnection(_server.ConnectionString);
        await connection.OpenAsync();
        await using var show = new NpgsqlCommand("SHOW unix_socket_directories", connection);
        var folders = ((string)(await show.ExecuteScalarAsync())!).Split(',', StringSplitOptions.TrimEntries);
        var folder = Array.Find(folders, folder => File.Exists($"{folder}/.s.PGSQL.{connection.Port}"));
        Assert.SkipWhen(folder is null, "PostgreSQL has no unix socket on this machine.");
        return folder!;
    }
}
