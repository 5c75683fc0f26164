using EfSecondLevelCache.Values;
using Microsoft.EntityFrameworkCore;

namespace EfSecondLevelCache;

/// <summary>
/// The settings of a cache as plain values. Two contexts that are configured with equal values share one cache, so every
/// member takes part in equality; a delegate is equal to another one of the same method and target.
/// </summary>
internal sealed record SecondLevelCacheOptions
{
    public long MaxBytes { get; init; } = 256L << 20;

    public int MaxEntries { get; init; } = 1_000_000;

    public int MaxEntryBytes { get; init; } = 4 << 20;

    public EvictionPolicy Eviction { get; init; } = EvictionPolicy.Lfu;

    public TimeSpan DefaultTimeToLive { get; init; } = TimeSpan.FromMinutes(10);

    public bool CacheAllQueries { get; init; }

    public ValueList<EntityRule> EntityRules { get; init; } = ValueList<EntityRule>.Empty;

    public Func<DbContext, string?>? VaryBy { get; init; }

    public bool UniformSessions { get; init; }

    public ValueList<TypeRule> TypeRules { get; init; } = ValueList<TypeRule>.Empty;

    public bool AllowInTransactions { get; init; }

    public TimeSpan UnknownOutcomeTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Null: a change source keeps to its default, and nodes that do not hear each other go on.</summary>
    public TimeSpan? MaxStaleness { get; init; }

    /// <summary>The bound that a change source keeps to.</summary>
    public TimeSpan MaxSourceStaleness => MaxStaleness ?? TimeSpan.FromSeconds(5);

    /// <summary>Null: there is none, the cache knows of its own process's writes only.</summary>
    public ChangeSourceOptions? ChangeSource { get; init; }

    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    public BackplaneFactory? Backplane { get; init; }

    /// <summary>Null: a write does not wait for the other nodes.</summary>
    public SynchronousWritesSettings? SynchronousWrites { get; init; }
}

/// <summary>What <c>CacheQueriesOf</c> and <c>NeverCache</c> say of an entity type.</summary>
/// <param name="EntityType">The CLR type of the entity.</param>
/// <param name="TimeToLive">How long results that read it live; null: the default.</param>
/// <param name="Never">Queries that read it are never cached.</param>
internal sealed record EntityRule(Type EntityType, TimeSpan? TimeToLive, bool Never);
