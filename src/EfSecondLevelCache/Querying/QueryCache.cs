using System.Collections.Concurrent;
using System.Data.Common;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using EfSecondLevelCache.Diagnostics;
using EfSecondLevelCache.Keys;
using EfSecondLevelCache.Planning;
using EfSecondLevelCache.Provider;
using EfSecondLevelCache.Results;
using EfSecondLevelCache.Session;
using EfSecondLevelCache.Store;
using EfSecondLevelCache.Threading;
using EfSecondLevelCache.Versions;
using Microsoft.EntityFrameworkCore;

namespace EfSecondLevelCache.Querying;

/// <summary>THE FLOW OF A QUERY is <see cref="AnswerAsync"/>; every door walks it.</summary>
internal sealed class QueryCache(
    SecondLevelCacheOptions options, BoundedStore store, VersionSlots versions, DependencySlots slots, Counters counters)
{
    /// <summary>Most keys fit; a longer one is continued on rented memory.</summary>
    private const int KeyBytesOnStack = 512;

    /// <summary>This thread is in the application's VaryBy, which may query: what that varies by is not known yet.</summary>
    [ThreadStatic]
    private static bool _isVarying;

    private readonly ConcurrentDictionary<QueryKey, MissedQuery> _inFlight = new();
    private readonly SharedPool<QueryShape> _shapes = new(static shape => shape.Bytes);
    private readonly ConditionalWeakTable<QueryShape, PlannedColumns> _columns = [];
    private readonly SharedPool<CacheScope> _scopes = new(static scope => scope.Bytes);
    private volatile bool _isStopped;

    /// <summary>Answers a query: identify, look up, serve; or prepare, join, execute, capture, keep, serve.</summary>
    /// <param name="async">Whether to wait asynchronously; if not, the task returned is complete.</param>
    /// <param name="session">Of the context that executes it.</param>
    /// <param name="plan">Of its text.</param>
    /// <param name="values">Its parameter values.</param>
    /// <param name="door">Executes the command, and makes the reader that the caller gets.</param>
    /// <param name="cancellationToken">Of the query.</param>
    public ValueTask<TReader> AnswerAsync<TReader, TValues, TDoor>(
        bool async, CacheSession session, QueryPlan plan, TValues values, TDoor door, CancellationToken cancellationToken)
        where TValues : struct, IParameterValues
        where TDoor : IQueryDoor<TReader>
        => plan.NotOlderThanParameter is null
            ? LookUpAndAnswerAsync<TReader, TValues, TDoor>(async, session, plan, values, door, cancellationToken)
            : CatchUpAndAnswerAsync<TReader, TValues, TDoor>(async, session, plan, values, door, cancellationToken);

    private ValueTask<TReader> LookUpAndAnswerAsync<TReader, TValues, TDoor>(
        bool async, CacheSession session, QueryPlan plan, TValues values, TDoor door, CancellationToken cancellationToken)
        where TValues : struct, IParameterValues
        where TDoor : IQueryDoor<TReader>
    {
        var found = LookUp(session, plan, values);
        return found.Result is { } result ? new(door.Serve(result))
            : found.Missed is { } missed ? ExecuteAndKeepAsync<TReader, TDoor>(async, missed, door, cancellationToken)
            : door.ExecuteUncachedAsync(async, cancellationToken);
    }

    /// <summary>The part of <see cref="AnswerAsync"/> that waits.</summary>
    private async ValueTask<TReader> ExecuteAndKeepAsync<TReader, TDoor>(
        bool async, MissedQuery query, TDoor door, CancellationToken cancellationToken)
        where TDoor : IQueryDoor<TReader>
    {
        if (!await PrepareAsync(async, query, cancellationToken).ConfigureAwait(false))
            return await door.ExecuteUncachedAsync(async, cancellationToken).ConfigureAwait(false);

        var live = default(LiveResult);
        try
        {
            if (await JoinAsync(async, query, cancellationToken).ConfigureAwait(false) is { } joined)
                return door.Serve(joined);

            using var work = SharedWork.Begin();
            counters.Misses.Add(1);
            Log.Miss(query.Session.Logger, query.Plan.CommandText);
            live = await door.ExecuteAsync(async, query, cancellationToken).ConfigureAwait(false);
            var capture = await CaptureAsync(async, query, live, cancellationToken).ConfigureAwait(false);
            if (capture.Result is { } result)
                return door.Serve(result);

            var reader = await door.GoOnAsync(async, live, capture.PassThrough!, cancellationToken).ConfigureAwait(false);
            live = live with { IsHandedOn = true };
            return reader;
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // An interceptor may throw it as well, and would for the next one too.
            Abandon(query, cancelled: true);
            throw;
        }
        finally
        {
            Abandon(query);
            await door.ReleaseAsync(async, live).ConfigureAwait(false);
        }
    }

    /// <summary>
    /// Waits shortly where a query has a token, and what that stands for has not been told yet. What comes of it is for the look-up to say.
    /// </summary>
    private async ValueTask<TReader> CatchUpAndAnswerAsync<TReader, TValues, TDoor>(
        bool async, CacheSession session, QueryPlan plan, TValues values, TDoor door, CancellationToken cancellationToken)
        where TValues : struct, IParameterValues
        where TDoor : IQueryDoor<TReader>
    {
        try
        {
            if (RefusalNow(session, PolicyOf(session, plan)) is null
                && values.TokenOf(plan.NotOlderThanParameter!) is { } token && session.Known.Source is { } source)
            {
                await source.CatchUpAsync(async, token, cancellationToken).ConfigureAwait(false);
            }
        }
        catch (Exception fault) when (fault is not OperationCanceledException)
        {
            // The look-up meets it again, and tells.
        }

        return await LookUpAndAnswerAsync<TReader, TValues, TDoor>(async, session, plan, values, door, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Identifies a command and looks it up.</summary>
    [SkipLocalsInit]
    private Found LookUp<TValues>(CacheSession session, QueryPlan plan, in TValues values)
        where TValues : struct, IParameterValues
    {
        try
        {
            var policy = PolicyOf(session, plan);
            if ((RefusalNow(session, policy) ?? RefusalOfToken(session, plan, values)) is { } refusal)
                return Refuse(session, plan, policy, refusal);

            var key = new KeyWriter(stackalloc byte[KeyBytesOnStack]);
            try
            {
                if (WriteKey(ref key, session, plan, values) is { } unencodable)
                    return Refuse(session, plan, policy, unencodable);

                var probe = new QueryKey.Probe(plan.Shape, session.Scope, key.Written);
                if (store.Find(probe) is CachedQuery cached)
                    return Hit(session, plan, policy, cached, values.OfQuery);
                return new Found(new MissedQuery(session, plan, probe.ToKey(), policy, values.OfQuery));
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

    /// <summary>What would happen to a command, without counting.</summary>
    public QueryCacheExplanation Peek<TValues>(CacheSession session, QueryPlan plan, in TValues values)
        where TValues : struct, IParameterValues
    {
        var policy = PolicyOf(session, plan);
        var refusal = RefusalNow(session, policy) ?? RefusalOfToken(session, plan, values);
        var isHit = false;
        if (refusal is null)
        {
            var key = new KeyWriter(stackalloc byte[KeyBytesOnStack]);
            try
            {
                refusal = WriteKey(ref key, session, plan, values);
                isHit = refusal is null && store.Peek(new QueryKey.Probe(plan.Shape, session.Scope, key.Written)) is not null;
            }
            finally
            {
                key.Dispose();
            }

            if (!isHit)
            {
                var dependencies = policy.DependenciesOn(session.Known);
                refusal ??= dependencies.Refusal
                    ?? (session.Known.View is null ? null : session.Known.Source?.RefusalOf(session.Known, dependencies.Relations, session.Logger));
            }
        }

        var outcome = isHit ? QueryCacheOutcome.Hit : refusal is null ? QueryCacheOutcome.Miss : QueryCacheOutcome.Refused;
        return Explain(session, plan, policy, values.OfQuery, outcome, refusal);
    }

    /// <summary>Nothing is kept from now on.</summary>
    public void Stop() => _isStopped = true;

    private ResolvedPolicy PolicyOf(CacheSession session, QueryPlan plan) => plan.PolicyIn(options, slots, session.Model);

    /// <summary>
    /// Learns what the database says of the tables. False: that rules out that the result is kept, so the caller executes as if there were
    /// no cache.
    /// </summary>
    /// <exception cref="InvalidOperationException">The query states a table that there is not.</exception>
    private async ValueTask<bool> PrepareAsync(bool async, MissedQuery query, CancellationToken cancellationToken)
    {
        await query.Session.RefreshKnownAsync(async, query.StartedAt, cancellationToken).ConfigureAwait(false);
        await StatedTables.CheckAsync(async, query, cancellationToken).ConfigureAwait(false);
        query.Begin(versions);
        if (query.Refusal is not { } refusal)
            return true;
        Refuse(query.Session, query.Plan, query.Policy, refusal);
        return false;
    }

    /// <summary>
    /// Waits for another execution of the same query, where there is one that began after the last change, but no longer than for its own. Null: this one
    /// executes.
    /// </summary>
    private async ValueTask<CachedResult?> JoinAsync(bool async, MissedQuery query, CancellationToken cancellationToken)
    {
        query.IsAsync = async;
        while (query.Session.MayWaitFor(async, otherIsAsync: async))
        {
            var leader = _inFlight.GetOrAdd(query.Key, query);
            if (ReferenceEquals(leader, query))
            {
                // One that was under way when this was looked up may have ended meanwhile.
                if (store.Find(query.Key.ToProbe()) is not CachedQuery cached)
                    break;
                Complete(query, new SharedExecution(cached.Result, WasCancelled: false));
                return Joined(query, cached.Result);
            }

            // Ours replaces one that began before a change that we came after, or that we may not wait for, for those who come after us.
            if (!versions.IsUpToDate(leader.Slots, leader.AsOf) || (leader.IsAsync && !async))
            {
                if (_inFlight.TryUpdate(query.Key, query, leader))
                    break;
                continue;
            }

            if (!await query.Session.WaitForAsync(async, leader.Completion, query.StartedAt, cancellationToken).ConfigureAwait(false))
            {
                query.Begin(versions);
                // Nobody else need wait for it in vain.
                _inFlight.TryUpdate(query.Key, query, leader);
                break;
            }

            var execution = await leader.Completion.ConfigureAwait(false);
            if (execution.Result is { } result && versions.IsUpToDate(leader.Slots, leader.AsOf))
                return Joined(query, result);

            query.Begin(versions);
            // After a failure, or a result too large to share, each goes alone: in turn they would wait for ever.
            if (execution is { Result: null, WasCancelled: false })
                break;
        }

        return null;
    }

    private CachedResult Joined(MissedQuery query, CachedResult result)
    {
        counters.Joined.Add(1);
        counters.Hits.Add(1);
        Log.Joined(query.Session.Logger, query.Plan.CommandText);
        Explain(query, QueryCacheOutcome.Hit);
        return result;
    }

    /// <summary>Reads what the database answers and keeps it, or tells in which reader it goes on.</summary>
    private async ValueTask<Capture> CaptureAsync(bool async, MissedQuery query, LiveResult live, CancellationToken cancellationToken)
    {
        if (query.AsksForSnapshot)
            await query.TakeSnapshotAsync(async, live.Reader, cancellationToken).ConfigureAwait(false);
        if (RefusalOf(query, live, out var layout) is { } refusal)
        {
            Refuse(query, refusal);
            return Capture.PassedThrough(CaptureOutcome.OtherColumns, live.Reader);
        }

        var capture = await ResultCapture.CaptureAsync(async, live.Reader, layout!, options.MaxEntryBytes, query.Policy.MaxRows, cancellationToken)
            .ConfigureAwait(false);
        switch (capture.Outcome)
        {
            case CaptureOutcome.Complete:
                Keep(query, capture.Result!);
                break;
            case CaptureOutcome.TooManyRows or CaptureOutcome.TooManyBytes:
                counters.TooLarge.Add(1);
                var isFirst = counters.Found.IsFirst(query.Plan.ContentHash, EventIds.TooLarge << 16);
                Log.TooLarge(query.Session.Logger, isFirst, options.MaxEntryBytes, query.Policy.MaxRows, query.Plan.CommandText);
                Abandon(query);
                break;
            case CaptureOutcome.MoreResultSets:
                Refuse(query, Refusals.SeveralResults);
                break;
            case CaptureOutcome.OtherColumns:
                Refuse(query, Refusals.OtherColumns);
                break;
            case CaptureOutcome.UnreadableValue:
                Refuse(query, Refusals.UnreadableValue(capture.Fault!));
                break;
        }

        return capture;
    }

    /// <summary>Ends the wait of those who joined, with nothing.</summary>
    private void Abandon(MissedQuery query, bool cancelled = false) => Complete(query, new SharedExecution(null, cancelled));

    /// <summary>Why nothing of this policy may be served or kept at this moment; null: it may.</summary>
    private static QueryCacheRefusal? RefusalNow(CacheSession session, ResolvedPolicy policy)
        => policy.Refusal ?? session.RefusalNow();

    /// <summary>Why what is served may be older than the query's token; null: it is not, or there is no token.</summary>
    private static QueryCacheRefusal? RefusalOfToken<TValues>(CacheSession session, QueryPlan plan, in TValues values)
        where TValues : struct, IParameterValues
        => plan.NotOlderThanParameter is not { } name ? null
            : values.TokenOf(name) is not { } token ? Refusals.TokenNotReceived
            : token == default ? null
            : session.Known.Source is { } source ? source.RefusalOf(token)
            : Refusals.TokenWithoutSource;

    /// <summary>Null, or why there is no key.</summary>
    private QueryCacheRefusal? WriteKey<TValues>(ref KeyWriter key, CacheSession session, QueryPlan plan, in TValues values)
        where TValues : struct, IParameterValues
    {
        if (options.VaryBy is { } varyBy)
        {
            if (_isVarying)
                return Refusals.WithinVaryBy;
            ParameterEncoder.TryWrite(ref key, Vary(varyBy, session.Context));
        }

        if (plan.VaryByParameter is { } name)
            ParameterEncoder.TryWrite(ref key, values.ValueOf(name));
        return values.Write(ref key, plan, options.TypeRules) is { } unencodable ? Refusals.ParameterType(unencodable) : null;
    }

    private static string? Vary(Func<DbContext, string?> varyBy, DbContext context)
    {
        _isVarying = true;
        try
        {
            return varyBy(context);
        }
        finally
        {
            _isVarying = false;
        }
    }

    private Found Hit(
        CacheSession session, QueryPlan plan, ResolvedPolicy policy, CachedQuery cached, IReadOnlyDictionary<string, object?>? parameterValues)
    {
        counters.Hits.Add(1);
        cached.TimesServed++;
        Log.Hit(session.Logger, cached.Result.Rows, plan.CommandText);
        if (Explanations.AreAsked)
            Explanations.Add(Explain(session, plan, policy, parameterValues, QueryCacheOutcome.Hit));
        return new Found(cached.Result);
    }

    private void Keep(MissedQuery query, CachedResult result)
    {
        try
        {
            var cost = Stopwatch.GetElapsedTime(query.StartedAt).TotalMicroseconds;
            query.Executed(result, slots);
            query.Key.Shape.Dependencies = query.DescribeDependencies();
            var shape = _shapes.Of(query.Key.Shape);
            var cached = new CachedQuery(query, shape, _scopes.Of(query.Key.Scope), result, versions, cost, store.Clock.Now);
            if (query.IsStale || !cached.IsUpToDate)
            {
                counters.StaleFillsPrevented.Add(1);
                Log.StaleFillPrevented(query.Session.Logger, query.Plan.CommandText);
            }
            else if (!_isStopped && store.Add(cached))
            {
                counters.Fills.Add(1);
                Log.Stored(query.Session.Logger, result.Rows, cached.Bytes, query.Policy.TimeToLive, query.Plan.CommandText);
            }

            Explain(query, QueryCacheOutcome.Miss);
        }
        catch (Exception fault)
        {
            Log.Fault(query.Session.Logger, query.Plan.CommandText, fault);
        }
        finally
        {
            Complete(query, new SharedExecution(query.IsStale ? null : result, WasCancelled: false));
        }
    }

    private void Complete(MissedQuery query, SharedExecution execution)
    {
        _inFlight.TryRemove(KeyValuePair.Create(query.Key, query));
        query.Complete(execution);
    }

    /// <summary>What ran is what was identified: no interceptor has changed the text or a parameter on the way.</summary>
    [SkipLocalsInit]
    private bool IsSameCommand(MissedQuery query, DbCommand executed)
    {
        var text = executed.CommandText;
        if (!ReferenceEquals(text, query.Plan.CommandText)
            && !(query.AsksForSnapshot ? LeadingSnapshot.TextBehind(text) : text).SequenceEqual(query.Plan.CommandText))
        {
            return false;
        }

        var key = new KeyWriter(stackalloc byte[KeyBytesOnStack]);
        try
        {
            return query.Plan.Parameters.WriteExecuted(ref key, executed.Parameters, options.TypeRules) is null
                && query.Key.Parameters.AsSpan().EndsWith(key.Written)
                && (query.ParameterValues is not { } values || query.Plan.Parameters.WereSent(executed.Parameters, values));
        }
        finally
        {
            key.Dispose();
        }
    }

    private QueryCacheRefusal? RefusalOf(MissedQuery query, LiveResult live, out RowLayout? layout)
    {
        layout = null;
        try
        {
            if (query.Refusal is { } refusal)
                return refusal;
            if (!ReferenceEquals(live.Command.Connection, query.Session.Connection.DbConnection) || !IsSameCommand(query, live.Command))
                return Refusals.CommandChanged;
            if (!ProviderInternals.IsReaderOf(live.Reader, live.Command))
                return Refusals.ReaderReplaced(live.Reader.GetType());
            layout = ColumnsOf(query).LayoutFor(live.Reader, live.IsReadByName);
            return layout is null ? Refusals.OtherColumns : null;
        }
        catch (Exception fault)
        {
            Log.Fault(query.Session.Logger, query.Plan.CommandText, fault);
            return Refusals.Fault(fault);
        }
    }

    /// <summary>Those of the kept results of the same query, where there are any: of raw SQL EF Core makes a plan for each execution.</summary>
    private PlannedColumns ColumnsOf(MissedQuery query)
        => _columns.GetValue(_shapes.Find(query.Key.Shape), _ => query.Policy.Columns);

    private void Refuse(MissedQuery query, QueryCacheRefusal refusal)
    {
        Abandon(query);
        counters.RefusedAfterMiss.Add(1);
        Refuse(query.Session, query.Plan, query.Policy, refusal);
    }

    /// <summary>A query that nobody asked to cache.</summary>
    public void PassBy() => counters.NotRequested.Add(1);

    public void RefuseWithoutPlan(CacheSession session, string commandText)
        => Refuse(session, QueryPlan.Unknown(commandText), policy: null, Refusals.NoPlan);

    private Found Refuse(
        CacheSession session, QueryPlan plan, ResolvedPolicy? policy, QueryCacheRefusal refusal, Exception? fault = null)
    {
        if (Refusals.IsUnasked(refusal.Reason))
            counters.NotRequested.Add(1);
        else
            counters.Refused(refusal);
        if (fault is not null)
            Log.Fault(session.Logger, plan.CommandText, fault);
        else if (!Refusals.IsUnasked(refusal.Reason))
            Log.Refused(session.Logger, counters.Found.IsFirst(plan.ContentHash, (int)refusal.Reason), refusal, plan.CommandText);

        if (Explanations.AreAsked)
            Explanations.Add(Explain(session, plan, policy, parameterValues: null, QueryCacheOutcome.Refused, refusal));
        return default;
    }

    private static void Explain(MissedQuery query, QueryCacheOutcome outcome)
    {
        if (Explanations.AreAsked)
            Explanations.Add(Explain(query.Session, query.Plan, query.Policy, query.ParameterValues, outcome));
    }

    private static QueryCacheExplanation Explain(
        CacheSession session,
        QueryPlan plan,
        ResolvedPolicy? policy,
        IReadOnlyDictionary<string, object?>? parameterValues,
        QueryCacheOutcome outcome,
        QueryCacheRefusal? refusal = null)
        => new(
            plan.CommandText,
            outcome,
            refusal,
            session.FindKnown() is { } database && policy is not null ? policy.DependenciesOn(database).Describe(parameterValues) : [],
            outcome is QueryCacheOutcome.Refused ? null : policy?.TimeToLive);

    /// <summary>A result to serve, a query to execute and keep, or neither: execute as if there were no cache.</summary>
    private readonly struct Found
    {
        public Found(CachedResult result) => Result = result;

        public Found(MissedQuery query) => Missed = query;

        public CachedResult? Result { get; }

        public MissedQuery? Missed { get; }
    }
}
