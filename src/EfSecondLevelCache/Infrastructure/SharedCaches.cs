using System.Collections.Concurrent;

namespace EfSecondLevelCache.Infrastructure;

/// <summary>The caches that were configured by settings and not by hand: one for each set of equal settings, as long as the process lives.</summary>
internal static class SharedCaches
{
    private static readonly ConcurrentDictionary<SecondLevelCacheOptions, Lazy<SecondLevelCache>> Caches = new();

    public static int Count => Caches.Count;

    public static SecondLevelCache Get(SecondLevelCacheOptions options)
        => Caches.GetOrAdd(options, static o => new Lazy<SecondLevelCache>(() => new SecondLevelCache(o))).Value;
}
