using EfSecondLevelCache.Planning;
using EfSecondLevelCache.Querying;
using EfSecondLevelCache.Session;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Storage;

namespace EfSecondLevelCache.Diagnostics;

/// <summary>Collects what happens to commands while somebody asks; costs one test of a field while nobody does.</summary>
internal static class Explanations
{
    private static readonly AsyncLocal<List<QueryCacheExplanation>?> Collected = new();

    [ThreadStatic]
    private static Inspection? _inspection;

    private static int _collectors;

    /// <summary>Somebody asks, so that commands are told of that have nothing to do with a cache.</summary>
    public static bool AreAsked => Volatile.Read(ref _collectors) != 0;

    /// <summary>Collects from what runs inside.</summary>
    public static async Task<IReadOnlyList<QueryCacheExplanation>> CollectAsync(Func<Task> execute)
    {
        var collected = new List<QueryCacheExplanation>();
        Interlocked.Increment(ref _collectors);
        Collected.Value = collected;
        try
        {
            await execute().ConfigureAwait(false);
            lock (collected)
                return [.. collected];
        }
        finally
        {
            Collected.Value = null;
            Interlocked.Decrement(ref _collectors);
        }
    }

    public static void Add(MissedQuery query, QueryCacheOutcome outcome)
        => Add(query.Session, query.Plan, query.Policy, query.ParameterValues, outcome);

    public static void Add(
        CacheSession session,
        QueryPlan plan,
        ResolvedPolicy? policy,
        IReadOnlyDictionary<string, object?>? parameterValues,
        QueryCacheOutcome outcome,
        QueryCacheRefusal? refusal = null)
    {
        if (!AreAsked || Collected.Value is not { } collected)
            return;
        lock (collected)
            collected.Add(Explain(session, plan, policy, parameterValues, outcome, refusal));
    }

    /// <summary>What would happen to a command that <paramref name="create"/> makes and nobody executes.</summary>
    public static QueryCacheExplanation? Inspect(Action create)
    {
        var inspection = _inspection = new Inspection();
        try
        {
            create();
            return inspection.Found;
        }
        finally
        {
            _inspection = null;
        }
    }

    /// <summary>Called for each command that is created; the inspected one is created without a method to execute it by.</summary>
    public static void Inspect(QueryPlan plan, in RelationalCommandParameterObject parameterObject)
    {
        if (_inspection is not { Found: null } inspection)
            return;
        var session = parameterObject.Connection.Context.GetService<CacheSession>();
        if (session.Cache is null)
            return;
        var policy = plan.PolicyIn(session.Cache, session.Model);
        var answer = session.Cache.Queries.Peek(session, plan, new QueryParameterValues(parameterObject.ParameterValues), out var refusal);
        inspection.Found = Explain(session, plan, policy, parameterObject.ParameterValues, answer, refusal);
    }

    private static QueryCacheExplanation Explain(
        CacheSession session,
        QueryPlan plan,
        ResolvedPolicy? policy,
        IReadOnlyDictionary<string, object?>? parameterValues,
        QueryCacheOutcome outcome,
        QueryCacheRefusal? refusal)
        => new(
            plan.CommandText,
            outcome,
            refusal,
            session.FindKnown() is { } database && policy is not null ? policy.DependenciesOn(database).Describe(parameterValues) : [],
            outcome is QueryCacheOutcome.Refused ? null : policy?.TimeToLive);

    private sealed class Inspection
    {
        public QueryCacheExplanation? Found { get; set; }
    }
}
