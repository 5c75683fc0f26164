using EfSecondLevelCache.IntegrationTests.Support;
using EfSecondLevelCache.Node;

namespace EfSecondLevelCache.IntegrationTests.Backplanes;

/// <summary>With synchronous writes no read on any node is older than what had returned on any node when it was called.</summary>
public sealed class SynchronousClusterTests(RestartableServer server, ITestOutputHelper output)
    : ClusterSpecification(server.Server, output), IClassFixture<RestartableServer>
{
    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(1.5);

    private readonly PeerWires _wires = new(3);

    protected override TimeSpan Bound => TimeSpan.Zero;

    protected override string? WhyNot => server.WhyNot;

    [Fact]
    public Task A_node_is_killed_and_started_again_at_the_same_address() => CheckAsync(KillAndStartAgainAsync);

    [Fact(Skip = FullRun.OnlyThen, SkipType = typeof(FullRun), SkipUnless = nameof(FullRun.Is))]
    public Task A_node_is_stopped_for_longer_than_its_lease() => CheckAsync(StopForAWhileAsync);

    [Fact(Skip = FullRun.OnlyThen, SkipType = typeof(FullRun), SkipUnless = nameof(FullRun.Is))]
    public Task A_node_is_cut_off() => CheckAsync(() => DuringAsync(_wires.Of(Victim), wire => wire.Cut()));

    [Fact(Skip = FullRun.OnlyThen, SkipType = typeof(FullRun), SkipUnless = nameof(FullRun.Is))]
    public Task A_node_hears_nothing_and_is_heard() => CheckAsync(() => DuringAsync(_wires.To(Victim), wire => wire.Hold()));

    [Fact(Skip = FullRun.OnlyThen, SkipType = typeof(FullRun), SkipUnless = nameof(FullRun.Is))]
    public Task Messages_are_later_than_the_lease() => CheckAsync(() => DuringAsync(_wires.All, wire => wire.Latency = Lease * 1.3));

    [Fact(Skip = FullRun.OnlyThen, SkipType = typeof(FullRun), SkipUnless = nameof(FullRun.Is))]
    public Task PostgreSQL_is_restarted() => CheckAsync(server.RestartAsync);

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        await _wires.DisposeAsync();
    }

    protected override NodeSettings Configure(NodeSettings node) => _wires.Connect(node with { Lease = Lease });
}
