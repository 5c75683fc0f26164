using System.Diagnostics;

namespace EfSecondLevelCache.IntegrationTests.Support;

/// <summary>
/// Network namespaces of Linux, one for each node, joined by a bridge, as if each were a machine. A shell outside of this process owns them, so that
/// they are gone however this process ends.
/// </summary>
internal sealed class Namespaces : IAsyncDisposable
{
    // A network that is documented as nobody's (RFC 2544).
    private const string Network = "198.18.73";

    private const string Script =
        """
        set -eu
        trap '' INT HUP TERM
        name=$1 network=$2 nodes=$3
        remove() {
            for node in $nodes; do
                ip link del "$name$node" || true
                ip netns del "$name-$node" || true
            done
            ip link del "$name" || true
        } >/dev/null 2>&1
        trap remove EXIT
        ip link add "$name" type bridge
        ip link set "$name" up
        for node in $nodes; do
            ip netns add "$name-$node"
            ip link add "$name$node" type veth peer name eth0 netns "$name-$node"
            ip link set "$name$node" master "$name" up
            ip -n "$name-$node" addr add "$network.$((node + 1))/24" dev eth0
            ip -n "$name-$node" link set eth0 up
            ip -n "$name-$node" link set lo up
        done
        echo ready
        cat >/dev/null
        """;

    private readonly string _name = $"efs{Guid.NewGuid():N}"[..8];
    private readonly Process _owner;

    private Namespaces(int nodes)
    {
        _owner = Process.Start(
            new ProcessStartInfo("/bin/sh", ["-c", Script, "namespaces", _name, Network, string.Join(' ', Enumerable.Range(0, nodes))])
            {
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            })!;
    }

    /// <summary>Skips the test where the machine does not allow it.</summary>
    public static async Task<Namespaces> CreateAsync(int nodes)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Network namespaces are of Linux.");
        var namespaces = new Namespaces(nodes);
        if (await namespaces._owner.StandardOutput.ReadLineAsync() == "ready")
            return namespaces;
        var reason = await namespaces._owner.StandardError.ReadToEndAsync();
        await namespaces.DisposeAsync();
        Assert.Skip($"Network namespaces need root and the command ip: {reason}");
        return namespaces;
    }

    public static string AddressOf(int node) => $"{Network}.{node + 1}";

    /// <summary>Goes before a command that is to run there.</summary>
    public string[] LauncherOf(int node) => ["ip", "netns", "exec", $"{_name}-{node}"];

    /// <summary>Nothing goes in or out any more, and nobody is told.</summary>
    public Task UnplugAsync(int node) => SetAsync(node, "down");

    public Task PlugInAsync(int node) => SetAsync(node, "up");

    public async ValueTask DisposeAsync()
    {
        _owner.StandardInput.Close();
        await _owner.WaitForExitAsync();
        _owner.Dispose();
    }

    private Task SetAsync(int node, string state) => Process.Start("ip", ["link", "set", $"{_name}{node}", state]).WaitForExitAsync();
}
