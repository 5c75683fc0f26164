using System.Collections.Concurrent;
using System.Data.Common;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using EfSecondLevelCache.Diagnostics;
using EfSecondLevelCache.Infrastructure;
using EfSecondLevelCache.Invalidation;
using EfSecondLevelCache.Querying.Keys;
using EfSecondLevelCache.Querying.Planning;
using EfSecondLevelCache.Querying.Results;
using EfSecondLevelCache.Store;

namespace EfSecondLevelCache.Querying;

/// <summary>
/// THE FLOW OF A QUERY: identify -> look up -> serve | execute -> capture -> store. Both doors walk it: <see cref="CachingCommand"/>, which
/// answers before a DbCommand exists, and <see cref="QueryCacheInterceptor"/>, for commands that another builder made.
/// </summary>
internal sealed class QueryCache(SecondLevelCacheOptions options, BoundedStore store, VersionSlots versions, Counters counters)
{
    /// <summary>Most keys fit; a longer one is continued on rented memory.</summary>
    private const int KeyBytesOnStack = 512;

    private readonly ConcurrentDictionary<QueryKey, MissedQuery> _inFlight = new();

    /// <summary>Identifies a command and looks it up.</summary>
    /// <param name="session">Of the context that executes it.</param>
    /// <param name="plan">Of its text.</param>
    /// <param name="values">Its parameter values.</param>
    [SkipLocalsInit]
    public Answer LookUp<TValues>(CacheSession session, QueryPlan plan, in TValues values)
        where TValues : struct, IParameterValues
    {
        try
        {
            var policy = plan.PolicyIn(session.Cache!, session.Model);
            if ((policy.Refusal ?? session.Cache!.Refusal ?? session.RefusalNow()) is { } refusal)
                return Refuse(session, plan, policy, refusal);

            var key = new KeyWriter(stackalloc byte[KeyBytesOnStack]);
            try
            {
                WriteVariation(ref key, session, plan, values);
                if (values.Write(ref key, plan) is { } unencodable)
                    return Refuse(session, plan, policy, Refusals.ParameterType(unencodable));

                var probe = new QueryKey.Probe(plan, session.Scope, key.Written);
                if (store.Find(probe) is CachedQuery cached)
                    return Hit(session, cached);

                var slots = policy.SlotsIn(session.Scope.Database);
                return new Answer(new MissedQuery(session, probe.ToKey(), policy, slots));
            }
            finally
            {
                key.Dispose();
            }
        }
        catch (Exception fault)
        {
            return Refuse(session, plan, policy: null, Refusals.Fault(fault), fault);
        }
    }

    /// <summary>
    /// Waits for another execution of the same query, where there is one that began after the last change. Null: the caller executes, and
    /// must call <see cref="StoreAsync"/> or <see cref="Abandon"/>.
    /// </summary>
    public async ValueTask<CachedResult?> JoinAsync(bool async, MissedQuery query, CancellationToken cancellationToken)
    {
        while (true)
        {
            query.AsOf = versions.Now;
            // Who holds a connection must not wait for another who may be waiting for a connection.
            if (query.Session.HoldsConnection)
                break;
            var leader = _inFlight.GetOrAdd(query.Key, query);
            if (ReferenceEquals(leader, query))
                break;

            if (!versions.IsUpToDate(leader.Slots, leader.AsOf))
            {
                // It began before a change that we came after. Ours replaces it for those who come after us.
                if (_inFlight.TryUpdate(query.Key, query, leader))
                    break;
                continue;
            }

            var execution = async
                ? await leader.Completion.WaitAsync(cancellationToken).ConfigureAwait(false)
                : leader.Completion.GetAwaiter().GetResult();
            if (execution.Result is { } result && versions.IsUpToDate(leader.Slots, leader.AsOf))
            {
                counters.Joined.Add(1);
                counters.Hits.Add(1);
                Log.Joined(query);
                Explanations.Add(query.Session, query.Key.Plan, query.Policy, QueryCacheOutcome.Hit);
                return result;
            }

            // After a failure, or a result too large to share, each goes alone: in turn they would wait for ever.
            if (execution is { Result: null, WasCancelled: false })
                break;
        }

        Begin(query);
        return null;
    }

    /// <summary>The query goes to the database now.</summary>
    public void Begin(MissedQuery query)
    {
        // One that others may be waiting for keeps the count that they have seen.
        if (!_inFlight.TryGetValue(query.Key, out var leader) || !ReferenceEquals(leader, query))
            query.AsOf = versions.Now;
        counters.Misses.Add(1);
        Log.Miss(query);
    }

