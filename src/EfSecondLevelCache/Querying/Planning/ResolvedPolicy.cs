using EfSecondLevelCache.Invalidation;
using EfSecondLevelCache.Invalidation.Catalog;
using Microsoft.EntityFrameworkCore.Metadata;

namespace EfSecondLevelCache.Querying.Planning;

/// <summary>What one cache's rules and one plan's policy come to: made once for each pair, then only read.</summary>
internal sealed class ResolvedPolicy
{
    private readonly SecondLevelCache _cache;
    private readonly IModel _model;
    private readonly QueryPlan _plan;
    private readonly TableName[] _stated;
    private DependenciesIn? _dependencies;

    private ResolvedPolicy(SecondLevelCache cache, IModel model, QueryPlan plan, QueryCacheRefusal? refusal, TimeSpan timeToLive)
    {
        _cache = cache;
        _model = model;
        _plan = plan;
        _stated = plan.Policy?.DependsOn.Select(TableName.Parse).ToArray() ?? [];
        UnknownToModel = [.. _stated.Where(table => !ModelTables.Contains(model, table))];
        Refusal = refusal;
        TimeToLive = timeToLive;
        // A result that would slide beyond its time to live needs no sliding.
        Sliding = plan.Policy?.Sliding is { } sliding && sliding < timeToLive ? sliding : TimeSpan.Zero;
        MaxRows = plan.Policy?.MaxCachedRows;
        Tags = plan.Policy?.Tags ?? Infrastructure.ValueList<string>.Empty;
    }

    /// <summary>Why the plan is never cached in this cache; null: it may be.</summary>
    public QueryCacheRefusal? Refusal { get; }

    /// <summary>The plan's, with what the cache knows of their types.</summary>
    public required PlannedColumns Columns { get; init; }

    /// <summary>Whether anybody asked for it to be cached, so that a refusal is worth telling.</summary>
    public bool IsRequested => Refusal?.Reason is not (RefusalReason.NotRequested or RefusalReason.NeverCached);

    /// <summary>Whether keeping results of this plan has paid.</summary>
    public ShapeWorth Worth { get; } = new();

    public TimeSpan TimeToLive { get; }

    /// <summary>Zero: it does not slide.</summary>
    public TimeSpan Sliding { get; }

    public int? MaxRows { get; }

    public IReadOnlyList<string> Tags { get; }

    /// <summary>Tables that DependsOn names and the model does not: the database must know them.</summary>
    public IReadOnlyList<TableName> UnknownToModel { get; }

    public static ResolvedPolicy Of(QueryPlan plan, SecondLevelCache cache, IModel model)
    {
        var columns = plan.Columns.With(cache.Options.TypeRules);
        var refusal = Decide(plan, cache.Options, model, out var timeToLive) ?? plan.Refusal
            ?? (columns.Unsupported() is var (name, type) ? Refusals.ColumnType(name, type) : null);
        return new ResolvedPolicy(cache, model, plan, refusal, timeToLive ?? cache.Options.DefaultTimeToLive) { Columns = columns };
    }

    public bool IsOf(SecondLevelCache cache, IModel model) => ReferenceEquals(_cache, cache) && ReferenceEquals(_model, model);

    /// <summary>What results that are read from this database depend on.</summary>
    public PlanDependencies DependenciesOn(KnownDatabase database)
    {
        var view = database.View;
        var known = _dependencies;
        if (known?.Database != database.Name || !ReferenceEquals(known.Dependencies.View, view))
        {
            var slots = _cache.Slots;
            var dependencies = new PlanDependencies(
                _plan,
                _stated,
                Tags.Select(slots.OfTag),
                isVarying: _cache.Options.VaryBy is not null || _plan.VaryByParameter is not null,
                database,
                slots.Of(database.Name));
            _dependencies = known = new DependenciesIn(database.Name, dependencies);
        }

        return known.Dependencies;
    }

    /// <summary>The tables in words, for operators; as the last result found them.</summary>
    public IReadOnlyList<string> Describe() => _dependencies?.Dependencies.Describe(parameterValues: null) ?? [];

    /// <summary>Null: it is to be cached, for this long (null: the default).</summary>
    private static QueryCacheRefusal? Decide(QueryPlan plan, SecondLevelCacheOptions options, IModel model, out TimeSpan? timeToLive)
    {
        timeToLive = plan.Policy?.TimeToLive;
        if (plan.Policy is { NotCacheable: true })
            return Refusals.NotCacheable;

        var requested = plan.Policy is not null || options.CacheAllQueries;
        foreach (var rule in options.EntityRules)
        {
            if (!ModelTables.Of(model, rule.EntityType).Overlaps(plan.Reads.Select(read => read.Table).Concat(plan.RawNames)))
                continue;
            if (rule.Never)
                return Refusals.NeverCached(rule.EntityType);
            requested = true;
            timeToLive ??= rule.TimeToLive;
        }

        return requested ? null : Refusals.NotRequested;
    }

    private sealed record DependenciesIn(string Database, PlanDependencies Dependencies);
}
