using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace EfSecondLevelCache.IntegrationTests.Support;

/// <summary>A wire that can be cut: connections are refused and closed, or they stay open and nothing goes through.</summary>
public sealed class TcpProxy : IAsyncDisposable
{
    private readonly ConcurrentDictionary<Socket, byte> _sockets = new();
    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private volatile TaskCompletionSource _flowing = Flowing();
    private volatile bool _isCut;

    public TcpProxy(IPEndPoint target)
    {
        Target = target;
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen();
        _ = AcceptAsync();
    }

    /// <summary>Where connections that are opened from now on lead.</summary>
    public IPEndPoint Target { get; set; }

    public IPEndPoint Endpoint => (IPEndPoint)_listener.LocalEndPoint!;

    /// <summary>What went from who connects to the target, by connection.</summary>
    public ConcurrentDictionary<int, MemoryStream> Forwarded { get; } = new();

    public static int FreePort()
    {
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }

    /// <summary>Closes what is open, and whatever is opened.</summary>
    public void Cut()
    {
        _isCut = true;
        foreach (var socket in _sockets.Keys)
            socket.Dispose();
    }

    public void Restore()
    {
        _isCut = false;
        _flowing.TrySetResult();
    }

    /// <summary>Nothing goes through, and nobody is told.</summary>
    public void Hold() => _flowing = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

    public ValueTask DisposeAsync()
    {
        _listener.Dispose();
        Cut();
        _flowing.TrySetResult();
        return default;
    }

    private static TaskCompletionSource Flowing()
    {
        var flowing = new TaskCompletionSource();
        flowing.SetResult();
        return flowing;
    }

    private async Task AcceptAsync()
    {
        for (var connection = 0; ; connection++)
        {
            try
            {
                var client = await _listener.AcceptAsync();
                if (_isCut)
                    client.Dispose();
                else
                    _ = ConnectAsync(client, connection);
            }
            catch (Exception fault) when (fault is SocketException or ObjectDisposedException)
            {
                return;
            }
        }
    }

    private async Task ConnectAsync(Socket client, int connection)
    {
        var server = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        client.NoDelay = true;
        _sockets[client] = _sockets[server] = 0;
        try
        {
            await server.ConnectAsync(Target);
            await Task.WhenAny(PumpAsync(client, server, Forwarded[connection] = new MemoryStream()), PumpAsync(server, client, null));
        }
        catch (Exception fault) when (fault is SocketException or ObjectDisposedException)
        {
        }
        finally
        {
            client.Dispose();
            server.Dispose();
            _sockets.TryRemove(client, out _);
            _sockets.TryRemove(server, out _);
        }
    }

    private async Task PumpAsync(Socket from, Socket to, MemoryStream? copy)
    {
        var buffer = new byte[16 << 10];
        try
        {
            while (await from.ReceiveAsync(buffer) is var count and > 0)
            {
                await _flowing.Task;
                copy?.Write(buffer, 0, count);
                await to.SendAsync(buffer.AsMemory(0, count));
            }
        }
        catch (Exception fault) when (fault is SocketException or ObjectDisposedException)
        {
        }
    }
}
