using System.Globalization;
using System.Text;

namespace EfSecondLevelCache;

/// <summary>A snapshot of a cache's counters since it was made. Counts are per command; a split query has several.</summary>
public sealed record CacheStatistics
{
    private const int MostShown = 3;

    /// <summary>Commands served from the cache.</summary>
    public required long Hits { get; init; }

    /// <summary>Commands whose result was not in the cache and was, or is being, read from the database.</summary>
    public required long Misses { get; init; }

    /// <summary>Results that were read from the database and kept.</summary>
    public required long Fills { get; init; }

    /// <summary>Commands that were to be cached and could not be. Commands that nobody asked to cache are not counted.</summary>
    public required long Refusals { get; init; }

    /// <summary><see cref="Refusals"/> by reason; reasons that did not occur are absent.</summary>
    public required IReadOnlyDictionary<RefusalReason, long> RefusalsByReason { get; init; }

    /// <summary>Results that were not kept because what they were read from changed while they were read.</summary>
    public required long StaleFillsPrevented { get; init; }

    /// <summary>Results that were complete but too large to keep (<c>MaxEntryBytes</c>, <c>MaxCachedRows</c>).</summary>
    public required long TooLarge { get; init; }

    /// <summary>Commands that waited for another one's execution instead of executing.</summary>
    public required long Joined { get; init; }

    /// <summary>Changes that were processed: one for each table of each write.</summary>
    public required long Invalidations { get; init; }

    /// <summary>Results that made room for others.</summary>
    public required long Evictions { get; init; }

    /// <summary>Results whose time to live had passed when they were found or swept.</summary>
    public required long Expirations { get; init; }

    /// <summary>Results that are kept now, dead ones that are not yet swept included.</summary>
    public required long Entries { get; init; }

    /// <summary>The bytes that they take, with the texts of queries that they share.</summary>
    public required long Bytes { get; init; }

    /// <summary>Query commands that nobody asked to cache, or that <c>NotCacheable</c> and <c>NeverCache</c> rule out.</summary>
    public long NotRequested { get; init; }

    /// <summary>
    /// Those among the <see cref="Refusals"/> that a change of the application or its settings would end, the most frequent first; each with what
    /// was found, its remedy, and how many commands it cost. Up to 256 findings are told apart.
    /// </summary>
    public IReadOnlyList<CurableRefusal> Curable { get; init; } = [];

    /// <summary>
    /// Parts of the cache that are switched off in this process, because EF Core or Npgsql no longer have what they stand on; empty as a rule. An update
    /// of the cache brings them back.
    /// </summary>
    public IReadOnlyList<SwitchedOffPart> SwitchedOff { get; init; } = [];

    /// <summary>All query commands of contexts with this cache that ended.</summary>
    public long Queries => Hits + Misses + Refusals + NotRequested;

    /// <summary>
    /// The share of the commands that were to be cached which the cache served, 0 to 1: hits among hits, misses and refusals; 0 before the first.
    /// </summary>
    public double HitRatio => Share(Hits + Misses + Refusals);

    /// <summary>The share of all <see cref="Queries"/> which the cache served, 0 to 1; 0 before the first.</summary>
    public double HitRatioOfAllQueries => Share(Queries);

    /// <summary>The share of the commands that were looked up whose result was there, 0 to 1: hits among hits and misses; 0 before the first.</summary>
    public double HitRatioOfLookUps => Share(Hits + Misses);

    /// <summary>Lines for people: the figures, the refusals by reason, and each of the most frequent that could be cured.</summary>
    public override string ToString()
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture,
            $"{Hits:N0} hits, {Misses:N0} misses, {Refusals:N0} refusals: {HitRatio:P1} served of what was to be cached, "
            + $"{HitRatioOfAllQueries:P1} of all {Queries:N0} queries. ");
        text.Append(CultureInfo.InvariantCulture,
            $"{Entries:N0} entries, {Bytes:N0} bytes, {Invalidations:N0} invalidations, {Evictions:N0} evictions, {Expirations:N0} expirations.");
        if (RefusalsByReason.Count > 0)
        {
            text.AppendLine().Append("Refused: ").AppendJoin(", ", RefusalsByReason
                .OrderByDescending(refused => refused.Value)
                .Select(refused => string.Create(CultureInfo.InvariantCulture, $"{refused.Key} {refused.Value:N0}")));
        }

        foreach (var curable in Curable.Take(MostShown))
            text.AppendLine().Append("Could be cached: ").Append(curable);
        return text.ToString();
    }

    private double Share(long of) => of == 0 ? 0 : (double)Hits / of;
}
