using System.Diagnostics;
using EfSecondLevelCache.Infrastructure;
using EfSecondLevelCache.Querying.Keys;
using EfSecondLevelCache.Querying.Planning;
using EfSecondLevelCache.Querying.Results;

namespace EfSecondLevelCache.Querying;

/// <summary>A cacheable query on its way to the database, and the place where others wait for its result.</summary>
/// <param name="session">Of the context that executes it.</param>
/// <param name="key">Its key.</param>
/// <param name="policy">How its result is kept.</param>
/// <param name="slots">What its result will depend on.</param>
internal sealed class MissedQuery(CacheSession session, QueryKey key, ResolvedPolicy policy, int[] slots)
{
    // The continuations of those who wait must not run inside the caller who completes.
    private readonly TaskCompletionSource<SharedExecution> _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public CacheSession Session => session;

    public QueryKey Key => key;

    public ulong Hash => key.Hash;

    public ResolvedPolicy Policy => policy;

    public int[] Slots => slots;

    /// <summary>The count of changes before it was executed; set before anybody else sees the query.</summary>
    public long AsOf { get; set; }

    /// <summary>EF Core will find its columns by their names, as it does for raw SQL.</summary>
    public bool ReadsByName { get; init; }

    public long StartedAt { get; } = Stopwatch.GetTimestamp();

    public Task<SharedExecution> Completion => _completion.Task;

    /// <summary>The first call counts.</summary>
    public void Complete(SharedExecution execution) => _completion.TrySetResult(execution);
}

/// <summary>How an execution ended for those who waited for it.</summary>
/// <param name="Result">Null: there is none to share.</param>
/// <param name="WasCancelled">Its caller gave up, which says nothing of the query: another one should take over.</param>
internal readonly record struct SharedExecution(CachedResult? Result, bool WasCancelled);
