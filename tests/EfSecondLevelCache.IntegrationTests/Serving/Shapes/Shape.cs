using System.Collections.Concurrent;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata;

namespace EfSecondLevelCache.IntegrationTests.Serving.Shapes;

/// <summary>What a query says of its own caching.</summary>
internal enum Marking
{
    None,
    Cacheable,
    NotCacheable,
}

/// <summary>One execution of a query: its result is everything that it returned.</summary>
internal sealed record ShapeRun(Func<ShapesContext, Marking, object?> Execute, Func<ShapesContext, Marking, Task<object?>> ExecuteAsync);

/// <summary>A kind of query that EF Core offers. Several runs are the same query with other parameters.</summary>
internal sealed record Shape(string Name, params IReadOnlyList<ShapeRun> Runs)
{
    /// <summary>A query that returns rows.</summary>
    public static Shape Rows<T>(string name, Func<ShapesContext, IQueryable<T>> query) => new(name, RunOf(query));

    /// <summary>A query that returns rows, with each of these parameters.</summary>
    public static Shape Rows<TParameter, T>(
        string name, TParameter[] parameters, Func<ShapesContext, TParameter, IQueryable<T>> query)
        => new(name, [.. parameters.Select(p => RunOf(db => query(db, p)))]);

    /// <summary>A query that ends in an operator.</summary>
    public static Shape Value<T, TResult>(
        string name, Func<ShapesContext, IQueryable<T>> query, Func<IQueryable<T>, TResult> end, Func<IQueryable<T>, Task<TResult>> endAsync)
        => new(name, new ShapeRun((db, marking) => end(query(db).Marked(marking)), async (db, marking) => await endAsync(query(db).Marked(marking))));

    /// <summary>Anything else.</summary>
    public static Shape Free(string name, Func<ShapesContext, Marking, object?> execute, Func<ShapesContext, Marking, Task<object?>> executeAsync)
        => new(name, new ShapeRun(execute, executeAsync));

    private static ShapeRun RunOf<T>(Func<ShapesContext, IQueryable<T>> query)
        => new((db, marking) => query(db).Marked(marking).ToList(), async (db, marking) => await query(db).Marked(marking).ToListAsync());
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

/// <summary>A compiled query in each marking; EF Core binds one to the model of the context that first executes it.</summary>
internal sealed class CompiledShape<TDelegate>(Func<TDelegate> plain, Func<TDelegate> cacheable, Func<TDelegate> notCacheable)
{
    private readonly ConcurrentDictionary<(IModel, Marking), TDelegate> _compiled = new();

    public TDelegate this[ShapesContext db, Marking marking] => _compiled.GetOrAdd((db.Model, marking), key => key.Item2 switch
    {
        Marking.Cacheable => cacheable(),
        Marking.NotCacheable => notCacheable(),
        _ => plain(),
    });
}
