using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using EfSecondLevelCache.Catalog;
using Npgsql;

namespace EfSecondLevelCache.IntegrationTests.Support;

/// <summary>
/// A TCP proxy in front of PostgreSQL. It sees what really goes to the server, without an interceptor in EF Core, and it can make the
/// server unreachable.
/// </summary>
public sealed class WireTap : IAsyncDisposable
{
    private readonly ConcurrentQueue<string> _statements = new();
    private readonly ConcurrentDictionary<Socket, Task> _connections = new();
    private readonly List<AnswerHold> _holds = [];
    private readonly EndPoint _server;
    private readonly IPEndPoint _address;
    private Socket _listener;
    private Task _accepting;
    private int _roundTrips;
    private volatile TaskCompletionSource _pause = new();

    /// <param name="connectionString">To the database that is looked at; the connection may not be encrypted.</param>
    public WireTap(string connectionString)
    {
        var target = new NpgsqlConnectionStringBuilder(connectionString);
        _server = target.Host!.StartsWith('/')
            ? new UnixDomainSocketEndPoint($"{target.Host}/.s.PGSQL.{target.Port}")
            : new DnsEndPoint(target.Host, target.Port);
        _pause.SetResult();
        _listener = Listen(new IPEndPoint(IPAddress.Loopback, 0));
        _address = (IPEndPoint)_listener.LocalEndPoint!;
        _accepting = AcceptAsync(_listener);
        ConnectionString = new NpgsqlConnectionStringBuilder(connectionString)
        {
            Host = $"{_address.Address}",
            Port = _address.Port,
            SslMode = SslMode.Disable,
            GssEncryptionMode = GssEncryptionMode.Disable,
        }.ConnectionString;
    }

    /// <summary>To the database through this proxy.</summary>
    public string ConnectionString { get; }

    /// <summary>How often a client has waited for the server, connecting left out.</summary>
    public int RoundTrips => Volatile.Read(ref _roundTrips);

    /// <summary>The statements that were executed; what Npgsql and the cache send for themselves is left out.</summary>
    public IReadOnlyList<string> Statements => [.. _statements];

    /// <summary>The statements that were executed during something.</summary>
    public async Task<IReadOnlyList<string>> DuringAsync(Func<Task> something)
    {
        var before = _statements.Count;
        await something();
        return [.. _statements.Skip(before)];
    }

    /// <summary>Keeps back the answer to the next statement that contains a text, so that something can happen in between.</summary>
    public AnswerHold HoldAnswerTo(string text) => HoldAnswerTo(statement => statement.Contains(text, StringComparison.Ordinal));

    public AnswerHold HoldAnswerTo(Func<string, bool> isIt)
    {
        var hold = new AnswerHold(isIt);
        lock (_holds)
            _holds.Add(hold);
        return hold;
    }

    /// <summary>Makes the server unreachable: closes the connections and takes no new ones.</summary>
    public async Task InterruptAsync()
    {
        _listener.Dispose();
        await _accepting;
        foreach (var (client, connection) in _connections)
        {
            client.Dispose();
            await connection;
        }
    }

    /// <summary>Keeps back everything in both directions, with the connections open: a network that is gone without telling.</summary>
    public void Pause() => _pause = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

    public void Unpause() => _pause.TrySetResult();

    /// <summary>Makes the server reachable again.</summary>
    public void Resume()
    {
        _listener = Listen(_address);
        _accepting = AcceptAsync(_listener);
    }

    public async ValueTask DisposeAsync() => await InterruptAsync();

    private static Socket Listen(IPEndPoint address)
    {
        var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
        listener.Bind(address);
        listener.Listen();
        return listener;
    }

    private async Task AcceptAsync(Socket listener)
    {
        try
        {
            while (true)
            {
                var client = await listener.AcceptAsync();
                _connections[client] = Task.Run(() => ServeAsync(client));
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
        }
    }

    private async Task ServeAsync(Socket client)
    {
        using var server = _server is UnixDomainSocketEndPoint
            ? new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified)
            : new Socket(SocketType.Stream, ProtocolType.Tcp);
        using (client)
        {
            try
            {
                if (_server is DnsEndPoint)
                    client.NoDelay = server.NoDelay = true;
                await server.ConnectAsync(_server);
                var requests = new FrontendMessages();
                var answers = new BackendMessages();
                var sent = 1; // The first is to connect.
                (AnswerHold Hold, int Request)? held = null;
                await Task.WhenAny(
                    ForwardAsync(client, server, bytes =>
                    {
                        lock (answers)
                        {
                            requests.Read(
                                bytes.Span,
                                statement => held = Record(statement) is { } hold ? (hold, sent) : held,
                                () =>
                                {
                                    sent++;
                                    Interlocked.Increment(ref _roundTrips);
                                });
                        }

                        return Task.CompletedTask;
                    }),
                    ForwardAsync(server, client, bytes =>
                    {
                        // What the driver has sent ahead in the same breath is answered first.
                        lock (answers)
                            return answers.Read(bytes.Span, held?.Request ?? -1) ? held!.Value.Hold.UntilReleasedAsync() : Task.CompletedTask;
                    }));
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
            }
        }

        _connections.TryRemove(client, out _);
    }

    // Recorded before it is forwarded: when the client has its answer, the statement is in the list.
    private async Task ForwardAsync(Socket from, Socket to, Func<ReadOnlyMemory<byte>, Task> look)
    {
        var buffer = new byte[1 << 16];
        try
        {
            int count;
            while ((count = await from.ReceiveAsync(buffer)) > 0)
            {
                await _pause.Task;
                await look(buffer.AsMemory(0, count));
                for (var sent = 0; sent < count;)
                    sent += await to.SendAsync(buffer.AsMemory(sent, count - sent));
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
        }
    }

    // How Npgsql resets a connection of its pool, and how it learns the types of a database.
    private static bool IsUnasked(string statement)
        => statement is "DISCARD ALL" || statement.StartsWith(CatalogReader.Mark, StringComparison.Ordinal) || statement.StartsWith("SELECT version();\n", StringComparison.Ordinal);

    private AnswerHold? Record(string statement)
    {
        if (!IsUnasked(statement))
            _statements.Enqueue(statement);
        lock (_holds)
        {
            var hold = _holds.Find(h => h.IsOf(statement));
            if (hold is not null)
                _holds.Remove(hold);
            return hold;
        }
    }
}
