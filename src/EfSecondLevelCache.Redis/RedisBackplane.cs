using EfSecondLevelCache.Backplanes;
using Microsoft.Extensions.Logging;

namespace EfSecondLevelCache.Redis;

/// <summary>
/// Pub/Sub. It forgets what is published while a node is away; the numbers of the messages show that, and the node flushes. A stream would keep
/// them, for the price of memory in Redis and a second round trip, to save a flush after a lost connection.
/// </summary>
internal sealed class RedisBackplane(IRedisConnection connection, string channel, ILogger logger) : ChannelBackplane(logger)
{
    public override int MaxMessageBytes => 64 << 10;

    protected override Task ListenAsync(CancellationToken cancellationToken)
        => connection.SubscribeAsync(channel, Subscribed, Received, cancellationToken);

    protected override Task SendAsync(IReadOnlyList<ReadOnlyMemory<byte>> messages, CancellationToken cancellationToken)
        => connection.PublishAsync(channel, messages, cancellationToken);

    protected override ValueTask CloseAsync() => connection.DisposeAsync();
}
