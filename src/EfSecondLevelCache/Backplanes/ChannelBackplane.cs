using EfSecondLevelCache.Diagnostics;
using EfSecondLevelCache.Threading;
using Microsoft.Extensions.Logging;

namespace EfSecondLevelCache.Backplanes;

/// <summary>
/// A backplane over a channel of a server, to which every node publishes and which every node hears, its own messages included. What is lost while the
/// connection is, is lost: who hears again has been interrupted.
/// </summary>
internal abstract class ChannelBackplane(ILogger logger) : IBackplane
{
    private const int QueueBytes = 4 << 20;
    private const int BatchMessages = 100;

    /// <summary>Our own heartbeats come back over the channel; when even they do not, the connection is dead.</summary>
    private static readonly TimeSpan LongestSilence = TimeSpan.FromSeconds(5);

    private readonly OutgoingQueue _queue = new(QueueBytes);
    private readonly CancellationTokenSource _stopping = new();
    private IBackplaneReceiver? _receiver;
    private CancellationTokenSource? _listeningNow;
    private Task _listening = Task.CompletedTask;
    private Task _publishing = Task.CompletedTask;
    private volatile string? _fault = "not connected yet";
    private volatile BackplaneState _state = BackplaneState.Starting;
    private long _dropped;

    public string NodeName { get; } = $"{Environment.MachineName}/{Environment.ProcessId}/{Guid.NewGuid().ToString("N")[..4]}";

    public abstract int MaxMessageBytes { get; }

    public BackplaneHealth Health => new(_state, Volatile.Read(ref _dropped), Detail: WhyNotConnecting ?? _fault);

    /// <summary>Why it can't even try to connect yet; null: it can. Until then nobody has heard of this node.</summary>
    protected virtual string? WhyNotConnecting => null;

    public void Start(IBackplaneReceiver receiver)
    {
        _receiver = receiver;
        if (WhyNotConnecting is null)
            Connect();
    }

    public void Publish(ReadOnlyMemory<byte> message)
    {
        // The first heartbeat that is sent tells the others how many changes they have missed.
        if (WhyNotConnecting is not null)
            return;
        if (_queue.Add(message) is var dropped and > 0)
            Interlocked.Add(ref _dropped, dropped);
    }

    /// <summary>What waits is still sent, for a moment.</summary>
    public async ValueTask DisposeAsync()
    {
        _queue.Complete();
        _stopping.CancelAfter(TimeSpan.FromSeconds(1));
        await _publishing.ConfigureAwait(false);
        await _stopping.CancelAsync().ConfigureAwait(false);
        await _listening.ConfigureAwait(false);
        await CloseAsync().ConfigureAwait(false);
    }

    /// <summary>Has it connect by itself from now on, whenever it must.</summary>
    protected void Connect()
    {
        _listening = BackgroundWork.RunOnThread("backplane, listening", Listen);
        _publishing = BackgroundWork.RunOnThread("backplane, publishing", Publish);
    }

    /// <summary>
    /// Connects and listens until the connection is lost, on a thread of its own. Calls <see cref="Subscribed"/> once and then <see cref="Received"/>.
    /// </summary>
    protected abstract void Listen(CancellationToken cancellationToken);

    /// <summary>Sends what is queued, on a thread of its own.</summary>
    protected abstract void Send(IReadOnlyList<ReadOnlyMemory<byte>> messages, CancellationToken cancellationToken);

    protected abstract ValueTask CloseAsync();

    /// <summary>Says that it is subscribed: every message is heard from now on.</summary>
    protected void Subscribed()
    {
        // What was published before is not heard any more.
        _receiver!.Interrupted();
        (_state, _fault) = (BackplaneState.Live, null);
        Log.BackplaneEvent(logger, "listening");
    }

    protected void Received(ReadOnlyMemory<byte> message)
    {
        _listeningNow!.CancelAfter(LongestSilence);
        // Ahead of the subscription's own confirmation: what was published before it may be missing already.
        if (_state is not BackplaneState.Live)
            _receiver!.Interrupted();
        _receiver!.Received(message);
    }

    private void Listen()
    {
        while (!_stopping.IsCancellationRequested)
        {
            using var listening = _listeningNow = CancellationTokenSource.CreateLinkedTokenSource(_stopping.Token);
            try
            {
                listening.CancelAfter(LongestSilence);
                Listen(listening.Token);
                Lost("the connection was closed");
            }
            catch (Exception) when (_stopping.IsCancellationRequested)
            {
                return;
            }
            catch (Exception fault)
            {
                Lost(listening.IsCancellationRequested ? $"nothing was heard for {LongestSilence}" : fault.Message);
            }

            Pause();
        }
    }

    private void Lost(string fault)
    {
        (_state, _fault) = (_state is BackplaneState.Starting ? BackplaneState.Starting : BackplaneState.Lost, fault);
        Log.BackplaneEvent(logger, $"not listening: {fault}");
    }

    private void Publish()
    {
        while (true)
        {
            var messages = new List<ReadOnlyMemory<byte>>();
            try
            {
                if (!_queue.Wait(_stopping.Token))
                    return;
                while (messages.Count < BatchMessages && _queue.TryTake(out var message))
                    messages.Add(message);
                Send(messages, _stopping.Token);
            }
            catch (Exception) when (_stopping.IsCancellationRequested)
            {
                return;
            }
            catch (Exception fault)
            {
                // The others see by the next number that they missed some.
                Interlocked.Add(ref _dropped, messages.Count);
                Log.BackplaneEvent(logger, $"could not publish: {fault.Message}");
                Pause();
            }
        }
    }

    private void Pause() => _stopping.Token.WaitHandle.WaitOne(TimeSpan.FromSeconds(0.2 + (0.3 * Random.Shared.NextDouble())));
}
