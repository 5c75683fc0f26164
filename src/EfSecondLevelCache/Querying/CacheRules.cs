namespace EfSecondLevelCache.Querying;

/// <summary>
/// Whether any cache of this process caches queries that do not ask for it themselves. While none does, a command without a policy is passed
/// on after one test of a field, so that applications pay nothing for what they do not use.
/// </summary>
internal static class CacheRules
{
    public static bool Any { get; private set; }

    public static void Add(SecondLevelCacheOptions options) => Any |= options.CacheAllQueries || options.EntityRules.Count > 0;
}
