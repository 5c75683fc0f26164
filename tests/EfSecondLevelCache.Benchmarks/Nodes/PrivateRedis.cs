using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace EfSecondLevelCache.Benchmarks.Nodes;

/// <summary>A throw-away redis-server. A shell outside of this process owns it, so that it ends however this process ends.</summary>
internal sealed class PrivateRedis : IAsyncDisposable
{
    private const string Script =
        """
        printf '%s\n' "port $1" 'bind 127.0.0.1' 'save ""' 'appendonly no' | redis-server - >/dev/null &
        server=$!
        cat >/dev/null
        kill $server
        wait $server
        """;

    private readonly Process _owner;

    private PrivateRedis(int port)
    {
        Configuration = $"127.0.0.1:{port}";
        _owner = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", Script, "redis", $"{port}"]) { RedirectStandardInput = true })!;
    }

    public string Configuration { get; }

    /// <summary>Null: the machine has none.</summary>
    public static PrivateRedis? Start()
    {
        var path = Environment.GetEnvironmentVariable("PATH")?.Split(Path.PathSeparator) ?? [];
        if (!path.Any(folder => File.Exists(Path.Combine(folder, "redis-server"))))
            return null;
        using var free = new TcpListener(IPAddress.Loopback, 0);
        free.Start();
        return new PrivateRedis(((IPEndPoint)free.LocalEndpoint).Port);
    }

    public async ValueTask DisposeAsync()
    {
        _owner.StandardInput.Close();
        await _owner.WaitForExitAsync();
        _owner.Dispose();
    }
}
