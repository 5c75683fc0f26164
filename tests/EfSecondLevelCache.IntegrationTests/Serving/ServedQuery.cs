using Microsoft.EntityFrameworkCore;

namespace EfSecondLevelCache.IntegrationTests.Serving;

/// <summary>What a query says of its own caching.</summary>
public enum Marking
{
    None,
    Cacheable,
    NotCacheable,
}

/// <summary>One execution of a query: its result is everything that it returned.</summary>
public sealed record QueryRun<TContext>(Func<TContext, Marking, object?> Execute, Func<TContext, Marking, Task<object?>> ExecuteAsync);

/// <summary>A query that is served from the cache when it comes again. Several runs are the same query with other parameters.</summary>
public sealed record ServedQuery<TContext>(string Name, params IReadOnlyList<QueryRun<TContext>> Runs)
{
    /// <summary>False where a query of it can't be marked, as that of <c>Find</c>.</summary>
    public bool CanBeMarked { get; init; } = true;

    /// <summary>A query that returns rows.</summary>
    public static ServedQuery<TContext> Rows<T>(string name, Func<TContext, IQueryable<T>> query) => new(name, RunOf(query));

    /// <summary>A query that returns rows, with each of these parameters.</summary>
    public static ServedQuery<TContext> Rows<TParameter, T>(
        string name, TParameter[] parameters, Func<TContext, TParameter, IQueryable<T>> query)
        => new(name, [.. parameters.Select(p => RunOf(db => query(db, p)))]);

    /// <summary>A query that ends in an operator.</summary>
    public static ServedQuery<TContext> Value<T, TResult>(
        string name, Func<TContext, IQueryable<T>> query, Func<IQueryable<T>, TResult> end, Func<IQueryable<T>, Task<TResult>> endAsync)
        => Free(name, (db, marking) => end(query(db).Marked(marking)), async (db, marking) => await endAsync(query(db).Marked(marking)));

    /// <summary>Anything else.</summary>
    public static ServedQuery<TContext> Free(
        string name, Func<TContext, Marking, object?> execute, Func<TContext, Marking, Task<object?>> executeAsync)
        => new(name, new QueryRun<TContext>(execute, executeAsync));

    private static QueryRun<TContext> RunOf<T>(Func<TContext, IQueryable<T>> query)
        => new((db, marking) => query(db).Marked(marking).ToList(), async (db, marking) => await query(db).Marked(marking).ToListAsync());
}

/// <summary>A list of queries that a test class runs through.</summary>
public interface IServedQueries<TContext>
{
    static abstract IReadOnlyList<ServedQuery<TContext>> All { get; }
}

internal static class MarkingExtensions
{
    public static IQueryable<T> Marked<T>(this IQueryable<T> query, Marking marking) => marking switch
    {
        Marking.Cacheable => query.Cacheable(),
        Marking.NotCacheable => query.NotCacheable(),
        _ => query,
    };
}
