using System.Net;
using EfSecondLevelCache.Backplanes;
using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace EfSecondLevelCache.Redis;

/// <summary>
/// Pub/Sub. It forgets what is published while a node is away; the numbers of the messages show that, and the node flushes. A stream would keep
/// them, for the price of memory in Redis and a second round trip, to save a flush after a lost connection.
/// </summary>
internal sealed class RedisBackplane(Func<Task<IConnectionMultiplexer>> connect, bool ownsConnection, string channelPrefix, ILogger logger)
    : ChannelBackplane(logger)
{
    private readonly Lock _lock = new();
    private Task<IConnectionMultiplexer>? _connection;

    public override int MaxMessageBytes => 64 << 10;

    // The library delivers over the pool, whatever thread waits here.
    protected override void Listen(CancellationToken cancellationToken) => ListenAsync(cancellationToken).GetAwaiter().GetResult();

    protected override void Send(IReadOnlyList<ReadOnlyMemory<byte>> messages, CancellationToken cancellationToken)
        => SendAsync(messages, cancellationToken).GetAwaiter().GetResult();

    private async Task ListenAsync(CancellationToken cancellationToken)
    {
        var connection = await ConnectAsync().WaitAsync(cancellationToken).ConfigureAwait(false);
        var (subscriber, channel) = (connection.GetSubscriber(), ChannelOf(connection));
        using var listening = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        ConnectionFailedEventArgs? failure = null;
        ChannelMessageQueue? messages = null;
        // The library subscribes again by itself, without a word of what was published in between.
        void OnLost(object? sender, ConnectionFailedEventArgs failed)
        {
            if (subscriber.SubscribedEndpoint(channel) is { } endpoint && !endpoint.Equals(failed.EndPoint))
                return;
            failure = failed;
            listening.Cancel();
        }

        connection.ConnectionFailed += OnLost;
        try
        {
            // A queue keeps the order of the messages, which handlers do not.
            messages = await subscriber.SubscribeAsync(channel).WaitAsync(listening.Token).ConfigureAwait(false);
            Subscribed();
            while (true)
                Received((await messages.ReadAsync(listening.Token).ConfigureAwait(false)).Message);
        }
        catch (Exception fault) when (fault is RedisException || failure is not null)
        {
            var cause = failure is null ? fault.Message : failure.Exception?.Message ?? $"{failure.FailureType}";
            throw new IOException($"{string.Join(", ", connection.GetEndPoints().Select(TextOf))}: {cause}", fault);
        }
        finally
        {
            connection.ConnectionFailed -= OnLost;
            // Where subscribing failed there is no queue to give back, and the library goes on trying to fill it: then all of the channel.
            await (messages?.UnsubscribeAsync(CommandFlags.FireAndForget) ?? subscriber.UnsubscribeAsync(channel, flags: CommandFlags.FireAndForget))
                .ConfigureAwait(false);
        }
    }

    private async Task SendAsync(IReadOnlyList<ReadOnlyMemory<byte>> messages, CancellationToken cancellationToken)
    {
        var connection = await ConnectAsync().WaitAsync(cancellationToken).ConfigureAwait(false);
        var (subscriber, channel) = (connection.GetSubscriber(), ChannelOf(connection));
        // All are sent, in this order, before the first reply is waited for.
        await Task.WhenAll(messages.Select(message => subscriber.PublishAsync(channel, message))).WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    protected override async ValueTask CloseAsync()
    {
        // One that is not connected yet is not waited for: it is closed when it is.
        if (ownsConnection && _connection is { } connecting)
            await Task.WhenAny(connecting.ContinueWith(DisposeAsync, TaskScheduler.Default).Unwrap(), Task.Delay(1000)).ConfigureAwait(false);
    }

    /// <summary>
    /// The braces keep in one slot of a cluster what may come beside it. Pub/Sub knows no databases, so the name does. It is not sharded: one channel
    /// would gain nothing by that, need Redis 7, and move with its slot; a cluster hands a plain message on to all of its nodes.
    /// </summary>
    private RedisChannel ChannelOf(IConnectionMultiplexer connection)
        => RedisChannel.Literal($"{channelPrefix}{{ef-second-level-cache}}:{connection.GetDatabase().Database}:changes");

    private Task<IConnectionMultiplexer> ConnectAsync()
    {
        lock (_lock)
            return _connection = _connection is null or { IsFaulted: true } or { IsCanceled: true } ? connect() : _connection;
    }

    private static async Task DisposeAsync(Task<IConnectionMultiplexer> connecting)
    {
        if (connecting.IsCompletedSuccessfully)
            await (await connecting.ConfigureAwait(false)).DisposeAsync().ConfigureAwait(false);
    }

    private static string TextOf(EndPoint endpoint) => endpoint is DnsEndPoint name ? $"{name.Host}:{name.Port}" : $"{endpoint}";
}
