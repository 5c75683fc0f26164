using System.Net;
using EfSecondLevelCache.IntegrationTests.Support;

namespace EfSecondLevelCache.IntegrationTests.Backplanes;

/// <summary>Each node stands behind a wire, and is introduced to those who were there before it.</summary>
public class PeerBackplaneTests : BackplaneSpecification
{
    private readonly List<TcpProxy> _wires = [];

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        foreach (var wire in _wires)
            await wire.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task A_connection_over_which_nothing_comes_any_more_is_given_up()
    {
        var (a, b) = (await StartAsync(), await StartAsync());
        await HearEachOtherAsync();

        foreach (var wire in _wires)
            wire.Hold();
        a.Publish("lost");
        await Eventually.TrueAsync(() => b.Broadcast.Status.Nodes is [{ IsSuspect: true }]);
        Assert.Equal(1, b.Flushes);
        await Eventually.TrueAsync(() => b.Broadcast.Status.State is BackplaneState.Lost);

        foreach (var wire in _wires)
            wire.Restore();
        await Eventually.TrueAsync(() =>
        {
            a.Publish("found");
            return b.Tags.Contains("found");
        });
    }

    /// <summary>It will not introduce itself once more: its own connection is well.</summary>
    [Fact]
    public async Task A_node_that_only_introduced_itself_is_dialled_again_when_the_connection_to_it_breaks()
    {
        var (a, b) = (await StartAsync(), await StartAsync());
        await HearEachOtherAsync();

        _wires[1].Cut();
        a.Publish("lost");
        await Eventually.TrueAsync(() => b.Broadcast.Status.State is BackplaneState.Lost);
        _wires[1].Restore();

        await Eventually.TrueAsync(() =>
        {
            a.Publish("found");
            return b.Tags.Contains("found");
        });
    }

    protected override Task<BackplaneFactory> FactoryAsync(int index)
    {
        var port = TcpProxy.FreePort();
        var wire = new TcpProxy(new IPEndPoint(IPAddress.Loopback, port));
        string[] members = [.. _wires.Select(known => $"{known.Endpoint}")];
        _wires.Add(wire);
        return Task.FromResult<BackplaneFactory>(PeerOptionsBuilder.Build(
            peers => Secure(peers.Listen($"127.0.0.1:{port}").Advertise($"{wire.Endpoint}").Members(members))));
    }

    protected virtual void Secure(PeerOptionsBuilder peers) => peers.SharedSecret("correct horse battery staple");

    protected override Task CutAsync()
    {
        foreach (var wire in _wires)
            wire.Cut();
        return Task.CompletedTask;
    }

    protected override Task RestoreAsync()
    {
        foreach (var wire in _wires)
            wire.Restore();
        return Task.CompletedTask;
    }
}
