using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace EfSecondLevelCache.Redis;

/// <summary>The settings of Redis as the backplane, over a connection of the application.</summary>
internal sealed record SharedRedisBackplaneSettings(Func<Task<IConnectionMultiplexer>> Connect, string ChannelPrefix) : BackplaneFactory
{
    public override IBackplane Create(ILogger logger) => new RedisBackplane(Connect, ownsConnection: false, ChannelPrefix, logger);

    public override string ToString() => "Redis over the application's connection";
}
