using EfSecondLevelCache.Backplanes;
using EfSecondLevelCache.Redis.Resp;
using Microsoft.Extensions.Logging;

namespace EfSecondLevelCache.Redis;

/// <summary>The settings of Redis as the backplane.</summary>
/// <param name="Server">Null: <paramref name="Connect"/> makes the connection.</param>
/// <param name="Connect">The application's own.</param>
/// <param name="ChannelPrefix">Tells applications apart that share a server.</param>
internal sealed record RedisBackplaneSettings(RedisServer? Server, Func<IRedisConnection>? Connect, string ChannelPrefix) : BackplaneFactory
{
    // Pub/Sub knows no databases, and a cluster hands a message on to all of its nodes whatever the name. The braces keep what may come to one slot.
    public override IBackplane Create(ILogger logger)
        => new RedisBackplane(
            Connect?.Invoke() ?? new RespConnection(Server!), $"{ChannelPrefix}{{ef-second-level-cache}}:{Server?.Database ?? 0}:changes", logger);

    /// <summary>Without the password: settings are printed where two differ.</summary>
    public override string ToString() => $"Redis at {Server?.Endpoint ?? "the application's connection"}";
}
