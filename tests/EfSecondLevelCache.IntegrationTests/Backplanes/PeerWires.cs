using System.Net;
using EfSecondLevelCache.IntegrationTests.Support;
using EfSecondLevelCache.Node;

namespace EfSecondLevelCache.IntegrationTests.Backplanes;

/// <summary>
/// A wire from each node to each other one, so that any two can be parted. Each finds the others at its own ends of the wires, under addresses that
/// nobody else has; where they say that they are found, nobody listens: there is no way around a wire.
/// </summary>
internal sealed class PeerWires : IAsyncDisposable
{
    private readonly int[] _ports;
    private readonly Dictionary<(int From, int To), TcpProxy> _wires;

    public PeerWires(int nodes)
    {
        _ports = [.. Enumerable.Range(0, nodes).Select(_ => TcpProxy.FreePort())];
        _wires = (from one in Enumerable.Range(0, nodes)
                  from other in Enumerable.Range(0, nodes)
                  where one != other
                  select (From: one, To: other))
            .ToDictionary(pair => pair, pair => new TcpProxy(new IPEndPoint(IPAddress.Loopback, _ports[pair.To])));
    }

    public IEnumerable<TcpProxy> All => _wires.Values;

    public IEnumerable<TcpProxy> To(int node) => _wires.Where(wire => wire.Key.To == node).Select(wire => wire.Value);

    public IEnumerable<TcpProxy> Of(int node) => _wires.Where(wire => wire.Key.To == node || wire.Key.From == node).Select(wire => wire.Value);

    public NodeSettings Connect(NodeSettings node) => node with
    {
        Listen = $"127.0.0.1:{_ports[node.Node]}",
        Advertise = $"127.0.0.1:{1 + node.Node}",
        Members = [.. _wires.Where(wire => wire.Key.From == node.Node).Select(wire => $"{wire.Value.Endpoint}")],
    };

    public async ValueTask DisposeAsync()
    {
        foreach (var wire in All)
            await wire.DisposeAsync();
    }
}
