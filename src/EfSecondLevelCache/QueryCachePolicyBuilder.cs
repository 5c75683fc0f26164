using System.Globalization;

namespace EfSecondLevelCache;

/// <summary>Configures the caching of one query: the argument of <c>query.Cacheable(q => q...)</c>.</summary>
public sealed class QueryCachePolicyBuilder
{
    internal QueryCachePolicy Policy { get; private set; } = QueryCachePolicy.Default;

    /// <summary>Null is a value of its own, so whether one was given is told apart.</summary>
    internal bool Varies { get; private set; }

    internal string? VaryByValue { get; private set; }

    internal ChangeToken? Token { get; private set; }

    internal QueryCachePolicyBuilder()
    {
    }

    /// <summary>How long the result is served at most. Default: the cache's <c>DefaultTimeToLive</c> (10 minutes).</summary>
    /// <param name="timeToLive">1 millisecond to 365 days.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="timeToLive"/> is out of that range.</exception>
    public QueryCachePolicyBuilder TimeToLive(TimeSpan timeToLive)
        => Set(Policy with { TimeToLive = TimeToLiveRange.Check(timeToLive, nameof(TimeToLive), nameof(timeToLive)) });

    /// <summary>
    /// The result also expires when it has not been served for this long. It never outlives <see cref="TimeToLive"/>. Default: none.
    /// </summary>
    /// <param name="idle">1 millisecond to 365 days.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="idle"/> is out of that range.</exception>
    public QueryCachePolicyBuilder Sliding(TimeSpan idle)
        => Set(Policy with { Sliding = TimeToLiveRange.Check(idle, nameof(Sliding), nameof(idle)) });

    /// <summary>Names the result, so that <see cref="SecondLevelCache.InvalidateTagAsync"/> can remove it. May be called more than once.</summary>
    /// <param name="tag">Compared ordinally.</param>
    /// <exception cref="ArgumentException"><paramref name="tag"/> is null, empty or blank.</exception>
    public QueryCachePolicyBuilder Tag(string tag)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(tag);
        return Set(Policy with { Tags = Policy.Tags.Add(tag) });
    }

    /// <summary>
    /// States tables that the query reads although its text does not show it: behind a function, a view, a foreign table. It adds to
    /// what the cache finds by itself, and it lifts the refusal of what the cache can't look into. May be called more than once.
    /// </summary>
    /// <param name="table">A table's name, or <c>schema.table</c>. An unknown table is an error when the query executes.</param>
    /// <exception cref="ArgumentException"><paramref name="table"/> is null, empty or blank.</exception>
    public QueryCachePolicyBuilder DependsOn(string table)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(table);
        return Set(Policy with { DependsOn = Policy.DependsOn.Add(table) });
    }

    /// <summary>
    /// Makes a value part of this query's key, beside the cache's own <c>VaryBy</c>. A value that changes from call to call does not
    /// compile the query anew. Null and "" are different values.
    /// </summary>
    /// <param name="value">For example a culture or a feature flag.</param>
    public QueryCachePolicyBuilder VaryBy(string? value)
    {
        Varies = true;
        VaryByValue = value;
        return this;
    }

    /// <summary>
    /// The result must not be older than the changes that a token stands for, whoever made them, on whichever node. Where the change source has not
    /// told of them yet, the query waits shortly (250 milliseconds at most, and not longer than <c>MaxStaleness</c>), then it goes to the
    /// database; without a change source it always goes there. A token that changes from call to call does not compile the query anew. Default: any
    /// result will do.
    /// </summary>
    /// <param name="token">What <c>context.Database.GetChangeTokenAsync()</c> told after the write. The default value asks for nothing.</param>
    public QueryCachePolicyBuilder NotOlderThan(ChangeToken token)
    {
        Token = token;
        return this;
    }

    /// <summary>A result with more rows than this is complete for its reader but not kept. Default: no such limit.</summary>
    /// <param name="rows">At least 0: then only empty results are kept.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="rows"/> is negative.</exception>
    public QueryCachePolicyBuilder MaxCachedRows(int rows)
        => rows >= 0
            ? Set(Policy with { MaxCachedRows = rows })
            : throw new ArgumentOutOfRangeException(nameof(rows), rows,
                $"MaxCachedRows is {rows.ToString(CultureInfo.InvariantCulture)}; give 0 or more, or leave it out for no limit.");

    private QueryCachePolicyBuilder Set(QueryCachePolicy policy)
    {
        Policy = policy;
        return this;
    }
}
