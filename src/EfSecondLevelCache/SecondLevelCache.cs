using Microsoft.EntityFrameworkCore;

namespace EfSecondLevelCache;

/// <summary>
/// A second-level query cache. Get it with <c>context.Database.GetSecondLevelCache()</c>, from the application's services after
/// <c>services.AddSecondLevelCache()</c>, or make one by hand. All members are thread-safe.
/// </summary>
public sealed class SecondLevelCache : IAsyncDisposable
{
    /// <summary>Makes a cache that contexts share when it is given to <c>AddSecondLevelCache</c>.</summary>
    /// <param name="configure">Its settings; null for the defaults.</param>
    /// <exception cref="ArgumentException">A setting is out of its range; the message names it, its value and the way out.</exception>
    public SecondLevelCache(Action<SecondLevelCacheOptionsBuilder>? configure = null)
        : this(SecondLevelCacheOptionsBuilder.Build(configure))
    {
    }

    internal SecondLevelCache(SecondLevelCacheOptions options)
    {
        Options = options;
    }

    internal SecondLevelCacheOptions Options { get; }

    /// <summary>
    /// The kill switch. While it is false, queries go to the database and nothing is kept; changes are still processed, so that
    /// nothing stale is served when it is switched on again. Default: true.
    /// </summary>
    public bool Enabled { get; set; } = true;

    /// <summary>A snapshot of the counters.</summary>
    public CacheStatistics Statistics => throw new NotImplementedException();

    /// <summary>Removes what depends on any table of the entity type's mapping: base, split, owned and join tables.</summary>
    /// <typeparam name="TEntity">An entity type of the context's model.</typeparam>
    /// <param name="context">Any context whose model maps the type.</param>
    /// <exception cref="ArgumentException">The model does not map the type.</exception>
    public ValueTask InvalidateAsync<TEntity>(DbContext context)
        where TEntity : class => throw new NotImplementedException();

    /// <summary>Removes what depends on a table, in every database that the cache serves.</summary>
    /// <param name="table">The table's name.</param>
    /// <param name="schema">Its schema; null: whichever schema the name stands in.</param>
    /// <exception cref="ArgumentException"><paramref name="table"/> is null, empty or blank.</exception>
    public ValueTask InvalidateTableAsync(string table, string? schema = null) => throw new NotImplementedException();

    /// <summary>Removes the results that were named with <c>Cacheable(q => q.Tag(tag))</c>.</summary>
    /// <param name="tag">Compared ordinally.</param>
    /// <exception cref="ArgumentException"><paramref name="tag"/> is null, empty or blank.</exception>
    public ValueTask InvalidateTagAsync(string tag) => throw new NotImplementedException();

    /// <summary>Removes every result.</summary>
    public ValueTask ClearAsync() => throw new NotImplementedException();

    /// <summary>The kept results, for operators; a moving picture, not a snapshot.</summary>
    public IEnumerable<CacheEntryInfo> Entries() => throw new NotImplementedException();

    /// <summary>Lets go of every result. Queries go on, uncached.</summary>
    public ValueTask DisposeAsync() => throw new NotImplementedException();
}
