using System.Data.Common;
using System.Diagnostics;
using EfSecondLevelCache.Planning;
using EfSecondLevelCache.Results;
using EfSecondLevelCache.Session;
using EfSecondLevelCache.Values;
using EfSecondLevelCache.Versions;

namespace EfSecondLevelCache.Querying;

/// <summary>A cacheable query on its way to the database, and the place where others wait for its result.</summary>
/// <param name="session">Of the context that executes it.</param>
/// <param name="plan">Of its text.</param>
/// <param name="key">Its key.</param>
/// <param name="policy">How its result is kept.</param>
/// <param name="parameterValues">Those of the compiled query; null where they are not known.</param>
internal sealed class MissedQuery(
    CacheSession session, QueryPlan plan, QueryKey key, ResolvedPolicy policy, IReadOnlyDictionary<string, object?>? parameterValues)
{
    // The continuations of those who wait must not run inside the caller who completes.
    private readonly TaskCompletionSource<SharedExecution> _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private PlanDependencies? _dependencies;

    /// <summary>Changes that were told ahead of it and that it does not see.</summary>
    private IReadOnlyCollection<TableChange> _unseen = [];

    public CacheSession Session => session;

    public QueryPlan Plan => plan;

    public QueryKey Key => key;

    public ulong Hash => key.Hash;

    public ResolvedPolicy Policy => policy;

    public IReadOnlyDictionary<string, object?>? ParameterValues => parameterValues;

    /// <summary>What its result will depend on, as far as that is known before it is executed.</summary>
    public int[] Slots { get; private set; } = [];

    /// <summary>The count of changes before it was executed.</summary>
    public long AsOf { get; private set; }

    /// <summary>Why the database rules out that its result is kept; null: it does not.</summary>
    public QueryCacheRefusal? Refusal { get; private set; }

    /// <summary>It is sent behind a <see cref="LeadingSnapshot"/>: what is told of its tables may not be visible yet.</summary>
    public bool AsksForSnapshot { get; private set; }

    /// <summary>It may have been read before a change that was told ahead of it.</summary>
    public bool IsStale { get; private set; }

    /// <summary>It goes on in the thread pool, which those who wait for it on threads could use up.</summary>
    public bool IsAsync { get; set; }

    public long StartedAt { get; } = Stopwatch.GetTimestamp();

    public Task<SharedExecution> Completion => _completion.Task;

    /// <summary>
    /// It is about to be executed: notes the count of changes, and after it what the result will depend on, so that a change of the catalog
    /// between the two is seen. To be called before anybody else sees the query.
    /// </summary>
    public void Begin(VersionSlots versions)
    {
        AsOf = versions.Now;
        AsksForSnapshot = session.Known.Source?.TellsEarly == true;
        _dependencies = policy.DependenciesOn(session.Known);
        Refusal = _dependencies.Refusal ?? session.Known.Source?.RefusalOf(session.Known, _dependencies.Relations, session.Logger);
        Slots = _dependencies.SlotsFor(parameterValues);
    }

    /// <summary>Takes the snapshot from the head of its answer, so that the reader goes on with its own rows.</summary>
    public async ValueTask TakeSnapshotAsync(bool async, DbDataReader live, CancellationToken cancellationToken)
    {
        var snapshot = await LeadingSnapshot.TakeAsync(async, live, cancellationToken).ConfigureAwait(false);
        Seen(snapshot);
    }

    /// <summary>Asks for the snapshot by itself, right before it is executed.</summary>
    public async ValueTask AskForSnapshotAsync(bool async, DbConnection open, CancellationToken cancellationToken)
    {
        Seen(await LeadingSnapshot.AskAsync(async, open, session.Connection.CommandTimeout, cancellationToken).ConfigureAwait(false));
        AsksForSnapshot = false;
    }

    private void Seen(string? snapshot)
        => _unseen = snapshot is null ? [TableChange.UnknownTables] : session.Known.Source?.UnseenBy(snapshot, StartedAt) ?? [];

    /// <summary>It was executed: the values in the result tell the rest of what it depends on.</summary>
    public void Executed(CachedResult result, DependencySlots slots)
    {
        Slots = _dependencies!.SlotsFor(Slots, result);
        IsStale = _unseen.Count > 0 && slots.Of(session.Known.Name).ReachedBy(_unseen).Any(Slots.Contains);
    }

    /// <summary>What its results depend on, in words; after <see cref="Begin"/>.</summary>
    public IReadOnlyList<string> DescribeDependencies() => _dependencies!.Description;

    /// <summary>The first call counts.</summary>
    public void Complete(SharedExecution execution) => _completion.TrySetResult(execution);
}

/// <summary>How an execution ended for those who waited for it.</summary>
/// <param name="Result">Null: there is none to share.</param>
/// <param name="WasCancelled">Its caller gave up, which says nothing of the query: another one should take over.</param>
internal readonly record struct SharedExecution(CachedResult? Result, bool WasCancelled);
