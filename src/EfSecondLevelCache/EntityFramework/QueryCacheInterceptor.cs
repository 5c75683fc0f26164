using System.Data.Common;
using System.Runtime.CompilerServices;
using EfSecondLevelCache.Changes;
using EfSecondLevelCache.Diagnostics;
using EfSecondLevelCache.Planning;
using EfSecondLevelCache.Querying;
using EfSecondLevelCache.Results;
using EfSecondLevelCache.Session;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.EntityFrameworkCore.Infrastructure;

namespace EfSecondLevelCache.EntityFramework;

/// <summary>
/// The other door: for commands that another builder than ours made (a replaced IRelationalCommandBuilderFactory). By now EF Core has opened the
/// connection, so a hit saves the round trip but not the connection. Registered only where it is needed: an interceptor makes EF Core allocate
/// event data for every command.
/// </summary>
internal sealed class QueryCacheInterceptor : DbCommandInterceptor
{
    private readonly ConditionalWeakTable<DbCommand, MissedQuery> _missed = [];
    private readonly ConditionalWeakTable<DbCommand, ObservedWrite> _writes = [];

    public override InterceptionResult<DbDataReader> ReaderExecuting(
        DbCommand command, CommandEventData eventData, InterceptionResult<DbDataReader> result)
        => LookUpAsync(async: false, command, eventData, result, default).GetAwaiter().GetResult();

    public override ValueTask<InterceptionResult<DbDataReader>> ReaderExecutingAsync(
        DbCommand command, CommandEventData eventData, InterceptionResult<DbDataReader> result, CancellationToken cancellationToken = default)
        => LookUpAsync(async: true, command, eventData, result, cancellationToken);

    public override DbDataReader ReaderExecuted(DbCommand command, CommandExecutedEventData eventData, DbDataReader result)
        => StoreAsync(async: false, command, result, default).GetAwaiter().GetResult();

    public override ValueTask<DbDataReader> ReaderExecutedAsync(
        DbCommand command, CommandExecutedEventData eventData, DbDataReader result, CancellationToken cancellationToken = default)
        => StoreAsync(async: true, command, result, cancellationToken);

    public override InterceptionResult<int> NonQueryExecuting(DbCommand command, CommandEventData eventData, InterceptionResult<int> result)
    {
        Executing(command, eventData);
        return result;
    }

    public override ValueTask<InterceptionResult<int>> NonQueryExecutingAsync(
        DbCommand command, CommandEventData eventData, InterceptionResult<int> result, CancellationToken cancellationToken = default)
        => new(NonQueryExecuting(command, eventData, result));

    public override int NonQueryExecuted(DbCommand command, CommandExecutedEventData eventData, int result)
    {
        ExecutedAsync(async: false, command).GetAwaiter().GetResult();
        return result;
    }

    public override async ValueTask<int> NonQueryExecutedAsync(
        DbCommand command, CommandExecutedEventData eventData, int result, CancellationToken cancellationToken = default)
    {
        await ExecutedAsync(async: true, command, cancellationToken).ConfigureAwait(false);
        return result;
    }

    public override InterceptionResult<object> ScalarExecuting(DbCommand command, CommandEventData eventData, InterceptionResult<object> result)
    {
        Executing(command, eventData);
        return result;
    }

    public override ValueTask<InterceptionResult<object>> ScalarExecutingAsync(
        DbCommand command, CommandEventData eventData, InterceptionResult<object> result, CancellationToken cancellationToken = default)
        => new(ScalarExecuting(command, eventData, result));

    public override object? ScalarExecuted(DbCommand command, CommandExecutedEventData eventData, object? result)
    {
        ExecutedAsync(async: false, command).GetAwaiter().GetResult();
        return result;
    }

    public override async ValueTask<object?> ScalarExecutedAsync(
        DbCommand command, CommandExecutedEventData eventData, object? result, CancellationToken cancellationToken = default)
    {
        await ExecutedAsync(async: true, command).ConfigureAwait(false);
        return result;
    }

    public override void CommandFailed(DbCommand command, CommandErrorEventData eventData)
        => ExecutedAsync(async: false, command).GetAwaiter().GetResult();

    public override Task CommandFailedAsync(DbCommand command, CommandErrorEventData eventData, CancellationToken cancellationToken = default)
        => ExecutedAsync(async: true, command).AsTask();

    public override void CommandCanceled(DbCommand command, CommandEndEventData eventData)
        => ExecutedAsync(async: false, command).GetAwaiter().GetResult();

    public override Task CommandCanceledAsync(DbCommand command, CommandEndEventData eventData, CancellationToken cancellationToken = default)
        => ExecutedAsync(async: true, command).AsTask();

    private async ValueTask<InterceptionResult<DbDataReader>> LookUpAsync(
        bool async, DbCommand command, CommandEventData eventData, InterceptionResult<DbDataReader> result, CancellationToken cancellationToken)
    {
        if (result.HasResult
            || PlansByText.Find(command.CommandText) is not { } plan
            || eventData.Context?.GetService<CacheSession>() is not { Cache: { } cache } session)
        {
            return result;
        }

        if (plan.Policy is null && !CacheRules.Any && !Explanations.AreAsked)
        {
            if (!plan.MayWrite)
                cache.Queries.PassBy();
            return result;
        }

        var answer = cache.Queries.LookUp(session, plan, eventData.CommandSource, new CommandParameterValues(command.Parameters));
        if (answer.Result is { } hit)
            return InterceptionResult<DbDataReader>.SuppressWithResult(Reader(hit));
        if (answer.Missed is { } missed && await cache.Queries.PrepareAsync(async, missed, cancellationToken).ConfigureAwait(false))
        {
            // The connection is open here, so nobody is joined.
            cache.Queries.Executing(missed);
            if (missed.AsksForSnapshot)
                await missed.AskForSnapshotAsync(async, command.Connection!, cancellationToken).ConfigureAwait(false);
            _missed.AddOrUpdate(command, missed);
        }

        return result;
    }

    private async ValueTask<DbDataReader> StoreAsync(bool async, DbCommand command, DbDataReader live, CancellationToken cancellationToken)
    {
        if (!_missed.TryGetValue(command, out var missed))
            return live;
        _missed.Remove(command);
        var capture = await missed.Session.Cache!.Queries.StoreAsync(async, missed, command, live, cancellationToken).ConfigureAwait(false);
        if (capture.Result is not { } result)
            return capture.PassThrough!;
        if (async)
            await live.DisposeAsync().ConfigureAwait(false);
        else
            live.Dispose();
        return Reader(result);
    }

    private void Executing(DbCommand command, CommandEventData eventData)
    {
        if (ObservedWrite.OfOpen(command, PlansByText.Find(command.CommandText), eventData) is { } write)
            _writes.AddOrUpdate(command, write);
    }

    private ValueTask ExecutedAsync(bool async, DbCommand command, CancellationToken cancellationToken = default)
    {
        if (!_writes.TryGetValue(command, out var write))
            return default;
        _writes.Remove(command);
        return write.EndAsync(async, cancellationToken);
    }

    private static CachedDataReader Reader(CachedResult result)
    {
        var reader = new CachedDataReader();
        reader.Reset(result);
        return reader;
    }
}