    /// <summary>Reads what the database answers and keeps it, or tells in which reader it goes on.</summary>
    public async ValueTask<Capture> StoreAsync(bool async, MissedQuery query, DbCommand executed, DbDataReader live, CancellationToken cancellationToken)
    {
        if (!IsSameCommand(query, executed))
            return RefuseStore(query, Refusals.CommandChanged, live);

        var layout = query.Key.Plan.Columns.LayoutFor(live);
        var capture = await ResultCapture.CaptureAsync(async, live, layout, options.MaxEntryBytes, query.Policy.MaxRows, cancellationToken)
            .ConfigureAwait(false);
        if (capture.Result is null)
        {
            counters.TooLarge.Add(1);
            Log.TooLarge(query, options.MaxEntryBytes);
            Abandon(query);
            return capture;
        }

        Keep(query, capture.Result);
        return capture;
    }

    /// <summary>Ends the wait of those who joined, with nothing.</summary>
    public void Abandon(MissedQuery query, bool cancelled = false) => Complete(query, new SharedExecution(null, cancelled));

    private static void WriteVariation<TValues>(ref KeyWriter key, CacheSession session, QueryPlan plan, in TValues values)
        where TValues : struct, IParameterValues
    {
        if (session.Cache!.Options.VaryBy is { } varyBy)
            ParameterEncoder.TryWrite(ref key, varyBy(session.Context));
        if (plan.VaryByParameter is { } name)
            ParameterEncoder.TryWrite(ref key, values.ValueOf(name));
    }

    private Answer Hit(CacheSession session, CachedQuery cached)
    {
        counters.Hits.Add(1);
        cached.Hits++;
        Log.Hit(session, cached);
        Explanations.Add(session, cached.Key.Plan, cached.Policy, QueryCacheOutcome.Hit);
        return new Answer(cached.Result);
    }

    private void Keep(MissedQuery query, CachedResult result)
    {
        try
        {
            var cost = Stopwatch.GetElapsedTime(query.StartedAt).TotalMicroseconds;
            var cached = new CachedQuery(query, result, versions, cost, store.Clock.Now);
            if (!cached.IsUpToDate)
            {
                counters.StaleFillsPrevented.Add(1);
                Log.StaleFillPrevented(query);
            }
            else if (cached.Bytes > options.MaxEntryBytes)
            {
                counters.TooLarge.Add(1);
                Log.TooLarge(query, options.MaxEntryBytes);
            }
            else if (!query.Session.Cache!.IsDisposed && store.Add(cached))
            {
                counters.Fills.Add(1);
                Log.Stored(query, cached);
            }

            Explanations.Add(query.Session, query.Key.Plan, query.Policy, QueryCacheOutcome.Miss);
        }
        catch (Exception fault)
        {
            Log.Fault(query.Session, query.Key.Plan, fault);
        }
        finally
        {
            Complete(query, new SharedExecution(result, WasCancelled: false));
        }
    }

    private void Complete(MissedQuery query, SharedExecution execution)
    {
        _inFlight.TryRemove(KeyValuePair.Create(query.Key, query));
        query.Complete(execution);
    }

    /// <summary>What ran is what was identified: no interceptor has changed the text or a parameter on the way.</summary>
    [SkipLocalsInit]
    private static bool IsSameCommand(MissedQuery query, DbCommand executed)
    {
        if (!ReferenceEquals(executed.CommandText, query.Key.Plan.CommandText) && executed.CommandText != query.Key.Plan.CommandText)
            return false;
        var key = new KeyWriter(stackalloc byte[KeyBytesOnStack]);
        try
        {
            return query.Key.Plan.Parameters.WriteExecuted(ref key, executed.Parameters) is null
                && query.Key.Parameters.AsSpan().EndsWith(key.Written);
        }
        finally
        {
            key.Dispose();
        }
    }

    private Capture RefuseStore(MissedQuery query, QueryCacheRefusal refusal, DbDataReader live)
    {
        Abandon(query);
        Refuse(query.Session, query.Key.Plan, query.Policy, refusal);
        return Capture.PassThrough(live);
    }

    private Answer Refuse(
        CacheSession session, QueryPlan plan, ResolvedPolicy? policy, QueryCacheRefusal refusal, Exception? fault = null)
    {
        if (policy is null or { IsRequested: true })
        {
            Interlocked.Increment(ref counters.Refusals[(int)refusal.Reason]);
            if (fault is null)
                Log.Refused(session, plan, refusal);
            else
                Log.Fault(session, plan, fault);
        }

        Explanations.Add(session, plan, policy, QueryCacheOutcome.Refused, refusal);
        return default;
    }

    /// <summary>A result to serve, a query to execute and store, or neither: execute as if there were no cache.</summary>
    public readonly struct Answer
    {
        public Answer(CachedResult result) => Result = result;

        public Answer(MissedQuery query) => Missed = query;

        public CachedResult? Result { get; }

        public MissedQuery? Missed { get; }
    }
}
