namespace EfSecondLevelCache.Planning;

/// <summary>
/// Whether any cache of this process caches queries that do not ask for it themselves. While none does, a command without a policy is passed
/// on after one test of a field, so that applications pay nothing for what they do not use.
/// </summary>
internal static class CacheRules
{
    private static volatile bool _any;

    public static bool Any => _any;

    public static void Add(SecondLevelCacheOptions options)
    {
        // Only ever set: reading it to combine the two could undo what another thread sets.
        if (options.CacheAllQueries || options.EntityRules.Count > 0)
            _any = true;
    }
}
