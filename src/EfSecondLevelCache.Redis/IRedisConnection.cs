namespace EfSecondLevelCache.Redis;

/// <summary>
/// All that the cache asks of a Redis client. The package brings one; implement it over the client of your application to share its connections.
/// Members fail when the server can't be reached, and work again when it can.
/// </summary>
public interface IRedisConnection : IAsyncDisposable
{
    /// <summary>Sends messages to everybody who is subscribed, in this order.</summary>
    Task PublishAsync(string channel, IReadOnlyList<ReadOnlyMemory<byte>> messages, CancellationToken cancellationToken);

    /// <summary>Subscribes, and returns or fails when the subscription has ended: it is not renewed silently, or messages would be missed unnoticed.</summary>
    /// <param name="channel">Its exact name.</param>
    /// <param name="subscribed">Called once, when every later message will be received.</param>
    /// <param name="received">Called for each message, in their order; the memory is valid during the call.</param>
    /// <param name="cancellationToken">Ends the subscription.</param>
    Task SubscribeAsync(string channel, Action subscribed, Action<ReadOnlyMemory<byte>> received, CancellationToken cancellationToken);

    /// <summary>The value of a key; null: it has none.</summary>
    Task<byte[]?> GetAsync(string key, CancellationToken cancellationToken);

    /// <summary>Sets the value of a key for some time.</summary>
    Task SetAsync(string key, ReadOnlyMemory<byte> value, TimeSpan timeToLive, CancellationToken cancellationToken);

    /// <summary>Takes a key's value away.</summary>
    Task DeleteAsync(string key, CancellationToken cancellationToken);
}
