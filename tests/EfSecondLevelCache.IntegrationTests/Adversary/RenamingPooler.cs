using System.Net;
using System.Net.Sockets;
using System.Text;
using Npgsql;

namespace EfSecondLevelCache.IntegrationTests.Adversary;

/// <summary>Gives a database another name, as a pooler does that has a table of names: in the first message of each connection.</summary>
internal sealed class RenamingPooler : IAsyncDisposable
{
    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly string _host;
    private readonly int _port;
    private readonly byte[] _name;
    private readonly byte[] _alias;

    public RenamingPooler(string connectionString, string database)
    {
        var settings = new NpgsqlConnectionStringBuilder(connectionString);
        (_host, _port) = (settings.Host!, settings.Port);
        // As long as the real one, so that the length of the message stays.
        var alias = "alias" + database[5..];
        (_name, _alias) = (Encoding.ASCII.GetBytes(database), Encoding.ASCII.GetBytes(alias));
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen();
        settings.Host = "127.0.0.1";
        settings.Port = ((IPEndPoint)_listener.LocalEndPoint!).Port;
        settings.Database = alias;
        settings.SslMode = SslMode.Disable;
        settings.GssEncryptionMode = GssEncryptionMode.Disable;
        ConnectionString = settings.ConnectionString;
        _ = AcceptAsync();
    }

    public string ConnectionString { get; }

    public ValueTask DisposeAsync()
    {
        _listener.Dispose();
        using var pool = new NpgsqlConnection(ConnectionString);
        NpgsqlConnection.ClearPool(pool);
        return default;
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
                _ = ServeAsync(await _listener.AcceptAsync());
        }
        catch (Exception closed) when (closed is SocketException or ObjectDisposedException)
        {
            // It is over.
        }
    }

    private async Task ServeAsync(Socket client)
    {
        using var server = new Socket(SocketType.Stream, ProtocolType.Tcp);
        try
        {
            await server.ConnectAsync(_host, _port);
            await Task.WhenAny(PumpAsync(client, server, isFirst: true), PumpAsync(server, client, isFirst: false));
        }
        catch (Exception broken) when (broken is SocketException or ObjectDisposedException)
        {
            // Either side has gone.
        }
        finally
        {
            client.Dispose();
        }
    }

    private async Task PumpAsync(Socket from, Socket to, bool isFirst)
    {
        var buffer = new byte[8192];
        while (await from.ReceiveAsync(buffer) is var count and > 0)
        {
            if (isFirst && buffer.AsSpan(0, count).IndexOf(_alias) is var at and >= 0)
                _name.CopyTo(buffer, at);
            isFirst = false;
            for (var sent = 0; sent < count;)
                sent += await to.SendAsync(buffer.AsMemory(sent, count - sent));
        }
    }
}
