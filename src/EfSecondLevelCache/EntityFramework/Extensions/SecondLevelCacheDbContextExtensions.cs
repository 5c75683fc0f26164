using EfSecondLevelCache;
using EfSecondLevelCache.Diagnostics;
using EfSecondLevelCache.EntityFramework;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Storage;

#pragma warning disable IDE0130
namespace Microsoft.EntityFrameworkCore;

/// <summary>Reaches the second-level cache of a context.</summary>
public static class SecondLevelCacheDbContextExtensions
{
    /// <summary>The cache of this context; null where none is configured.</summary>
    public static SecondLevelCache? GetSecondLevelCache(this DatabaseFacade database)
    {
        ArgumentNullException.ThrowIfNull(database);
        return SecondLevelCacheOptionsExtension.CacheOf(((IDatabaseFacadeDependenciesAccessor)database).Context);
    }

    /// <summary>Executes something and tells what happened to each of its commands, in their order.</summary>
    /// <param name="context">A context with a second-level cache.</param>
    /// <param name="execute">For example <c>() => context.Products.Cacheable().CountAsync()</c>.</param>
    /// <exception cref="InvalidOperationException">The context has no second-level cache.</exception>
    public static Task<IReadOnlyList<QueryCacheExplanation>> ExplainCacheAsync(this DbContext context, Func<Task> execute)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(execute);
        return context.Database.GetSecondLevelCache() is null
            ? throw new InvalidOperationException(
                $"ExplainCacheAsync: {context.GetType().Name} has no second-level cache. Configure it with AddSecondLevelCache().")
            : Explanations.CollectAsync(execute);
    }
}
