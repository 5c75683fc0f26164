using System.Collections.Concurrent;
using EfSecondLevelCache.Diagnostics;
using Microsoft.Extensions.Logging;

namespace EfSecondLevelCache.Infrastructure;

/// <summary>The caches that were configured by settings and not by hand: one for each set of equal settings, as long as the process lives.</summary>
internal static class SharedCaches
{
    private static readonly ConcurrentDictionary<SecondLevelCacheOptions, Lazy<SecondLevelCache>> Caches = new();

    /// <summary>From how many on it looks like an accident.</summary>
    private const int Many = 8;

    private static int _warned;

    /// <summary>Says once, where it is so, that the process has ended up with many.</summary>
    public static void WarnOfMany(ILogger logger)
    {
        if (Caches.Count >= Many && Interlocked.Exchange(ref _warned, 1) == 0)
            Log.ManyCaches(logger, Caches.Count);
    }

    /// <param name="options">Of the cache.</param>
    /// <param name="loggerFactory">Of the context that asks; the first one's stays.</param>
    public static SecondLevelCache Get(SecondLevelCacheOptions options, ILoggerFactory? loggerFactory)
        => Caches.GetOrAdd(options, static (o, loggers) => new Lazy<SecondLevelCache>(() => new SecondLevelCache(o, loggers)), loggerFactory).Value;
}
