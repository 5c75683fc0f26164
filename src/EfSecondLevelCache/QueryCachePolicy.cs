using EfSecondLevelCache.Values;

namespace EfSecondLevelCache;

/// <summary>What a query says of its own caching, as plain values; it is part of the compiled query.</summary>
internal sealed record QueryCachePolicy
{
    public static readonly QueryCachePolicy Default = new();

    /// <summary>The query is not to be cached, whatever the cache's rules say.</summary>
    public static readonly QueryCachePolicy None = new() { NotCacheable = true };

    public bool NotCacheable { get; init; }

    /// <summary>Null: the cache's default.</summary>
    public TimeSpan? TimeToLive { get; init; }

    public TimeSpan? Sliding { get; init; }

    public int? MaxCachedRows { get; init; }

    public ValueList<string> Tags { get; init; } = ValueList<string>.Empty;

    public ValueList<string> DependsOn { get; init; } = ValueList<string>.Empty;
}
