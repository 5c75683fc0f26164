using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using EfSecondLevelCache.Backplanes.Peers;
using EfSecondLevelCache.IntegrationTests.Support;

namespace EfSecondLevelCache.IntegrationTests.Backplanes;

/// <summary>A stranger who reaches the port learns nothing and changes nothing.</summary>
public sealed class PeerSecurityTests : IAsyncLifetime
{
    private const string Secret = "correct horse battery staple";

    private readonly List<IAsyncDisposable> _open = [];

    public ValueTask InitializeAsync() => default;

    public async ValueTask DisposeAsync()
    {
        foreach (var opened in _open.AsEnumerable().Reverse())
            await opened.DisposeAsync();
    }

    [Fact]
    public async Task Who_says_something_else_hears_nothing_and_is_cut()
    {
        var (node, port) = Start(peers => peers.SharedSecret(Secret));

        Assert.Empty(await AnswerAsync(port, "GET / HTTP/1.1\r\nHost: node\r\n\r\n"u8.ToArray()));
        Assert.Empty(await AnswerAsync(port, [0x16, 0x03, 0x01, 0x00, 0x05, 1, 2, 3, 4, 5, 6, 7, 8]));
        Assert.Empty(await AnswerAsync(port, RandomNumberGenerator.GetBytes(4096)));

        await AssertUntouchedAsync(node, rejected: 3);
    }

    [Fact]
    public async Task Who_does_not_know_the_secret_hears_random_bytes_and_is_cut()
    {
        var (node, port) = Start(peers => peers.SharedSecret(Secret));
        byte[] greeting = [.. "EFSLC"u8, PeerHandshake.Version, 0, 0, .. new byte[32]];

        var (first, second) = (await AnswerAsync(port, [.. greeting, .. new byte[17 + 32]]), await AnswerAsync(port, [.. greeting, .. new byte[17 + 32]]));

        Assert.Equal((32, 32), (first.Length, second.Length));
        Assert.NotEqual(first, second);
        await AssertUntouchedAsync(node, rejected: 2);
    }

    [Fact]
    public async Task A_node_with_another_secret_and_one_with_none_are_strangers()
    {
        var (node, port) = Start(peers => peers.SharedSecret(Secret));
        var (other, _) = Start(peers => peers.SharedSecret("another horse battery staple").Members($"127.0.0.1:{port}"));
        var (none, _) = Start(peers => peers.Members($"127.0.0.1:{port}"));

        await Eventually.TrueAsync(() => node.Broadcast.Status.Rejected >= 4);
        other.Publish("evil");
        none.Publish("evil");

        Assert.Empty(node.Tags);
        Assert.Empty(node.Broadcast.Status.Nodes);
        Assert.Empty(other.Broadcast.Status.Nodes);
        Assert.Equal(0, node.Flushes);
        Assert.Equal(BackplaneState.Starting, other.Broadcast.Status.State);
    }

