using System.Linq.Expressions;
using System.Reflection;
using EfSecondLevelCache;
using EfSecondLevelCache.Diagnostics;
using EfSecondLevelCache.Querying;
using EfSecondLevelCache.Querying.Planning;
using Microsoft.EntityFrameworkCore.Query;
using Microsoft.EntityFrameworkCore.Query.Internal;

#pragma warning disable IDE0130
namespace Microsoft.EntityFrameworkCore;

/// <summary>Says of a query whether and how its result is cached. Each works anywhere in the chain and applies to the whole query.</summary>
public static class SecondLevelCacheQueryableExtensions
{
    /// <summary>Caches the result of this query for the cache's default time to live.</summary>
    public static IQueryable<T> Cacheable<T>(this IQueryable<T> source) => CachingQueryProvider.Mark(source, QueryCachePolicy.Default);

    /// <summary>Caches the result of this query.</summary>
    /// <param name="source">The query.</param>
    /// <param name="timeToLive">How long the result is served at most: 1 millisecond to 365 days.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="timeToLive"/> is out of that range.</exception>
    public static IQueryable<T> Cacheable<T>(this IQueryable<T> source, TimeSpan timeToLive)
        => CachingQueryProvider.Mark(source, PolicyOf(timeToLive));

    /// <summary>Caches the result of this query as configured.</summary>
    /// <param name="source">The query.</param>
    /// <param name="configure">The settings of this query.</param>
    /// <exception cref="ArgumentException">A setting is out of its range; the message names it, its value and the way out.</exception>
    public static IQueryable<T> Cacheable<T>(this IQueryable<T> source, Action<QueryCachePolicyBuilder> configure)
    {
        ArgumentNullException.ThrowIfNull(configure);
        var builder = new QueryCachePolicyBuilder();
        configure(builder);
        if (builder is { Varies: false, Token: null })
            return CachingQueryProvider.Mark(source, builder.Policy);
        // Somebody else's provider takes a tag, which can't have parameters, so there it is not cached.
        if (source.Provider is not CachingQueryProvider)
            return CachingQueryProvider.Mark(source, QueryCachePolicy.None);

        // A member of an object becomes a query parameter, so that its value is not compiled in. The tag tells which of the two count.
        var tag = PolicyTag.Of(builder.Policy, builder.Varies ? "" : null, builder.Token is null ? null : "");
        var values = Expression.Constant(new Parameters(builder.VaryByValue, builder.Token ?? default));
        return source.Provider.CreateQuery<T>(Expression.Call(
            null,
            ParameterizedCacheableMethod.MakeGenericMethod(typeof(T)),
            source.Expression,
            Expression.Constant(tag),
            Expression.Field(values, nameof(Parameters.CacheVariesBy)),
            Expression.Field(values, nameof(Parameters.CacheNotOlderThan))));
    }

    /// <summary>Keeps the result of this query out of the cache; it wins over every <c>Cacheable</c> and over the cache's rules.</summary>
    public static IQueryable<T> NotCacheable<T>(this IQueryable<T> source) => CachingQueryProvider.Mark(source, QueryCachePolicy.None);

    /// <summary>
    /// What the cache would do with this query now, without executing it. For a split query: its first command. For queries that end in
    /// an operator (<c>Count</c>, <c>First</c>), use <c>context.ExplainCacheAsync</c>.
    /// </summary>
    /// <exception cref="InvalidOperationException">The query is not an EF Core query, or its context has no second-level cache.</exception>
    public static QueryCacheExplanation ExplainCache<T>(this IQueryable<T> source)
    {
        if (source.Provider is not EntityQueryProvider)
        {
            throw new InvalidOperationException(
                $"ExplainCache: this is not an EF Core query but one of {source.Provider.GetType().Name}. Call it on a query of a context.");
        }

        return Explanations.Inspect(() => source.CreateDbCommand().Dispose())
            ?? throw new InvalidOperationException(
                "ExplainCache: the context of this query has no second-level cache. Configure it with AddSecondLevelCache().");
    }

    internal static QueryCachePolicy PolicyOf(TimeSpan timeToLive)
        => new() { TimeToLive = TimeToLiveRange.Check(timeToLive, nameof(Cacheable), nameof(timeToLive)) };

    /// <summary>Stands in the query expression until it is compiled; it is never called.</summary>
    internal static IQueryable<T> ParameterizedCacheable<T>(
        this IQueryable<T> source, [NotParameterized] string tag, string? cacheVariesBy, ChangeToken cacheNotOlderThan)
        => throw new InvalidOperationException(
            $"{nameof(ParameterizedCacheable)} is only for query expressions ({source}, {tag}, {cacheVariesBy}, {cacheNotOlderThan}).");

    private static readonly MethodInfo ParameterizedCacheableMethod = typeof(SecondLevelCacheQueryableExtensions)
        .GetMethod(nameof(ParameterizedCacheable), BindingFlags.Static | BindingFlags.NonPublic)!;

    private sealed class Parameters(string? cacheVariesBy, ChangeToken cacheNotOlderThan)
    {
        public readonly string? CacheVariesBy = cacheVariesBy;
        public readonly ChangeToken CacheNotOlderThan = cacheNotOlderThan;
    }
}
