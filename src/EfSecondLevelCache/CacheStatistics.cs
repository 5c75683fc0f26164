using System.Globalization;

namespace EfSecondLevelCache;

/// <summary>A snapshot of a cache's counters since it was made. Counts are per command; a split query has several.</summary>
public sealed record CacheStatistics
{
    /// <summary>Commands served from the cache.</summary>
    public required long Hits { get; init; }

    /// <summary>Cacheable commands that were not in the cache.</summary>
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

    /// <summary>The bytes that they take.</summary>
    public required long Bytes { get; init; }

    /// <summary>Hits among hits and misses, 0 to 1; 0 before the first.</summary>
    public double HitRatio => Hits + Misses == 0 ? 0 : (double)Hits / (Hits + Misses);

    /// <summary>A line for people.</summary>
    public override string ToString()
        => string.Create(CultureInfo.InvariantCulture,
            $"{Hits:N0} hits, {Misses:N0} misses ({HitRatio:P1}), {Entries:N0} entries, {Bytes:N0} bytes, {Invalidations:N0} invalidations, "
            + $"{Evictions:N0} evictions, {Expirations:N0} expirations, {Refusals:N0} refusals")
            + (RefusalsByReason.Count == 0 ? "" : $" ({string.Join(", ", RefusalsByReason.Select(r => $"{r.Key} {r.Value}"))})");
}
