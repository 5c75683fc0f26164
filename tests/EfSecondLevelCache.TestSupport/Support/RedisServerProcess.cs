using System.Diagnostics;
using System.Net.Sockets;

namespace EfSecondLevelCache.IntegrationTests.Support;

/// <summary>A private redis-server. A shell outside of this process owns it, so that it ends however this process ends.</summary>
public sealed class RedisServerProcess : IAsyncDisposable
{
    private const string Script =
        """
        printf '%s\n' "$1" 'bind 127.0.0.1' 'save ""' 'appendonly no' 'user default off' 'user app on >s3cret ~* &* +@all' | redis-server - >/dev/null &
        server=$!
        cat >/dev/null
        kill $server
        wait $server
        """;

    private readonly int _port = TcpProxy.FreePort();
    private readonly string? _certificates;
    private Process? _owner;

    private RedisServerProcess(string? certificates) => _certificates = certificates;

    public string Configuration => ConfigurationAt(Endpoint);

    public string Endpoint => $"127.0.0.1:{_port}";

    /// <summary>Its configuration where it is reached over something else.</summary>
    public static string ConfigurationAt(string endpoint) => $"{endpoint},user=app,password=s3cret";

    /// <summary>Skips the test where the machine has no Redis.</summary>
    /// <param name="certificates">A folder with server.crt, server.key and authority.crt, to speak TLS and nothing else.</param>
    public static async Task<RedisServerProcess> StartAsync(string? certificates = null)
    {
        var path = Environment.GetEnvironmentVariable("PATH")?.Split(Path.PathSeparator) ?? [];
        Assert.SkipUnless(
            path.Any(folder => File.Exists(Path.Combine(folder, "redis-server"))),
            "redis-server is not on PATH. Install Debian's package redis-server, or run eng/test.sh, which does.");
        var server = new RedisServerProcess(certificates);
        await server.RunAsync();
        return server;
    }

    public async Task RunAsync()
    {
        var listen = _certificates is null
            ? $"port {_port}"
            : $"""
                port 0
                tls-port {_port}
                tls-cert-file "{_certificates}/server.crt"
                tls-key-file "{_certificates}/server.key"
                tls-ca-cert-file "{_certificates}/authority.crt"
                tls-auth-clients no
                """;
        _owner = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", Script, "redis", listen]) { RedirectStandardInput = true })!;
        await Eventually.TrueAsync(CanConnectAsync);
    }

    public async Task StopAsync()
    {
        if (_owner is null)
            return;
        _owner.StandardInput.Close();
        await _owner.WaitForExitAsync();
        _owner.Dispose();
        _owner = null;
    }

    public async ValueTask DisposeAsync() => await StopAsync();

    private async Task<bool> CanConnectAsync()
    {
        try
        {
            using var socket = new TcpClient();
            await socket.ConnectAsync("127.0.0.1", _port);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
