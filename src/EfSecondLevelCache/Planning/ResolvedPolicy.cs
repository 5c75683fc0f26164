using EfSecondLevelCache.Catalog;
using EfSecondLevelCache.Values;
using EfSecondLevelCache.Versions;
using Microsoft.EntityFrameworkCore.Metadata;

namespace EfSecondLevelCache.Planning;

/// <summary>What one cache's rules and one plan's policy come to: made once for each pair, then only read.</summary>
internal sealed class ResolvedPolicy
{
    private readonly SecondLevelCacheOptions _options;
    private readonly DependencySlots _slots;
    private readonly IModel _model;
    private readonly QueryPlan _plan;
    private readonly TableName[] _stated;
    private DependenciesIn? _dependencies;

    private ResolvedPolicy(
        SecondLevelCacheOptions options, DependencySlots slots, IModel model, QueryPlan plan, QueryCacheRefusal? refusal, TimeSpan timeToLive)
    {
        _options = options;
        _slots = slots;
        _model = model;
        _plan = plan;
        _stated = plan.Policy?.DependsOn.Select(TableName.Parse).ToArray() ?? [];
        UnknownToModel = [.. _stated.Where(table => !ModelTables.Contains(model, table))];
        Refusal = refusal;
        TimeToLive = timeToLive;
        // A result that would slide beyond its time to live needs no sliding.
        Sliding = plan.Policy?.Sliding is { } sliding && sliding < timeToLive ? sliding : TimeSpan.Zero;
        MaxRows = plan.Policy?.MaxCachedRows;
        Tags = plan.Policy?.Tags ?? ValueList<string>.Empty;
    }

    /// <summary>Why the plan is never cached in this cache; null: it may be.</summary>
    public QueryCacheRefusal? Refusal { get; }

    /// <summary>The plan's, with what the cache knows of their types.</summary>
    public required PlannedColumns Columns { get; init; }

    /// <summary>Nothing but CacheAllQueries() asks for it, which is about queries of tables.</summary>
    public bool NeedsTable { get; private init; }

    public TimeSpan TimeToLive { get; }

    /// <summary>Zero: it does not slide.</summary>
    public TimeSpan Sliding { get; }

    public int? MaxRows { get; }

    public IReadOnlyList<string> Tags { get; }

    /// <summary>Tables that DependsOn names and the model does not: the database must know them.</summary>
    public IReadOnlyList<TableName> UnknownToModel { get; }

    public static ResolvedPolicy Of(QueryPlan plan, SecondLevelCacheOptions options, DependencySlots slots, IModel model)
    {
        var columns = plan.Columns.With(options.TypeRules);
        var refusal = Decide(plan, options, model, out var timeToLive, out var needsTable) ?? plan.Refusal
            ?? (columns.Unsupported() is var (name, type) ? Refusals.ColumnType(name, type) : null);
        return new ResolvedPolicy(options, slots, model, plan, refusal, timeToLive ?? options.DefaultTimeToLive)
        {
            Columns = columns,
            NeedsTable = needsTable,
        };
    }

    public bool IsOf(DependencySlots slots, IModel model) => ReferenceEquals(_slots, slots) && ReferenceEquals(_model, model);

    /// <summary>What results that are read from this database depend on.</summary>
    public PlanDependencies DependenciesOn(KnownDatabase database)
    {
        var view = database.View;
        var known = _dependencies;
        if (known?.Database != database.Name || !known.Dependencies.IsMadeOf(view))
        {
            var dependencies = new PlanDependencies(
                _plan,
                _stated,
                Tags.Select(_slots.OfTag),
                NeedsTable,
                isVarying: _options.VaryBy is not null || _plan.VaryByParameter is not null,
                database,
                _slots.Of(database.Name));
            _dependencies = known = new DependenciesIn(database.Name, dependencies);
        }

        return known.Dependencies;
    }

    /// <summary>Null: it is to be cached, for this long (null: the default).</summary>
    private static QueryCacheRefusal? Decide(
        QueryPlan plan, SecondLevelCacheOptions options, IModel model, out TimeSpan? timeToLive, out bool needsTable)
    {
        timeToLive = plan.Policy?.TimeToLive;
        needsTable = false;
        if (plan.Policy is { NotCacheable: true })
            return Refusals.NotCacheable;

        var requested = plan.Policy is not null;
        foreach (var rule in options.EntityRules)
        {
            if (!ModelTables.Of(model, rule.EntityType).Overlaps(plan.Reads.Select(read => read.Table).Concat(plan.RawNames)))
                continue;
            if (rule.Never)
                return Refusals.NeverCached(rule.EntityType);
            requested = true;
            timeToLive ??= rule.TimeToLive;
        }

        if (requested)
            return null;
        needsTable = options.CacheAllQueries;
        // Of names in raw SQL the catalog tells whether they are tables.
        return !options.CacheAllQueries ? Refusals.NotRequested : plan.NamesNothing ? Refusals.ReadsNoTable : null;
    }

    private sealed record DependenciesIn(string Database, PlanDependencies Dependencies);
}
