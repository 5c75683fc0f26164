using EfSecondLevelCache;
using EfSecondLevelCache.Redis;
using StackExchange.Redis;

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
    /// As StackExchange.Redis has it: <c>host:port,user=...,password=...,ssl=true,defaultDatabase=0,channelPrefix=...</c>; several servers for a
    /// cluster, <c>serviceName=...</c> for Sentinel.
    /// </param>
    /// <exception cref="ArgumentException">A part of it is not understood; the message names it, without its value, or it names no server.</exception>
    public static SecondLevelCacheOptionsBuilder UseRedis(this SecondLevelCacheOptionsBuilder cache, string configuration)
    {
        var options = Parse(configuration);
        // The library's own pauses grow up to a minute; until it is connected, the nodes do not hear each other.
        options.ReconnectRetryPolicy = new LinearRetry((int)TimeSpan.FromSeconds(0.5).TotalMilliseconds);
        return cache.UseRedis(options);
    }

    /// <summary>The same with what a text can't say: certificates to trust or to show, pauses between attempts to connect.</summary>
    /// <param name="cache">The cache's settings.</param>
    /// <param name="options">
    /// Copied. <c>AbortOnConnectFail</c> and <c>BacklogPolicy</c> are not heeded: a server that is down at first is no error, and nothing is
    /// kept for it. Contexts share a cache where the texts of their options are equal, whatever callbacks these have.
    /// </param>
    /// <exception cref="ArgumentException"><paramref name="options"/> name no server.</exception>
    public static SecondLevelCacheOptionsBuilder UseRedis(this SecondLevelCacheOptionsBuilder cache, ConfigurationOptions options)
    {
        ArgumentNullException.ThrowIfNull(cache);
        ArgumentNullException.ThrowIfNull(options);
        if (options.EndPoints.Count == 0)
            throw new ArgumentException("The configuration of Redis names no server, or none with a valid port; give one like localhost:6379.", nameof(options));
        return cache.UseBackplane(new RedisBackplaneSettings(options));
    }

    /// <summary>The same over the application's own connection, which is not disposed with the cache.</summary>
    /// <param name="cache">The cache's settings.</param>
    /// <param name="connect">
    /// Gives the connection. It is asked once, in the background, and again half a second after it has failed. Contexts share a cache where this
    /// is the same method of the same object.
    /// </param>
    /// <param name="channelPrefix">Tells applications apart that share a server; it comes after a prefix that the connection has.</param>
    public static SecondLevelCacheOptionsBuilder UseRedis(
        this SecondLevelCacheOptionsBuilder cache, Func<Task<IConnectionMultiplexer>> connect, string channelPrefix = "")
    {
        ArgumentNullException.ThrowIfNull(cache);
        ArgumentNullException.ThrowIfNull(connect);
        ArgumentNullException.ThrowIfNull(channelPrefix);
        return cache.UseBackplane(new SharedRedisBackplaneSettings(connect, channelPrefix));
    }

    private static ConfigurationOptions Parse(string configuration)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(configuration);
        try
        {
            return ConfigurationOptions.Parse(configuration);
        }
        catch (Exception fault) when (fault is ArgumentException or FormatException)
        {
            // Not the library's message, which quotes values.
            var part = (fault as ArgumentException)?.ParamName ?? "a tunnel";
            throw new ArgumentException(
                $"The configuration of Redis has {part}, which is not understood, or not with its value. "
                + "Give one like localhost:6379,user=...,password=...,ssl=true; StackExchange.Redis' documentation lists all of its parts.",
                nameof(configuration));
        }
    }
}
