using System.Diagnostics;
using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using EfSecondLevelCache.Threading;

namespace EfSecondLevelCache.Backplanes.Peers;

/// <summary>Takes the connections over which the other nodes' messages come.</summary>
internal sealed class PeerListener
{
    /// <summary>More strangers than that at a time are turned away.</summary>
    private const int MostUnproven = 64;

    private static readonly TimeSpan HandshakeTimeout = TimeSpan.FromSeconds(5);

    /// <summary>Heartbeats come several times a second; a connection without any is dead. So is one on which nothing comes back.</summary>
    public static readonly TimeSpan LongestSilence = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan BetweenSigns = TimeSpan.FromSeconds(1);
    private static readonly byte[] SignOfLife = [0];

    private readonly PeerBackplane _owner;
    private readonly IPEndPoint _wanted;
    private volatile Socket? _socket;
    private readonly CancellationTokenSource _stopping = new();
    private Task _accepting = Task.CompletedTask;
    private int _unproven;

    public PeerListener(PeerBackplane owner, IPEndPoint endpoint)
    {
        _owner = owner;
        _wanted = endpoint;
        Bind();
    }

    /// <summary>The endpoint with the port that it got.</summary>
    public IPEndPoint Endpoint => (IPEndPoint?)_socket?.LocalEndPoint ?? _wanted;

    /// <summary>Why nobody can connect; null: they can.</summary>
    public string? Fault { get; private set; }

    public void Start() => _accepting = BackgroundWork.RunOnPool(AcceptAsync);

    public async Task StopAsync()
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        _socket?.Dispose();
        await _accepting.ConfigureAwait(false);
    }

    private async Task AcceptAsync()
    {
        while (!_stopping.IsCancellationRequested)
        {
            try
            {
                // The process before us may still have the port. Queries do not fail for that: nobody hears us, and the health says so.
                if (_socket is null && !Bind())
                {
                    await Task.Delay(500, _stopping.Token).ConfigureAwait(false);
                    continue;
                }

                var socket = await _socket!.AcceptAsync(_stopping.Token).ConfigureAwait(false);
                if (Interlocked.Increment(ref _unproven) <= MostUnproven)
                {
                    _ = ServeAsync(socket);
                    continue;
                }

                Interlocked.Decrement(ref _unproven);
                _owner.Reject(socket.RemoteEndPoint, "too many connect at once");
                socket.Dispose();
            }
            catch (Exception fault) when (fault is SocketException or ObjectDisposedException or OperationCanceledException)
            {
                // Out of handles, perhaps: not in a busy loop.
                if (!_stopping.IsCancellationRequested)
                    await Task.Delay(100).ConfigureAwait(false);
            }
        }
    }

    private bool Bind()
    {
        var socket = new Socket(_wanted.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            if (_wanted.Address.Equals(IPAddress.IPv6Any))
                socket.DualMode = true;
            socket.Bind(_wanted);
            socket.Listen();
            _socket = socket;
            Fault = null;
            return true;
        }
        catch (SocketException fault)
        {
            socket.Dispose();
            Fault = $"can't listen on {_wanted}: {fault.Message}. Another process may have the port; name a free one with Listen(...)";
            return false;
        }
    }

    private async Task ServeAsync(Socket socket)
    {
        var address = socket.RemoteEndPoint;
        PeerIdentity? identity = null;
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(_stopping.Token);
        try
        {
            ended.CancelAfter(HandshakeTimeout);
            socket.NoDelay = true;
            Stream? stream = null;
            try
            {
                stream = await _owner.Tls.AcceptAsync(socket, ended.Token).ConfigureAwait(false);
                identity = await new PeerHandshake(stream, _owner.Secret, _owner.Incarnation).AcceptAsync(ended.Token).ConfigureAwait(false);
            }
            finally
            {
                Interlocked.Decrement(ref _unproven);
                if (identity is null && stream is not null)
                    await stream.DisposeAsync().ConfigureAwait(false);
            }

            await using (stream.ConfigureAwait(false))
            {
                if (identity.Incarnation == _owner.Incarnation)
                    return;
                _owner.Accepted(identity);
                using var frames = new PeerFrames(identity.FrameKey);
                await BackgroundWork.RunOnThread($"from {identity.Endpoint}", () => Receive(stream, frames, identity, ended)).ConfigureAwait(false);
            }
        }
        catch (PeerRejectedException fault)
        {
            _owner.Reject(address, fault.Message);
        }
        catch (Exception) when (_stopping.IsCancellationRequested)
        {
        }
        catch (Exception fault)
        {
            // A node's connection may break; a stranger's that ends without a proof is noted.
            if (identity is null)
                _owner.Reject(address, fault is OperationCanceledException ? "it did not prove anything in time" : fault.Message);
        }
        finally
        {
            socket.Dispose();
            if (identity is not null && identity.Incarnation != _owner.Incarnation)
                _owner.Closed(identity);
        }
    }

    /// <summary>Runs on a thread of its own, as long as the connection lasts.</summary>
    private void Receive(Stream stream, PeerFrames frames, PeerIdentity identity, CancellationTokenSource ended)
    {
        // The time for the handshake is over; a read ends by its own.
        ended.CancelAfter(Timeout.InfiniteTimeSpan);
        using var cut = ended.Token.UnsafeRegister(static stream => ((Stream)stream!).Dispose(), stream);
        stream.ReadTimeout = stream.WriteTimeout = (int)LongestSilence.TotalMilliseconds;
        var reader = PipeReader.Create(new SynchronousReads(stream, Thread.CurrentThread));
        long lastSign = 0;
        while (true)
        {
            var read = reader.ReadAsync(ended.Token).AsTask().GetAwaiter().GetResult();
            if (Stopwatch.GetElapsedTime(lastSign) > BetweenSigns)
            {
                stream.Write(SignOfLife);
                lastSign = Stopwatch.GetTimestamp();
            }

            var received = read.Buffer;
            while (frames.TryRead(ref received, out var message))
            {
                if (message.IsEmpty)
                    _owner.Left(identity);
                else
                    _owner.Received(message);
            }

            if (read.IsCompleted)
                return;
            reader.AdvanceTo(received.Start, received.End);
        }
    }
}
