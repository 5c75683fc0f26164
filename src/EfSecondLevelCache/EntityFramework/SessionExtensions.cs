using EfSecondLevelCache.Session;

namespace EfSecondLevelCache.EntityFramework;

/// <summary>What of a session only the top floors know.</summary>
internal static class SessionExtensions
{
    extension(CacheSession session)
    {
        /// <summary>The cache that the context's options name; null: the context has none.</summary>
        public SecondLevelCache? SecondLevelCache => (SecondLevelCache?)session.Cache;
    }
}
