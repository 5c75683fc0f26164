using EfSecondLevelCache.IntegrationTests.Support;
using EfSecondLevelCache.Node;

namespace EfSecondLevelCache.IntegrationTests.Backplanes;

public sealed class PeerClusterTests(PostgresServer server, ITestOutputHelper output) : ClusterSpecification(server, output)
{
    private readonly PeerWires _wires = new(3);
    private bool _isBounded = true;

    [Fact(Skip = FullRun.OnlyThen, SkipType = typeof(FullRun), SkipUnless = nameof(FullRun.Is))]
    public Task A_node_is_killed_and_started_again_at_the_same_address() => CheckAsync(KillAndStartAgainAsync);

    [Fact(Skip = FullRun.OnlyThen, SkipType = typeof(FullRun), SkipUnless = nameof(FullRun.Is))]
    public Task A_node_is_stopped_for_longer_than_it_may_be_stale() => CheckAsync(StopForAWhileAsync);

    [Fact]
    public Task A_node_is_cut_off() => CheckAsync(() => DuringAsync(_wires.Of(Victim), wire => wire.Cut()));

    /// <summary>What is sent to it is lost without a word; what it sends itself arrives.</summary>
    [Fact(Skip = FullRun.OnlyThen, SkipType = typeof(FullRun), SkipUnless = nameof(FullRun.Is))]
    public Task A_node_hears_nothing_and_is_heard() => CheckAsync(() => DuringAsync(_wires.To(Victim), wire => wire.Hold()));

    [Fact(Skip = FullRun.OnlyThen, SkipType = typeof(FullRun), SkipUnless = nameof(FullRun.Is))]
    public Task Messages_are_later_than_the_bound() => CheckAsync(() => DuringAsync(_wires.All, wire => wire.Latency = MaxStaleness * 1.3));

    /// <summary>It is gone, and those who send to it are not told: to them the connection is as open as ever.</summary>
    [Fact(Skip = FullRun.OnlyThen, SkipType = typeof(FullRun), SkipUnless = nameof(FullRun.Is))]
    public Task Connections_to_a_node_that_was_killed_stay_open() => CheckAsync(async () =>
    {
        foreach (var wire in _wires.Of(Victim))
            wire.Freeze();
        await KillAndStartAgainAsync();
    });

    /// <summary>That the check can fail: a node that hears nothing and has no bound serves what it has.</summary>
    [Fact(Skip = FullRun.OnlyThen, SkipType = typeof(FullRun), SkipUnless = nameof(FullRun.Is))]
    public async Task A_node_without_a_bound_that_hears_nothing_breaks_the_promise()
    {
        _isBounded = false;
        Assert.NotEmpty(await RunAsync(() => DuringAsync(_wires.To(Victim), wire => wire.Hold()), TimeSpan.FromSeconds(0.5)));
    }

    /// <summary>That the check can fail: messages that take their time are seen late, if within the bound.</summary>
    [Fact]
    public async Task Late_messages_break_the_promise_that_writes_are_seen_at_once()
        => Assert.NotEmpty(await RunAsync(() => DuringAsync(_wires.All, wire => wire.Latency = TimeSpan.FromSeconds(0.3)), TimeSpan.Zero));

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        await _wires.DisposeAsync();
    }

    protected override NodeSettings Configure(NodeSettings node) => _wires.Connect(node with { MaxStaleness = _isBounded ? MaxStaleness : null });
}
