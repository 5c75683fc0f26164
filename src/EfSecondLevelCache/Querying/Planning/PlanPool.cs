using System.Collections.Concurrent;

namespace EfSecondLevelCache.Querying.Planning;

/// <summary>
/// Keeps one of the plans with equal content, for the results to hold on to: EF Core compiles raw SQL with arguments anew for each execution, and
/// each of its results would otherwise keep a copy of the text alive.
/// </summary>
internal sealed class PlanPool
{
    private const int Most = 10_000;

    private readonly ConcurrentDictionary<QueryPlan, QueryPlan> _plans = new(ByContent.Instance);

    /// <param name="plan">Any plan.</param>
    /// <param name="isNew">No other result is known to hold it, so its bytes are to be counted.</param>
    public QueryPlan Intern(QueryPlan plan, out bool isNew)
    {
        if (_plans.Count >= Most)
            _plans.Clear();
        var pooled = _plans.GetOrAdd(plan, plan);
        isNew = ReferenceEquals(pooled, plan) && !plan.IsPooled;
        if (isNew)
            plan.IsPooled = true;
        return pooled;
    }

    private sealed class ByContent : IEqualityComparer<QueryPlan>
    {
        public static readonly ByContent Instance = new();

        public bool Equals(QueryPlan? x, QueryPlan? y) => x is null ? y is null : y is not null && x.HasSameContentAs(y);

        public int GetHashCode(QueryPlan plan) => (int)plan.ContentHash;
    }
}
