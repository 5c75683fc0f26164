using System.Linq.Expressions;
using System.Reflection;
using EfSecondLevelCache;
using EfSecondLevelCache.Diagnostics;
using EfSecondLevelCache.EntityFramework.Queries;
using EfSecondLevelCache.Planning;
using Microsoft.EntityFrameworkCore.Query;
using Microsoft.EntityFrameworkCore.Query.Internal;

#pragma warning disable IDE0130
namespace Microsoft.EntityFrameworkCore;

/// <summary>Says of a query whether and how its result is cached. Each works anywhere in the chain and applies to the whole query.</summary>
public static class SecondLevelCacheQueryableExtensions
{
    /// <summary>Caches the result of this query for the cache's default time to live.</summary>
    public static IQueryable<T> Cacheable<T>(this IQueryable<T> source) => QueryMark.Put(source, QueryCachePolicy.Default);

    /// <summary>Caches the result of this query.</summary>
    /// <param name="source">The query.</param>
    /// <param name="timeToLive">How long the result is served at most: 1 millisecond to 365 days.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="timeToLive"/> is out of that range.</exception>
    public static IQueryable<T> Cacheable<T>(this IQueryable<T> source, TimeSpan timeToLive)
        => QueryMark.Put(source, PolicyOf(timeToLive));

    /// <summary>Caches the result of this query as configured.</summary>
    /// <param name="source">The query.</param>
    /// <param name="configure">The settings of this query.</param>
    /// <exception cref="ArgumentException">A setting is out of its range; the message names it, its value and the way out.</exception>
    public static IQueryable<T> Cacheable<T>(this IQueryable<T> source, Action<QueryCachePolicyBuilder> configure)
    {
        ArgumentNullException.ThrowIfNull(configure);
        var builder = new QueryCachePolicyBuilder();
        configure(builder);
        return QueryMark.Put(source, builder.Policy, builder is { Varies: false, Token: null } ? null : ValuesOf(builder));
    }

    /// <summary>Keeps the result of this query out of the cache; it wins over every <c>Cacheable</c> and over the cache's rules.</summary>
    public static IQueryable<T> NotCacheable<T>(this IQueryable<T> source) => QueryMark.Put(source, QueryCachePolicy.None);

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

    /// <summary>What a mark with values is in a query expression until that is compiled; called, it marks its source.</summary>
    internal static IQueryable<T> ParameterizedCacheable<T>(
        this IQueryable<T> source, [NotParameterized] string tag, string? cacheVariesBy, ChangeToken cacheNotOlderThan)
        => QueryMark.Put(source, PolicyTag.Parse(tag).Policy, new QueryMarkValues(cacheVariesBy, cacheNotOlderThan, tag));

    internal static MethodCallExpression ParameterizedCall(Expression source, Type elementType, QueryMarkValues values)
    {
        var members = Expression.Constant(values);
        return Expression.Call(
            null,
            ParameterizedCacheableMethod.MakeGenericMethod(elementType),
            source,
            Expression.Constant(values.Tag),
            Expression.Field(members, nameof(QueryMarkValues.CacheVariesBy)),
            Expression.Field(members, nameof(QueryMarkValues.CacheNotOlderThan)));
    }

    private static readonly MethodInfo ParameterizedCacheableMethod = typeof(SecondLevelCacheQueryableExtensions)
        .GetMethod(nameof(ParameterizedCacheable), BindingFlags.Static | BindingFlags.NonPublic)!;

    private static QueryMarkValues ValuesOf(QueryCachePolicyBuilder builder)
        => new(
            builder.VaryByValue,
            builder.Token ?? default,
            PolicyTag.Of(builder.Policy, builder.Varies ? "" : null, builder.Token is null ? null : ""));
}
