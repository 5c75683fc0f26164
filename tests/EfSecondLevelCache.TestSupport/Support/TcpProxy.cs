using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace EfSecondLevelCache.IntegrationTests.Support;

/// <summary>A wire that can be cut: connections are refused and closed, or they stay open and nothing goes through, or only late.</summary>
public sealed class TcpProxy : IAsyncDisposable
{
    private readonly ConcurrentDictionary<Socket, byte> _sockets = new();
    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private volatile TaskCompletionSource _flowing = Flowing();
    private volatile bool _isCut;
    private volatile int _connections;
    private volatile int _frozen;

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

    /// <summary>How long everything takes at least, in either direction.</summary>
    public TimeSpan Latency { get; set; }

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
        Latency = TimeSpan.Zero;
        _flowing.TrySetResult();
    }

    /// <summary>Nothing goes through, and nobody is told.</summary>
    public void Hold() => _flowing = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>The same for ever for what is connected now; what connects later is well.</summary>
    public void Freeze() => _frozen = _connections;

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
        while (true)
        {
            try
            {
                var client = await _listener.AcceptAsync();
                var connection = _connections++;
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
            await Task.WhenAny(
                PumpAsync(client, server, connection, Forwarded[connection] = new MemoryStream()), PumpAsync(server, client, connection, null));
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

    private async Task PumpAsync(Socket from, Socket to, int connection, MemoryStream? copy)
    {
        var buffer = new byte[16 << 10];
        try
        {
            while (await from.ReceiveAsync(buffer) is var count and > 0)
            {
                await FlowAsync(connection);
                copy?.Write(buffer, 0, count);
                await to.SendAsync(buffer.AsMemory(0, count));
            }
        }
        catch (Exception fault) when (fault is SocketException or ObjectDisposedException)
        {
        }

        // The end of a connection is told no sooner than anything else.
        if (!_isCut)
            await FlowAsync(connection);
    }

    private async Task FlowAsync(int connection)
    {
        if (Latency > TimeSpan.Zero)
            await Task.Delay(Latency);
        await _flowing.Task;
        if (connection < _frozen)
            await Task.Delay(Timeout.Infinite);
    }
}
