using System.Data.Common;
using System.Runtime.CompilerServices;
using EfSecondLevelCache.Diagnostics;
using EfSecondLevelCache.EntityFramework.Writes;
using EfSecondLevelCache.Planning;
using EfSecondLevelCache.Session;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.EntityFrameworkCore.Infrastructure;

namespace EfSecondLevelCache.EntityFramework.Queries;

/// <summary>
/// The other door: for commands that another builder than ours made (a replaced IRelationalCommandBuilderFactory). By now EF Core has opened the
/// connection, so a hit saves the round trip but not the connection. Registered only where it is needed: an interceptor makes EF Core allocate
/// event data for every command.
/// </summary>
internal sealed class QueryCacheInterceptor : DbCommandInterceptor
{
    private readonly ConditionalWeakTable<DbCommand, InterceptedExecution> _executions = [];
    private readonly ConditionalWeakTable<DbCommand, ObservedWrite> _writes = [];

    public override InterceptionResult<DbDataReader> ReaderExecuting(
        DbCommand command, CommandEventData eventData, InterceptionResult<DbDataReader> result)
        => AnswerAsync(async: false, command, eventData, result, default).GetAwaiter().GetResult();

    public override ValueTask<InterceptionResult<DbDataReader>> ReaderExecutingAsync(
        DbCommand command, CommandEventData eventData, InterceptionResult<DbDataReader> result, CancellationToken cancellationToken = default)
        => AnswerAsync(async: true, command, eventData, result, cancellationToken);

    public override DbDataReader ReaderExecuted(DbCommand command, CommandExecutedEventData eventData, DbDataReader result)
        => ExecutedAsync(command, result).GetAwaiter().GetResult();

    public override ValueTask<DbDataReader> ReaderExecutedAsync(
        DbCommand command, CommandExecutedEventData eventData, DbDataReader result, CancellationToken cancellationToken = default)
        => ExecutedAsync(command, result);

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
        WrittenAsync(async: false, command).GetAwaiter().GetResult();
        return result;
    }

    public override async ValueTask<int> NonQueryExecutedAsync(
        DbCommand command, CommandExecutedEventData eventData, int result, CancellationToken cancellationToken = default)
    {
        await WrittenAsync(async: true, command, cancellationToken).ConfigureAwait(false);
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
        WrittenAsync(async: false, command).GetAwaiter().GetResult();
        return result;
    }

    public override async ValueTask<object?> ScalarExecutedAsync(
        DbCommand command, CommandExecutedEventData eventData, object? result, CancellationToken cancellationToken = default)
    {
        await WrittenAsync(async: true, command).ConfigureAwait(false);
        return result;
    }

    public override void CommandFailed(DbCommand command, CommandErrorEventData eventData)
        => FailedAsync(async: false, command, eventData.Exception).GetAwaiter().GetResult();

    public override Task CommandFailedAsync(DbCommand command, CommandErrorEventData eventData, CancellationToken cancellationToken = default)
        => FailedAsync(async: true, command, eventData.Exception).AsTask();

    public override void CommandCanceled(DbCommand command, CommandEndEventData eventData)
        => FailedAsync(async: false, command, fault: null).GetAwaiter().GetResult();

    public override Task CommandCanceledAsync(DbCommand command, CommandEndEventData eventData, CancellationToken cancellationToken = default)
        => FailedAsync(async: true, command, fault: null).AsTask();

    /// <summary>Asks the cache, up to where the command is to be executed, which EF Core does.</summary>
    private async ValueTask<InterceptionResult<DbDataReader>> AnswerAsync(
        bool async, DbCommand command, CommandEventData eventData, InterceptionResult<DbDataReader> result, CancellationToken cancellationToken)
    {
        if (result.HasResult
            || PlansByText.Find(command.CommandText) is not { } plan
            || eventData.Context?.GetService<CacheSession>() is not { SecondLevelCache: { } cache } session)
        {
            return result;
        }

        if (plan.Policy is null && !CacheRules.Any && !Explanations.AreAsked)
        {
            if (!plan.MayWrite)
                cache.Queries.PassBy();
            return result;
        }

        var execution = new InterceptedExecution(command, isReadByName: eventData.CommandSource is CommandSource.FromSqlQuery);
        execution.Answer = cache.Queries.AnswerAsync<DbDataReader?, CommandParameterValues, InterceptedExecution>(
            async, session, plan, new CommandParameterValues(command.Parameters), execution, cancellationToken).AsTask();
        // Synchronously it has come as far as it can.
        if (async)
            await Task.WhenAny(execution.Answer, execution.IsAsked).ConfigureAwait(false);
        if (execution.IsAsked.IsCompleted)
        {
            _executions.AddOrUpdate(command, execution);
            return result;
        }

        return await execution.Answer.ConfigureAwait(false) is { } reader ? InterceptionResult<DbDataReader>.SuppressWithResult(reader) : result;
    }

    private async ValueTask<DbDataReader> ExecutedAsync(DbCommand command, DbDataReader live)
    {
        if (!_executions.TryGetValue(command, out var execution))
            return live;
        _executions.Remove(command);
        execution.Executed(live);
        return (await execution.Answer.ConfigureAwait(false))!;
    }

    private ValueTask FailedAsync(bool async, DbCommand command, Exception? fault)
    {
        if (_executions.TryGetValue(command, out var execution))
        {
            _executions.Remove(command);
            execution.Failed(fault);
        }

        return WrittenAsync(async, command);
    }

    private void Executing(DbCommand command, CommandEventData eventData)
    {
        if (ObservedWrite.OfOpen(command, PlansByText.Find(command.CommandText), eventData) is { } write)
            _writes.AddOrUpdate(command, write);
    }

    private ValueTask WrittenAsync(bool async, DbCommand command, CancellationToken cancellationToken = default)
    {
        if (!_writes.TryGetValue(command, out var write))
            return default;
        _writes.Remove(command);
        return write.EndAsync(async, cancellationToken);
    }
}