    /// <summary>The dialler must not believe a listener either that only repeats what a true one has said.</summary>
    [Fact]
    public async Task A_listener_that_does_not_know_the_secret_gets_no_message()
    {
        using var listener = new Socket(SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        var (node, _) = Start(peers => peers.SharedSecret(Secret).Members($"127.0.0.1:{((IPEndPoint)listener.LocalEndPoint!).Port}"));

        using var accepted = await listener.AcceptAsync(Cancelled);
        await accepted.SendAsync(new byte[32 + 16 + 32], Cancelled);
        var heard = await ReadToEndAsync(accepted);
        node.Publish("secret");

        // Greeting, nonce, introduction and proof.
        Assert.True(heard.Length <= 40 + 17 + 255 + 32);
        await Eventually.TrueAsync(() => node.Broadcast.Status.Rejected >= 1);
    }

    [Fact]
    public async Task A_recorded_conversation_is_worth_nothing()
    {
        var (node, port) = Start(peers => peers.SharedSecret(Secret));
        await using var wire = new TcpProxy(new IPEndPoint(IPAddress.Loopback, port));
        var (other, _) = Start(peers => peers.SharedSecret(Secret).Members($"{wire.Endpoint}"));
        await Eventually.TrueAsync(() => node.Hears(other));
        other.Publish("once");
        await Eventually.TrueAsync(() => node.Tags.Count == 1);
        await other.DisposeAsync();
        await Eventually.TrueAsync(() => node.Broadcast.Status.Nodes.Count == 0);
        var recorded = wire.Forwarded.Values.First(stream => stream.Length > 0).ToArray();

        await AnswerAsync(port, recorded);

        await Eventually.TrueAsync(() => node.Broadcast.Status.Rejected == 1);
        Assert.Equal(["once"], node.Tags);
        Assert.Empty(node.Broadcast.Status.Nodes);
        Assert.Equal(0, node.Flushes);
    }

    [Fact]
    public async Task A_frame_that_is_not_authentic_or_too_large_cuts_the_connection()
    {
        var (node, port) = Start(peers => peers.SharedSecret(Secret));
        byte[][] frames =
        [
            [0x7f, 0xff, 0xff, 0xff, .. new byte[100]],
            [0xff, 0xff, 0xff, 0xff, .. new byte[100]],
            [0, 0, 0, 4, 1, 2, 3, 4, .. new byte[16]],
        ];

        foreach (var frame in frames)
        {
            using var socket = await ConnectAsync(port);
            await using var stream = new NetworkStream(socket);
            await new PeerHandshake(stream, SecretOf(Secret), Guid.NewGuid()).DialAsync("127.0.0.1:1", Cancelled);
            await stream.WriteAsync(frame, Cancelled);
            await ReadToEndAsync(socket);
        }

        await AssertUntouchedAsync(node, rejected: frames.Length);
    }

    [Fact]
    public async Task With_TLS_who_shows_no_certificate_or_one_of_another_authority_is_cut()
    {
        using var authority = Certificates.Authority();
        using var certificate = Certificates.Of(authority, "node");
        var (node, port) = Start(peers => peers.Tls(certificate, authority));
        using var strangers = Certificates.Authority();
        using var strange = Certificates.Of(strangers, "node");

        Assert.Empty(await AnswerAsync(port, "GET / HTTP/1.1\r\n\r\n"u8.ToArray(), ignore: 7));
        foreach (var shown in (X509Certificate2?[])[null, strange])
        {
            using var socket = await ConnectAsync(port);
            await using var stream = new SslStream(new NetworkStream(socket), false, (_, _, _, _) => true, (_, _, _, _, _) => shown!);
            try
            {
                await stream.AuthenticateAsClientAsync("node");
                // With TLS 1.3 the refusal comes after the client's own part.
                Assert.Equal(0, await stream.ReadAsync(new byte[1], Cancelled));
            }
            catch (Exception fault) when (fault is IOException or System.Security.Authentication.AuthenticationException)
            {
            }
        }

        await AssertUntouchedAsync(node, rejected: 3);
    }

    [Fact]
    public async Task Many_strangers_at_once_are_turned_away_and_nodes_still_come_in()
    {
        var (node, port) = Start(peers => peers.SharedSecret(Secret));
        var strangers = await Task.WhenAll(Enumerable.Range(0, 200).Select(_ => ConnectAsync(port)));
        await Eventually.TrueAsync(() => node.Broadcast.Status.Rejected >= 100);
        foreach (var stranger in strangers)
            stranger.Dispose();

        var (other, _) = Start(peers => peers.SharedSecret(Secret).Members($"127.0.0.1:{port}"));

        await Eventually.TrueAsync(() => node.Hears(other) && other.Hears(node));
    }

    [Theory]
    [InlineData("0.0.0.0:0")]
    [InlineData("192.0.2.1:7411")]
    [InlineData("[::]:7411")]
    public void Other_machines_need_a_secret_or_TLS(string endpoint)
    {
        var listening = Assert.Throws<ArgumentException>(() => new SecondLevelCache(cache => cache.UsePeers(peers => peers.Listen(endpoint))));
        Assert.Contains("SharedSecret", listening.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(
            () => new SecondLevelCache(cache => cache.UsePeers(peers => peers.Listen("127.0.0.1:0").Members("node-1:7411"))));
        Assert.Throws<ArgumentException>(() => new SecondLevelCache(cache => cache.UsePeers(peers => peers.SharedSecret("short"))));
    }

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    private static async Task AssertUntouchedAsync(BackplaneNode node, int rejected)
    {
        await Eventually.TrueAsync(() => node.Broadcast.Status.Rejected >= rejected);
        Assert.Equal(rejected, node.Broadcast.Status.Rejected);
        Assert.Empty(node.Tags);
        Assert.Equal(0, node.Flushes);
        Assert.Empty(node.Broadcast.Status.Nodes);
    }

    private static byte[] SecretOf(string secret)
    {
        var backplane = (PeerBackplane)PeerOptionsBuilder.Build(peers => peers.Listen("127.0.0.1:0").SharedSecret(secret))
            .Create(Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance);
        return backplane.Secret;
    }

    private static async Task<Socket> ConnectAsync(int port)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(new IPEndPoint(IPAddress.Loopback, port), Cancelled);
        return socket;
    }

    /// <summary>All that the node says to who sends this, until it cuts the connection.</summary>
    private static async Task<byte[]> AnswerAsync(int port, byte[] sent, int ignore = 0)
    {
        using var socket = await ConnectAsync(port);
        await socket.SendAsync(sent, Cancelled);
        var answer = await ReadToEndAsync(socket);
        // An alert of TLS tells nothing of us.
        return answer.Length <= ignore ? [] : answer;
    }

    private static async Task<byte[]> ReadToEndAsync(Socket socket)
    {
        var heard = new MemoryStream();
        var buffer = new byte[4096];
        try
        {
            while (await socket.ReceiveAsync(buffer, Cancelled) is var count and > 0)
                heard.Write(buffer, 0, count);
        }
        catch (SocketException)
        {
            // Cut, with something of ours unread.
        }

        return heard.ToArray();
    }

    private (BackplaneNode Node, int Port) Start(Action<PeerOptionsBuilder> configure)
    {
        var port = TcpProxy.FreePort();
        var node = new BackplaneNode(PeerOptionsBuilder.Build(peers => configure(peers.Listen($"127.0.0.1:{port}"))));
        _open.Add(node);
        return (node, port);
    }
}
