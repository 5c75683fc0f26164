using System.Net;
using EfSecondLevelCache.IntegrationTests.Support;
using EfSecondLevelCache.Node;

namespace EfSecondLevelCache.IntegrationTests.Backplanes;

public sealed class RedisClusterTests(PostgresServer server, ITestOutputHelper output) : ClusterSpecification(server, output)
{
    private RedisServerProcess _redis = null!;
    private TcpProxy[] _wires = [];

    public override async ValueTask InitializeAsync()
    {
        _redis = await RedisServerProcess.StartAsync();
        _wires = [.. Enumerable.Range(0, 3).Select(_ => new TcpProxy(IPEndPoint.Parse(_redis.Endpoint)))];
        await base.InitializeAsync();
    }

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        foreach (var wire in _wires)
            await wire.DisposeAsync();
        if (_redis is not null)
            await _redis.DisposeAsync();
    }

    [Fact(Skip = FullRun.OnlyThen, SkipType = typeof(FullRun), SkipUnless = nameof(FullRun.Is))]
    public Task A_node_is_killed_and_started_again() => CheckAsync(KillAndGiveUpAsync);

    [Fact(Skip = FullRun.OnlyThen, SkipType = typeof(FullRun), SkipUnless = nameof(FullRun.Is))]
    public Task A_node_is_stopped_for_longer_than_it_may_be_stale() => CheckAsync(StopForAWhileAsync);

    [Fact]
    public Task A_node_is_cut_off_from_Redis_and_nobody_is_told() => CheckAsync(() => DuringAsync([_wires[Victim]], wire => wire.Hold()));

    [Fact(Skip = FullRun.OnlyThen, SkipType = typeof(FullRun), SkipUnless = nameof(FullRun.Is))]
    public Task Redis_is_restarted() => CheckAsync(async () =>
    {
        await _redis.StopAsync();
        await Task.Delay(LongerThanThat);
        await _redis.RunAsync();
    });

    protected override NodeSettings Configure(NodeSettings node)
        => node with { MaxStaleness = MaxStaleness, Redis = RedisServerProcess.ConfigurationAt($"{_wires[node.Node].Endpoint}") };
}
