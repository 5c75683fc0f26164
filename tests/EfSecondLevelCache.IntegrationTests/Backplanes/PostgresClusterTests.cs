using System.Net;
using EfSecondLevelCache.IntegrationTests.Support;
using EfSecondLevelCache.Node;
using Npgsql;

namespace EfSecondLevelCache.IntegrationTests.Backplanes;

public sealed class PostgresClusterTests(RestartableServer server, ITestOutputHelper output)
    : ClusterSpecification(server.Server, output), IClassFixture<RestartableServer>
{
    private TcpProxy[] _wires = [];

    protected override string? WhyNot => server.WhyNot;

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        var settings = new NpgsqlConnectionStringBuilder(server.Server.ConnectionString);
        _wires = [.. Enumerable.Range(0, 3).Select(_ => new TcpProxy(new IPEndPoint(IPAddress.Parse(settings.Host!), settings.Port)))];
    }

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        foreach (var wire in _wires)
            await wire.DisposeAsync();
    }

    [Fact(Skip = FullRun.OnlyThen, SkipType = typeof(FullRun), SkipUnless = nameof(FullRun.Is))]
    public Task A_node_is_killed_and_started_again() => CheckAsync(KillAndGiveUpAsync);

    [Fact(Skip = FullRun.OnlyThen, SkipType = typeof(FullRun), SkipUnless = nameof(FullRun.Is))]
    public Task A_node_is_stopped_for_longer_than_it_may_be_stale() => CheckAsync(StopForAWhileAsync);

    [Fact]
    public Task A_node_hears_nothing_over_its_connection_and_nobody_is_told() => CheckAsync(() => DuringAsync([_wires[Victim]], wire => wire.Hold()));

    [Fact(Skip = FullRun.OnlyThen, SkipType = typeof(FullRun), SkipUnless = nameof(FullRun.Is))]
    public Task PostgreSQL_is_restarted() => CheckAsync(server.RestartAsync);

    protected override NodeSettings Configure(NodeSettings node) => node with
    {
        MaxStaleness = MaxStaleness,
        Postgres = new NpgsqlConnectionStringBuilder(node.ConnectionString) { Port = _wires[node.Node].Endpoint.Port }.ConnectionString,
    };
}
