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

    protected override async Task ListenAsync(CancellationToken cancellationToken)
    {
        var connection = await ConnectAsync().WaitAsync(cancellationToken).ConfigureAwait(false);
        var (subscriber, channel) = (connection.GetSubscriber(), ChannelOf(connection));
        using var listening = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        ConnectionFailedEventArgs? failure = null;
        // The library subscribes again by itself, without a word of what was published in between.
        void OnFailure(object? sender, ConnectionFailedEventArgs failed)
        {
            if (subscriber.SubscribedEndpoint(channel) is { } endpoint && !endpoint.Equals(failed.EndPoint))
                return;
            failure = failed;
            listening.Cancel();
        }

        connection.ConnectionFailed += OnFailure;
        try
        {
            // A queue keeps the order of the messages, which handlers do not.
            var messages = await subscriber.SubscribeAsync(channel).WaitAsync(listening.Token).ConfigureAwait(false);
            Subscribed();
            while (true)
                Received((await messages.ReadAsync(listening.Token).ConfigureAwait(false)).Message);
        }
        catch (OperationCanceledException) when (failure is not null)
        {
            throw new RedisConnectionException(failure.FailureType, CommandFlags.None, failure.Exception?.Message ?? $"{failure.FailureType}");
        }
        finally
        {
            connection.ConnectionFailed -= OnFailure;
            // All of the channel: where subscribing failed there is no queue to give back, and the library goes on trying to fill it.
            await subscriber.UnsubscribeAsync(channel, flags: CommandFlags.FireAndForget).ConfigureAwait(false);
        }
    }

    protected override async Task SendAsync(IReadOnlyList<ReadOnlyMemory<byte>> messages, CancellationToken cancellationToken)
    {
        var connection = await ConnectAsync().WaitAsync(cancellationToken).ConfigureAwait(false);
        var (subscriber, channel) = (connection.GetSubscriber(), ChannelOf(connection));
        // All are sent, in this order, before the first reply is waited for.
        await Task.WhenAll(messages.Select(message => subscriber.PublishAsync(channel, message))).WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    protected override async ValueTask CloseAsync()
    {
        if (ownsConnection && _connection is { IsCanceled: false, IsFaulted: false } connecting)
            await (await connecting.ConfigureAwait(false)).DisposeAsync().ConfigureAwait(false);
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
}
