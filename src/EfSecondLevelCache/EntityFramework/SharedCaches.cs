using System.Collections.Concurrent;
using EfSecondLevelCache.Diagnostics;
using Microsoft.Extensions.Logging;

namespace EfSecondLevelCache.EntityFramework;

/// <summary>
/// The caches that were configured by settings and not by hand: one for each set of equal settings. Settings that differ each time, as a lambda
/// that captures a new object, would make caches without end: past the most, that of the others which has served least is disposed of.
/// </summary>
internal static class SharedCaches
{
    private static readonly ConcurrentDictionary<SecondLevelCacheOptions, Lazy<SecondLevelCache>> Caches = new();

    /// <summary>So many caches look like an accident.</summary>
    private const int Many = 8;

    private const int Most = 64;

    private static int _warned;

    /// <summary>Says once, where it is so, that the process has ended up with many.</summary>
    private static void WarnOfMany(ILogger logger)
    {
        if (Caches.Count >= Many && Interlocked.Exchange(ref _warned, 1) == 0)
            Log.ManyCaches(logger, Caches.Count);
    }

    /// <param name="options">Of the cache.</param>
    /// <param name="loggerFactory">Of the context that asks; the first one's stays.</param>
    public static SecondLevelCache Get(SecondLevelCacheOptions options, ILoggerFactory? loggerFactory)
    {
        var cache = Caches
            .GetOrAdd(options, static (o, loggers) => new Lazy<SecondLevelCache>(() => new SecondLevelCache(o, loggers)), loggerFactory)
            .Value;
        if (loggerFactory is not null)
            WarnOfMany(Log.LoggerOf(loggerFactory));
        if (Caches.Count > Most)
            DisposeOfOne(except: options);
        return cache;
    }

    /// <summary>Who still has it goes to the database, and finds another one with the next context.</summary>
    private static void DisposeOfOne(SecondLevelCacheOptions except)
    {
        var least = Caches.Where(cache => cache.Value.IsValueCreated && !cache.Key.Equals(except)).MinBy(cache => cache.Value.Value.Served);
        if (least.Value is not null && Caches.TryRemove(least))
            _ = Task.Run(async () => await least.Value.Value.DisposeAsync().ConfigureAwait(false));
    }
}
