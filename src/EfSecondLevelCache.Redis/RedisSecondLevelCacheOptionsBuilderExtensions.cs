using System.Security.Cryptography.X509Certificates;
using EfSecondLevelCache;
using EfSecondLevelCache.Redis;

// The namespace of EF Core's own UseX methods, so that a user's file needs no new using.
#pragma warning disable IDE0130
namespace Microsoft.EntityFrameworkCore;

/// <summary>Lets Redis carry what the nodes tell each other.</summary>
public static class RedisSecondLevelCacheOptionsBuilderExtensions
{
    /// <summary>
    /// Lets Redis carry what the nodes tell each other. While it is down, queries and writes go on; see
    /// <see cref="SecondLevelCacheOptionsBuilder.MaxStaleness"/> for what is served meanwhile.
    /// </summary>
    /// <param name="cache">The cache's settings.</param>
    /// <param name="configuration">
    /// As StackExchange.Redis has it: <c>host:port,user=...,password=...,ssl=true,defaultDatabase=0,channelPrefix=...</c>.
    /// </param>
    /// <param name="authority">
    /// With <c>ssl=true</c>: the authority that has issued the server's certificate, where this machine does not trust it anyway. The name in the
    /// certificate must be the host's, or <c>sslHost</c>.
    /// </param>
    /// <exception cref="ArgumentException"><paramref name="configuration"/> is not understood, or lacks <c>ssl=true</c> for the authority.</exception>
    public static SecondLevelCacheOptionsBuilder UseRedis(
        this SecondLevelCacheOptionsBuilder cache, string configuration, X509Certificate2? authority = null)
    {
        ArgumentNullException.ThrowIfNull(cache);
        var server = RedisServer.Parse(configuration) with { Authority = authority };
        if (authority is not null && !server.Tls)
            throw new ArgumentException("UseRedis was given an authority for certificates, and the configuration lacks ssl=true.", nameof(authority));
        return cache.UseBackplane(new RedisBackplaneSettings(server, Connect: null, server.ChannelPrefix));
    }

    /// <summary>The same over a connection of the application's own.</summary>
    /// <param name="cache">The cache's settings.</param>
    /// <param name="connect">Makes the connection that the cache uses, and disposes when it is disposed itself.</param>
    /// <param name="channelPrefix">Tells applications apart that share a server.</param>
    public static SecondLevelCacheOptionsBuilder UseRedis(
        this SecondLevelCacheOptionsBuilder cache, Func<IRedisConnection> connect, string channelPrefix = "")
    {
        ArgumentNullException.ThrowIfNull(cache);
        ArgumentNullException.ThrowIfNull(connect);
        ArgumentNullException.ThrowIfNull(channelPrefix);
        return cache.UseBackplane(new RedisBackplaneSettings(Server: null, connect, channelPrefix));
    }
}
