using System.Linq.Expressions;
using EfSecondLevelCache.Planning;
using EfSecondLevelCache.Provider;
using EfSecondLevelCache.Session;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Query;
using Microsoft.EntityFrameworkCore.Query.Internal;

namespace EfSecondLevelCache.EntityFramework.Queries;

/// <summary>Puts into a query what it says of its caching; leaves it as it is where its context has no cache.</summary>
internal static class QueryMark
{
    public static IQueryable<T> Put<T>(IQueryable<T> source, QueryCachePolicy policy, QueryMarkValues? values = null)
    {
        ArgumentNullException.ThrowIfNull(source);
        return CachedQueryContextFactory.Serves(source) switch
        {
            true => source.Provider.CreateQuery<T>(new CacheableExpression(source.Expression, typeof(IQueryable<T>), policy, values)),
            false => source,
            // A tag goes through every compiler, and is a comment where there is no cache.
            null when values is null => source.TagWith(PolicyTag.Of(policy)),
            null => throw new InvalidOperationException(
                "VaryBy and NotOlderThan of a query need EF Core's own query compiler, and the context of this query has another one "
                + "(a replaced IQueryCompiler). Use VaryBy(context => ...) of AddSecondLevelCache, or mark the query without them."),
        };
    }
}

/// <summary>What a mark says that is not compiled into the query.</summary>
/// <remarks>A member of an object becomes a query parameter when EF Core takes the values out of the expression.</remarks>
internal sealed class QueryMarkValues(string? cacheVariesBy, ChangeToken cacheNotOlderThan, string tag)
{
    public readonly string? CacheVariesBy = cacheVariesBy;
    public readonly ChangeToken CacheNotOlderThan = cacheNotOlderThan;

    /// <summary>The tag of the policy, which tells which of the two count.</summary>
    public string Tag => tag;
}

/// <summary>
/// EF Core's own, of a type that tells that the context has the cache's services. EF Core's query provider and query compiler stay what they are:
/// libraries recognize them by their type or its namespace.
/// </summary>
internal sealed class CachedQueryContextFactory(QueryContextDependencies dependencies, RelationalQueryContextDependencies relationalDependencies)
    : RelationalQueryContextFactory(dependencies, relationalDependencies)
{
    /// <summary>Whether the context of a query has the cache's services; null: that can't be told.</summary>
    public static bool? Serves(IQueryable query)
        => query.Provider is EntityQueryProvider provider
            ? Serves(provider)
            // A library's provider may stand in front of EF Core's.
            : query is not EnumerableQuery && QueryRoot.ProviderIn(query.Expression) is { } inner ? Serves(inner) : false;

    private static bool? Serves(EntityQueryProvider provider)
        => ProviderInternals.QueryContextFactoryOf(provider) switch
        {
            CachedQueryContextFactory => true,
            null => null,
            RelationalQueryContextFactory other when other.GetType() != typeof(RelationalQueryContextFactory) => HasSession(other),
            _ => false,
        };

    private static bool? HasSession(RelationalQueryContextFactory other)
    {
        try
        {
            return ProviderInternals.DependenciesOf(other)?.CurrentContext.Context is IInfrastructure<IServiceProvider> context
                ? context.Instance.GetService(typeof(CacheSession)) is not null
                : null;
        }
        catch (ObjectDisposedException)
        {
            // The query meets it when it is executed.
            return false;
        }
    }
}

/// <summary>Finds the place in an expression where EF Core's query begins.</summary>
internal sealed class QueryRoot : ExpressionVisitor
{
    private EntityQueryProvider? _provider;
    private bool _found;

    /// <summary>Null: the expression is not a query of EF Core's, or its provider was detached.</summary>
    public static EntityQueryProvider? ProviderIn(Expression expression) => Search(expression)._provider;

    public static bool IsIn(Expression expression) => Search(expression)._found;

    public override Expression? Visit(Expression? node) => _found ? node : base.Visit(node);

    protected override Expression VisitConstant(ConstantExpression node)
    {
        if (node.Value is IQueryable { Provider: EntityQueryProvider provider })
            Found(provider);
        return node;
    }

    protected override Expression VisitExtension(Expression node)
    {
        if (node is not QueryRootExpression root)
            return node is CacheableExpression marked ? Visit(marked.Source)! : base.VisitExtension(node);
        Found(root.QueryProvider as EntityQueryProvider);
        return node;
    }

    private static QueryRoot Search(Expression expression)
    {
        var search = new QueryRoot();
        search.Visit(expression);
        return search;
    }

    private void Found(EntityQueryProvider? provider) => (_provider, _found) = (provider, true);
}
