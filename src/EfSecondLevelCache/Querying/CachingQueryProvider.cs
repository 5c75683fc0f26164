using System.Linq.Expressions;
using EfSecondLevelCache.Querying.Planning;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Query;
using Microsoft.EntityFrameworkCore.Query.Internal;

namespace EfSecondLevelCache.Querying;

/// <summary>
/// EF Core's query provider, marked as one of a context with a cache: there <c>Cacheable</c> can put a node of its own into the query, which
/// costs every execution a fraction of what a call of TagWith does.
/// </summary>
internal sealed class CachingQueryProvider(IQueryCompiler queryCompiler) : EntityQueryProvider(queryCompiler)
{
    /// <summary>The query with a policy; the query as it is where the context has no cache.</summary>
    public static IQueryable<T> Mark<T>(IQueryable<T> source, QueryCachePolicy policy)
        => source.Provider is CachingQueryProvider provider
                ? provider.CreateQuery<T>(new CacheableExpression(source.Expression, policy))
            // Somebody else's provider: a tag goes through every one of them, and is ignored where there is no cache.
            : source.Provider is EntityQueryProvider && source.Provider.GetType() != typeof(EntityQueryProvider)
                ? source.TagWith(PolicyTag.Of(policy))
            : source;
}

/// <summary>A query with a policy. It is part of the key of EF Core's compiled queries, and gone when the query is compiled.</summary>
internal sealed class CacheableExpression(Expression source, QueryCachePolicy policy) : Expression
{
    public Expression Source => source;

    public QueryCachePolicy Policy => policy;

    public override ExpressionType NodeType => ExpressionType.Extension;

    public override Type Type => source.Type;

    public override bool Equals(object? obj)
        => obj is CacheableExpression other
            && policy.Equals(other.Policy)
            && ExpressionEqualityComparer.Instance.Equals(source, other.Source);

    public override int GetHashCode() => HashCode.Combine(ExpressionEqualityComparer.Instance.GetHashCode(source), policy);

    public override string ToString() => $"{source}.Cacheable()";

    protected override Expression VisitChildren(ExpressionVisitor visitor)
        => visitor.Visit(source) is var visited && ReferenceEquals(visited, source) ? this : new CacheableExpression(visited, policy);
}
