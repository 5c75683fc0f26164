using System.Data.Common;
using EfSecondLevelCache.Changes;
using EfSecondLevelCache.Diagnostics;
using EfSecondLevelCache.Planning;
using EfSecondLevelCache.Querying;
using EfSecondLevelCache.Results;
using EfSecondLevelCache.Session;
using EfSecondLevelCache.Threading;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Query.Internal;
using Microsoft.EntityFrameworkCore.Storage;

namespace EfSecondLevelCache.EntityFramework;

/// <summary>
/// The fast door: the command that EF Core executes, before any DbCommand or connection exists. A compiled query's template carries the plan;
/// a connection's rented command copies it from there, belongs to one context and is used for one execution at a time.
/// </summary>
internal sealed class CachingCommand(
    RelationalCommandBuilderDependencies dependencies,
    string commandText,
    string logCommandText,
    IReadOnlyList<IRelationalParameter> parameters,
    QueryPlan? plan = null) : RelationalCommand(dependencies, commandText, logCommandText, parameters)
{
    private QueryPlan? _plan = plan;
    private CacheSession? _session;
    private SecondLevelCache? _cache;
    private ObservedWrite? _write;
    private CachedRelationalDataReader? _reader;
    private bool _asksForSnapshot;

    public override void PopulateFrom(IRelationalCommandTemplate commandTemplate)
    {
        base.PopulateFrom(commandTemplate);
        _plan = (commandTemplate as CachingCommand)?._plan;
    }

    public override RelationalDataReader ExecuteReader(RelationalCommandParameterObject parameterObject)
    {
        if (CacheableSession(parameterObject) is { } session)
        {
            if (_plan!.NotOlderThanParameter is not null)
                CatchUpAsync(async: false, session, parameterObject, default).GetAwaiter().GetResult();
            var answer = session.Cache!.Queries.LookUp(
                session, _plan, parameterObject.CommandSource, new QueryParameterValues(parameterObject.ParameterValues));
            if (answer.Result is { } result)
                return Serve(result, parameterObject);
            if (answer.Missed is { } missed)
                return ExecuteAndStoreAsync(async: false, missed, parameterObject, default).GetAwaiter().GetResult();
        }

        return _plan is { MayWrite: true }
            ? ExecuteWritingAsync(async: false, parameterObject, default).GetAwaiter().GetResult()
            : base.ExecuteReader(parameterObject);
    }

    public override Task<RelationalDataReader> ExecuteReaderAsync(
        RelationalCommandParameterObject parameterObject, CancellationToken cancellationToken = default)
    {
        // A token that is cancelled already is EF Core's to meet: which exception it is depends on the connection.
        if (!cancellationToken.IsCancellationRequested && CacheableSession(parameterObject) is { } session)
        {
            if (PoolShare.IsDue)
                return GiveWayAndExecuteAsync(session, parameterObject, cancellationToken);
            return _plan!.NotOlderThanParameter is null
                ? LookUpAndExecuteAsync(session, parameterObject, cancellationToken)
                : CatchUpAndExecuteAsync(session, parameterObject, cancellationToken);
        }

        return ExecuteUncachedAsync(parameterObject, cancellationToken);
    }

    private async Task<RelationalDataReader> GiveWayAndExecuteAsync(
        CacheSession session, RelationalCommandParameterObject parameterObject, CancellationToken cancellationToken)
    {
        await Task.Yield();
        return await CatchUpAndExecuteAsync(session, parameterObject, cancellationToken).ConfigureAwait(false);
    }

    private async Task<RelationalDataReader> CatchUpAndExecuteAsync(
        CacheSession session, RelationalCommandParameterObject parameterObject, CancellationToken cancellationToken)
    {
        await CatchUpAsync(async: true, session, parameterObject, cancellationToken).ConfigureAwait(false);
        return await LookUpAndExecuteAsync(session, parameterObject, cancellationToken).ConfigureAwait(false);
    }

    private ValueTask CatchUpAsync(
        bool async, CacheSession session, in RelationalCommandParameterObject parameterObject, CancellationToken cancellationToken)
        => QueryCache.CatchUpAsync(async, session, _plan!, new QueryParameterValues(parameterObject.ParameterValues), cancellationToken);

    private Task<RelationalDataReader> LookUpAndExecuteAsync(
        CacheSession session, in RelationalCommandParameterObject parameterObject, CancellationToken cancellationToken)
    {
        var answer = session.Cache!.Queries.LookUp(
            session, _plan!, parameterObject.CommandSource, new QueryParameterValues(parameterObject.ParameterValues));
        return answer.Result is { } result
            ? Task.FromResult<RelationalDataReader>(Serve(result, parameterObject))
            : answer.Missed is { } missed
                ? ExecuteAndStoreAsync(async: true, missed, parameterObject, cancellationToken).AsTask()
                : ExecuteUncachedAsync(parameterObject, cancellationToken);
    }

    private Task<RelationalDataReader> ExecuteUncachedAsync(
        in RelationalCommandParameterObject parameterObject, CancellationToken cancellationToken)
        => _plan is { MayWrite: true }
            ? ExecuteWritingAsync(async: true, parameterObject, cancellationToken).AsTask()
            : base.ExecuteReaderAsync(parameterObject, cancellationToken);

    public override int ExecuteNonQuery(RelationalCommandParameterObject parameterObject)
    {
        if (WriteOf(parameterObject) is not { } write)
            return base.ExecuteNonQuery(parameterObject);
        write.BeginAsync(async: false, default).GetAwaiter().GetResult();
        try
        {
            return base.ExecuteNonQuery(parameterObject);
        }
        finally
        {
            // Also after a failure: the command may have committed before the answer was lost.
            write.EndAsync(async: false).GetAwaiter().GetResult();
        }
    }

    public override async Task<int> ExecuteNonQueryAsync(
        RelationalCommandParameterObject parameterObject, CancellationToken cancellationToken = default)
    {
        if (WriteOf(parameterObject) is not { } write)
            return await base.ExecuteNonQueryAsync(parameterObject, cancellationToken).ConfigureAwait(false);
        await write.BeginAsync(async: true, cancellationToken).ConfigureAwait(false);
        try
        {
            return await base.ExecuteNonQueryAsync(parameterObject, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            await write.EndAsync(async: true, cancellationToken).ConfigureAwait(false);
        }
    }

    public override object? ExecuteScalar(RelationalCommandParameterObject parameterObject)
    {
        if (WriteOf(parameterObject) is not { } write)
            return base.ExecuteScalar(parameterObject);
        write.BeginAsync(async: false, default).GetAwaiter().GetResult();
        try
        {
            return base.ExecuteScalar(parameterObject);
        }
        finally
        {
            write.EndAsync(async: false).GetAwaiter().GetResult();
        }
    }

    public override async Task<object?> ExecuteScalarAsync(
        RelationalCommandParameterObject parameterObject, CancellationToken cancellationToken = default)
    {
        if (WriteOf(parameterObject) is not { } write)
            return await base.ExecuteScalarAsync(parameterObject, cancellationToken).ConfigureAwait(false);
        await write.BeginAsync(async: true, cancellationToken).ConfigureAwait(false);
        try
        {
            return await base.ExecuteScalarAsync(parameterObject, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            await write.EndAsync(async: true, cancellationToken).ConfigureAwait(false);
        }
    }

    public override DbCommand CreateDbCommand(
        RelationalCommandParameterObject parameterObject, Guid commandId, DbCommandMethod commandMethod)
    {
        // ExplainCache() asks the compiled query for its command, without executing it.
        if (_plan is not null)
            Explanations.Inspect(_plan, parameterObject);
        var command = base.CreateDbCommand(parameterObject, commandId, commandMethod);
        if (_asksForSnapshot)
            LeadingSnapshot.PutBefore(command);
        return command;
    }

    /// <summary>A query that writes has committed for certain when its reader is closed; its rows may come before.</summary>
    protected override RelationalDataReader CreateRelationalDataReader() => new WriteObservingDataReader(this);

    private ObservedWrite? WriteOf(in RelationalCommandParameterObject parameterObject)
        => ObservedWrite.Of(CommandText, _plan, parameterObject.Context, parameterObject.Connection, parameterObject.ParameterValues);

    /// <summary>Null where this command has nothing to do with a cache; tells so without allocating.</summary>
    private CacheSession? CacheableSession(in RelationalCommandParameterObject parameterObject)
    {
        if (_plan is null)
            return TellOfMissingPlan(parameterObject);
        if (parameterObject.Context is null)
            return null;
        if (_plan.Policy is null && !CacheRules.Any && !Explanations.AreAsked)
            return PassBy(parameterObject.Context);
        var session = _session ??= parameterObject.Context.GetService<CacheSession>();
        return session.Cache is null ? null : session;
    }

    /// <summary>Counts a query that nobody asked to cache. The context's options have the cache, so that no session is made for it.</summary>
    private CacheSession? PassBy(DbContext context)
    {
        if (_plan!.MayWrite)
            return null;
        _cache ??= SecondLevelCacheOptionsExtension.CacheOf(context);
        _cache?.Queries.PassBy();
        return null;
    }

    /// <summary>A query that asks to be cached and has no plan: its SQL came from elsewhere (a replaced generator, precompiled).</summary>
    private CacheSession? TellOfMissingPlan(in RelationalCommandParameterObject parameterObject)
    {
        if (parameterObject.CommandSource is CommandSource.LinqQuery or CommandSource.FromSqlQuery
            && PolicyTag.IsIn(CommandText)
            && parameterObject.Context?.GetService<CacheSession>() is { Cache: { } cache } session)
        {
            cache.Queries.RefuseWithoutPlan(session, CommandText);
        }

        return null;
    }

    private CachedRelationalDataReader Serve(CachedResult result, in RelationalCommandParameterObject parameterObject)
    {
        var reader = _reader ??= new CachedRelationalDataReader();
        reader.Initialize(parameterObject.Connection, result, parameterObject.ReaderColumns, parameterObject.DetailedErrorsEnabled);
        return reader;
    }

    private async ValueTask<RelationalDataReader> ExecuteAndStoreAsync(
        bool async, MissedQuery missed, RelationalCommandParameterObject parameterObject, CancellationToken cancellationToken)
    {
        var queries = missed.Session.Cache!.Queries;
        if (!await queries.PrepareAsync(async, missed, cancellationToken).ConfigureAwait(false))
        {
            return async
                ? await base.ExecuteReaderAsync(parameterObject, cancellationToken).ConfigureAwait(false)
                : base.ExecuteReader(parameterObject);
        }

        RelationalDataReader? live = null;
        var handedOver = false;
        var holdsConnection = false;
        try
        {
            if (await queries.JoinAsync(async, missed, cancellationToken).ConfigureAwait(false) is { } joined)
                return Serve(joined, parameterObject);

            using var work = SharedWork.Begin();
            queries.Executing(missed);
            // Without reader columns, or EF Core would buffer and the columns that its shaper passes over would be lost.
            var unbuffered = WithoutReaderColumns(parameterObject);
            if (missed.AsksForSnapshot && (!async || missed.Session.InterceptsCommands))
            {
                if (async)
                    await parameterObject.Connection.OpenAsync(cancellationToken).ConfigureAwait(false);
                else
                    parameterObject.Connection.Open();
                holdsConnection = true;
                await missed.AskForSnapshotAsync(async, parameterObject.Connection.DbConnection, cancellationToken).ConfigureAwait(false);
            }

            _asksForSnapshot = missed.AsksForSnapshot;
            live = async
                ? await base.ExecuteReaderAsync(unbuffered, cancellationToken).ConfigureAwait(false)
                : base.ExecuteReader(unbuffered);
            var capture = await queries.StoreAsync(async, missed, live.DbCommand, live.DbDataReader, cancellationToken).ConfigureAwait(false);
            if (capture.Result is { } result)
                return Serve(result, parameterObject);

            await GoOnWithAsync(async, live, capture.PassThrough!, parameterObject, cancellationToken).ConfigureAwait(false);
            handedOver = true;
            return live;
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // An interceptor may throw it as well, and would for the next one too.
            queries.Abandon(missed, cancelled: true);
            throw;
        }
        finally
        {
            _asksForSnapshot = false;
            queries.Abandon(missed);
            if (live is not null && !handedOver)
                await CloseAsync(async, live).ConfigureAwait(false);
            if (holdsConnection && async)
                await parameterObject.Connection.CloseAsync().ConfigureAwait(false);
            else if (holdsConnection)
                parameterObject.Connection.Close();
        }
    }

    /// <summary>Raw SQL that writes and returns rows (RETURNING, a data-modifying CTE).</summary>
    private async ValueTask<RelationalDataReader> ExecuteWritingAsync(
        bool async, RelationalCommandParameterObject parameterObject, CancellationToken cancellationToken)
    {
        var write = WriteOf(parameterObject);
        if (write is not null)
            await write.BeginAsync(async, cancellationToken).ConfigureAwait(false);
        _write = write;
        try
        {
            return async
                ? await base.ExecuteReaderAsync(parameterObject, cancellationToken).ConfigureAwait(false)
                : base.ExecuteReader(parameterObject);
        }
        catch
        {
            await WrittenAsync(async).ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Lets EF Core read on in a reader that begins with what was read already; buffered where it wanted that.</summary>
    private static async ValueTask GoOnWithAsync(
        bool async,
        RelationalDataReader live,
        DbDataReader reader,
        RelationalCommandParameterObject parameterObject,
        CancellationToken cancellationToken)
    {
        if (parameterObject.ReaderColumns is { } columns)
        {
            var buffer = new BufferedDataReader(reader, parameterObject.DetailedErrorsEnabled);
            reader = async
                ? await buffer.InitializeAsync(columns, cancellationToken).ConfigureAwait(false)
                : buffer.Initialize(columns);
        }

        live.Initialize(parameterObject.Connection, live.DbCommand, reader, live.CommandId, parameterObject.Logger);
    }

    private static async ValueTask CloseAsync(bool async, RelationalDataReader live)
    {
        if (async)
            await live.DisposeAsync().ConfigureAwait(false);
        else
            live.Dispose();
    }

    private static RelationalCommandParameterObject WithoutReaderColumns(in RelationalCommandParameterObject from)
        => new(from.Connection, from.ParameterValues, null, from.Context, from.Logger, from.DetailedErrorsEnabled, from.CommandSource);

    private ValueTask WrittenAsync(bool async)
    {
        var write = _write;
        _write = null;
        return write?.EndAsync(async) ?? default;
    }

    private sealed class WriteObservingDataReader(CachingCommand command) : RelationalDataReader
    {
        public override void Dispose()
        {
            try
            {
                base.Dispose();
            }
            finally
            {
                command.WrittenAsync(async: false).GetAwaiter().GetResult();
            }
        }

        public override async ValueTask DisposeAsync()
        {
            try
            {
                await base.DisposeAsync().ConfigureAwait(false);
            }
            finally
            {
                await command.WrittenAsync(async: true).ConfigureAwait(false);
            }
        }
    }
}

/// <summary>Makes the commands; the stock builder with another last step.</summary>
internal sealed class CachingCommandBuilder(RelationalCommandBuilderDependencies dependencies) : RelationalCommandBuilder(dependencies)
{
    public override IRelationalCommand Build()
    {
        var command = base.Build();
        return new CachingCommand(Dependencies, command.CommandText, command.LogCommandText, Parameters);
    }
}

/// <summary>Makes the builders.</summary>
internal sealed class CachingCommandBuilderFactory(RelationalCommandBuilderDependencies dependencies)
    : RelationalCommandBuilderFactory(dependencies)
{
    public override IRelationalCommandBuilder Create() => new CachingCommandBuilder(Dependencies);
}