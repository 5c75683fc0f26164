using EfSecondLevelCache;

#pragma warning disable IDE0130
namespace Microsoft.EntityFrameworkCore;

/// <summary>Says of a query whether and how its result is cached. Each works anywhere in the chain and applies to the whole query.</summary>
public static class SecondLevelCacheQueryableExtensions
{
    /// <summary>Caches the result of this query for the cache's default time to live.</summary>
    public static IQueryable<T> Cacheable<T>(this IQueryable<T> source) => throw new NotImplementedException();

    /// <summary>Caches the result of this query.</summary>
    /// <param name="source">The query.</param>
    /// <param name="timeToLive">How long the result is served at most: 1 millisecond to 365 days.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="timeToLive"/> is out of that range.</exception>
    public static IQueryable<T> Cacheable<T>(this IQueryable<T> source, TimeSpan timeToLive) => throw new NotImplementedException();

    /// <summary>Caches the result of this query as configured.</summary>
    /// <param name="source">The query.</param>
    /// <param name="configure">The settings of this query.</param>
    /// <exception cref="ArgumentException">A setting is out of its range; the message names it, its value and the way out.</exception>
    public static IQueryable<T> Cacheable<T>(this IQueryable<T> source, Action<QueryCachePolicyBuilder> configure)
        => throw new NotImplementedException();

    /// <summary>Keeps the result of this query out of the cache; it wins over every <c>Cacheable</c> and over the cache's rules.</summary>
    public static IQueryable<T> NotCacheable<T>(this IQueryable<T> source) => throw new NotImplementedException();

    /// <summary>
    /// What the cache would do with this query now, without executing it. For a split query: its first command. For queries that end in
    /// an operator (<c>Count</c>, <c>First</c>), use <c>context.ExplainCacheAsync</c>.
    /// </summary>
    /// <exception cref="InvalidOperationException">The query is not an EF Core query, or its context has no second-level cache.</exception>
    public static QueryCacheExplanation ExplainCache<T>(this IQueryable<T> source) => throw new NotImplementedException();
}
