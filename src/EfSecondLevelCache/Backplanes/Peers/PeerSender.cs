using System.IO.Pipelines;
using System.Net.Sockets;
using EfSecondLevelCache.Threading;

namespace EfSecondLevelCache.Backplanes.Peers;

/// <summary>The connection to one member, over which this node's messages go to it. It is dialled again for as long as the member is one.</summary>
internal sealed class PeerSender
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan ShortestPause = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(5);
    private const int BatchBytes = 64 << 10;

    private readonly PeerBackplane _owner;
    private readonly CancellationTokenSource _stopping = new();
    private readonly SemaphoreSlim _dialNow = new(0);
    private volatile OutgoingQueue? _queue;
    private volatile bool _isLeaving;
    private TimeSpan _pause = ShortestPause;

    /// <param name="owner">Of this node.</param>
    /// <param name="endpoint">Of the member.</param>
    /// <param name="isListed">It was configured, and did not only introduce itself.</param>
    public PeerSender(PeerBackplane owner, string endpoint, bool isListed)
    {
        _owner = owner;
        Endpoint = endpoint;
        IsListed = isListed;
        Ended = BackgroundWork.RunOnPool(RunAsync);
    }

    public string Endpoint { get; }

    public bool IsListed { get; set; }

    /// <summary>The incarnation of the node that was last met there, or that introduced itself.</summary>
    public Guid? Incarnation { get; set; }

    public bool IsConnected => _queue is not null;

    /// <summary>The member is this node.</summary>
    public bool IsSelf { get; private set; }

    /// <summary>The member has taken its leave, so that nobody misses it.</summary>
    public bool HasLeft { get; set; }

    public Task Ended { get; }

    /// <returns>How many messages the member does not get.</returns>
    public int Send(ReadOnlyMemory<byte> message) => _queue is { } queue ? queue.Add(message) : IsSelf || HasLeft ? 0 : 1;

    /// <summary>What waits is still sent, for a moment.</summary>
    public void Leave()
    {
        _isLeaving = true;
        _queue?.Complete();
        _stopping.CancelAfter(_queue is null ? TimeSpan.Zero : TimeSpan.FromSeconds(1));
    }

    /// <summary>The member is there: no need to wait for the next attempt.</summary>
    public void DialNow()
    {
        if (!IsConnected)
            _dialNow.Release();
    }

    public void Stop() => _stopping.Cancel();

    private async Task RunAsync()
    {
        while (!_stopping.IsCancellationRequested)
        {
            try
            {
                await ConnectAsync().ConfigureAwait(false);
            }
            catch (Exception fault)
            {
                if (!_stopping.IsCancellationRequested)
                    _owner.ConnectionFailed(this, fault);
            }

            if (IsSelf || _isLeaving)
                return;
            try
            {
                await _dialNow.WaitAsync(_pause * (0.5 + (Random.Shared.NextDouble() / 2)), _stopping.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                return;
            }

            _pause = _pause * 2 < LongestPause ? _pause * 2 : LongestPause;
        }
    }

    /// <summary>Returns, or fails, when the connection has ended.</summary>
    private async Task ConnectAsync()
    {
        using var connecting = CancellationTokenSource.CreateLinkedTokenSource(_stopping.Token);
        connecting.CancelAfter(Timeout);
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(PeerAddress.Parse(Endpoint), connecting.Token).ConfigureAwait(false);
        var stream = await _owner.Tls.DialAsync(socket, connecting.Token).ConfigureAwait(false);
        await using var ending = stream.ConfigureAwait(false);
        var identity = await new PeerHandshake(stream, _owner.Secret, _owner.Incarnation).DialAsync(_owner.NodeName, connecting.Token).ConfigureAwait(false);
        Incarnation = identity.Incarnation;
        IsSelf = identity.Incarnation == _owner.Incarnation;
        if (IsSelf || !_owner.MayConnect(this))
            return;

        var queue = new OutgoingQueue(_owner.QueueBytes);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(_stopping.Token);
        var closing = WaitForCloseAsync(stream, ended);
        try
        {
            HasLeft = false;
            _pause = ShortestPause;
            _queue = queue;
            _owner.Connected(this);
            using var frames = new PeerFrames(identity.FrameKey);
            await BackgroundWork.RunOnThread(
                $"to {Endpoint}",
                () => Write(PipeWriter.Create(stream, new StreamPipeWriterOptions(leaveOpen: true)), frames, queue, ended.Token)).ConfigureAwait(false);
        }
        finally
        {
            _queue = null;
            await ended.CancelAsync().ConfigureAwait(false);
            await stream.DisposeAsync().ConfigureAwait(false);
            await closing.ConfigureAwait(false);
            _owner.Disconnected(this);
        }
    }

    /// <summary>Writes what is queued, on a thread of its own: what changed is not to wait for one.</summary>
    private static void Write(PipeWriter writer, PeerFrames frames, OutgoingQueue queue, CancellationToken ended)
    {
        while (queue.Wait(ended))
        {
            while (writer.UnflushedBytes < BatchBytes && queue.TryTake(out var message))
                frames.Write(writer, message.Span);
            // What the socket takes at once, which is nearly all, is sent on this thread.
            FlushAsync(writer, ended).GetAwaiter().GetResult();
        }

        frames.Write(writer, []);
        FlushAsync(writer, ended).GetAwaiter().GetResult();
    }

    /// <summary>A member that takes nothing for so long is cut off: behind a dead connection it would look like a slow one for ever.</summary>
    private static async Task FlushAsync(PipeWriter writer, CancellationToken ended)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(ended);
        timeout.CancelAfter(Timeout);
        await writer.FlushAsync(timeout.Token).ConfigureAwait(false);
    }

    /// <summary>
    /// The other side sends signs of life and no more. Where they stay away its machine may be gone without a word; what is sent there would be sent into
    /// the void for as long as TCP tries.
    /// </summary>
    private static async Task WaitForCloseAsync(Stream stream, CancellationTokenSource ended)
    {
        try
        {
            var signs = new byte[16];
            using var silence = CancellationTokenSource.CreateLinkedTokenSource(ended.Token);
            do
                silence.CancelAfter(PeerListener.LongestSilence);
            while (await stream.ReadAsync(signs, silence.Token).ConfigureAwait(false) > 0);
        }
        catch (Exception fault) when (fault is IOException or OperationCanceledException or ObjectDisposedException)
        {
        }

        await ended.CancelAsync().ConfigureAwait(false);
    }
}
