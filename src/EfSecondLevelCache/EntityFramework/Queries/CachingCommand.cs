using System.Data.Common;
using EfSecondLevelCache.Provider;
using EfSecondLevelCache.Diagnostics;
using EfSecondLevelCache.EntityFramework.Writes;
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

namespace EfSecondLevelCache.EntityFramework.Queries;

/// <summary>The fast door: the command that EF Core executes, before any DbCommand or connection exists.</summary>
internal sealed class CachingCommand(
    RelationalCommandBuilderDependencies dependencies,
    string commandText,
    string logCommandText,
    IReadOnlyList<IRelationalParameter> parameters,
    QueryPlan? plan = null) : ObservingCommand(dependencies, commandText, logCommandText, parameters, plan)
{
    private CacheSession? _session;
    private SecondLevelCache? _cache;
    private CachedRelationalDataReader? _reader;

    public override RelationalDataReader ExecuteReader(RelationalCommandParameterObject parameterObject)
        => CacheableSession(parameterObject) is { } session
            ? AnswerAsync(async: false, session, parameterObject, default).GetAwaiter().GetResult()
            : base.ExecuteReader(parameterObject);

    public override Task<RelationalDataReader> ExecuteReaderAsync(
        RelationalCommandParameterObject parameterObject, CancellationToken cancellationToken = default)
    {
        // A token that is cancelled already is EF Core's to meet: which exception it is depends on the connection.
        if (cancellationToken.IsCancellationRequested || CacheableSession(parameterObject) is not { } session)
            return base.ExecuteReaderAsync(parameterObject, cancellationToken);
        return PoolShare.IsDue
            ? GiveWayAndAnswerAsync(session, parameterObject, cancellationToken)
            : AnswerAsync(async: true, session, parameterObject, cancellationToken).AsTask();
    }

    public override DbCommand CreateDbCommand(
        RelationalCommandParameterObject parameterObject, Guid commandId, DbCommandMethod commandMethod)
    {
        // ExplainCache() asks the compiled query for its command, without executing it.
        if (Plan is not null && Explanations.IsInspecting
            && parameterObject.Connection.Context.GetService<CacheSession>() is { SecondLevelCache: { } cache } session)
        {
            Explanations.Inspected(cache.Queries.Peek(session, Plan, new QueryParameterValues(parameterObject.ParameterValues)));
        }

        return base.CreateDbCommand(parameterObject, commandId, commandMethod);
    }

    private async Task<RelationalDataReader> GiveWayAndAnswerAsync(
        CacheSession session, RelationalCommandParameterObject parameterObject, CancellationToken cancellationToken)
    {
        await Task.Yield();
        return await AnswerAsync(async: true, session, parameterObject, cancellationToken).ConfigureAwait(false);
    }

    private ValueTask<RelationalDataReader> AnswerAsync(
        bool async, CacheSession session, in RelationalCommandParameterObject parameterObject, CancellationToken cancellationToken)
        => session.SecondLevelCache!.Queries.AnswerAsync<RelationalDataReader, QueryParameterValues, Door>(
            async, session, Plan!, new QueryParameterValues(parameterObject.ParameterValues), new Door(this, parameterObject), cancellationToken);

    /// <summary>Null where this command has nothing to do with a cache; tells so without allocating.</summary>
    private CacheSession? CacheableSession(in RelationalCommandParameterObject parameterObject)
    {
        if (Plan is null)
            return TellOfMissingPlan(parameterObject);
        if (parameterObject.Context is null)
            return null;
        if (Plan.Policy is null && !CacheRules.Any && !Explanations.AreAsked)
            return PassBy(parameterObject.Context);
        var session = _session ??= parameterObject.Context.GetService<CacheSession>();
        return session.Cache is null ? null : session;
    }

    /// <summary>Counts a query that nobody asked to cache. The context's options have the cache, so that no session is made for it.</summary>
    private CacheSession? PassBy(DbContext context)
    {
        if (Plan!.MayWrite)
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
            && parameterObject.Context?.GetService<CacheSession>() is { SecondLevelCache: { } cache } session)
        {
            cache.Queries.RefuseWithoutPlan(session, CommandText);
        }

        return null;
    }

    /// <summary>One execution of the command.</summary>
    private readonly struct Door(CachingCommand command, RelationalCommandParameterObject parameterObject) : IQueryDoor<RelationalDataReader>
    {
        private readonly RelationalCommandParameterObject _parameterObject = parameterObject;

        public RelationalDataReader Serve(CachedResult result)
        {
            var reader = command._reader ??= new CachedRelationalDataReader();
            reader.Initialize(_parameterObject.Connection, result, _parameterObject.ReaderColumns, _parameterObject.DetailedErrorsEnabled);
            return reader;
        }

        public ValueTask<RelationalDataReader> ExecuteUncachedAsync(bool async, CancellationToken cancellationToken)
            => async ? new(command.ExecuteBaseAsync(_parameterObject, cancellationToken)) : new(command.ExecuteBase(_parameterObject));

        public async ValueTask<LiveResult> ExecuteAsync(bool async, MissedQuery query, CancellationToken cancellationToken)
        {
            // Without reader columns, or EF Core would buffer and the columns that its shaper passes over would be lost.
            var unbuffered = new RelationalCommandParameterObject(
                _parameterObject.Connection, _parameterObject.ParameterValues, null, _parameterObject.Context, _parameterObject.Logger,
                _parameterObject.DetailedErrorsEnabled, _parameterObject.CommandSource);
            var isReadByName = _parameterObject.CommandSource is CommandSource.FromSqlQuery;
            if (!query.AsksForSnapshot)
                return ResultOf(await ExecuteAsync(async, command, unbuffered, cancellationToken).ConfigureAwait(false));
            if (async && !query.Session.InterceptsCommands)
            {
                var behindSnapshot = new SnapshotCommand(command.Dependencies, command.CommandText, command.LogCommandText, command.Parameters);
                return ResultOf(await behindSnapshot.ExecuteReaderAsync(unbuffered, cancellationToken).ConfigureAwait(false));
            }

            var connection = _parameterObject.Connection;
            await connection.OpenAsync(async, cancellationToken).ConfigureAwait(false);
            try
            {
                await query.AskForSnapshotAsync(async, connection.DbConnection, cancellationToken).ConfigureAwait(false);
                return ResultOf(await ExecuteAsync(async, command, unbuffered, cancellationToken).ConfigureAwait(false)) with { HoldsConnection = true };
            }
            catch
            {
                await connection.CloseAsync(async).ConfigureAwait(false);
                throw;
            }

            LiveResult ResultOf(RelationalDataReader reader) => new(reader.DbCommand, reader.DbDataReader, isReadByName) { Owner = reader };
        }

        /// <summary>Buffered where EF Core wanted that.</summary>
        public async ValueTask<RelationalDataReader> GoOnAsync(
            bool async, LiveResult live, DbDataReader reader, CancellationToken cancellationToken)
        {
            if (_parameterObject.ReaderColumns is { } columns)
            {
                var buffer = new BufferedDataReader(reader, _parameterObject.DetailedErrorsEnabled);
                reader = async
                    ? await buffer.InitializeAsync(columns, cancellationToken).ConfigureAwait(false)
                    : buffer.Initialize(columns);
            }

            var owner = (RelationalDataReader)live.Owner!;
            owner.Initialize(_parameterObject.Connection, owner.DbCommand, reader, owner.CommandId, _parameterObject.Logger);
            return owner;
        }

        public async ValueTask ReleaseAsync(bool async, LiveResult live)
        {
            if (live is { Owner: RelationalDataReader reader, IsHandedOn: false })
            {
                if (async)
                    await reader.DisposeAsync().ConfigureAwait(false);
                else
                    reader.Dispose();
            }

            if (live.HoldsConnection)
                await _parameterObject.Connection.CloseAsync(async).ConfigureAwait(false);
        }

        private static async ValueTask<RelationalDataReader> ExecuteAsync(
            bool async, CachingCommand command, RelationalCommandParameterObject unbuffered, CancellationToken cancellationToken)
            => async
                ? await command.ExecuteBaseAsync(unbuffered, cancellationToken).ConfigureAwait(false)
                : command.ExecuteBase(unbuffered);
    }

    private RelationalDataReader ExecuteBase(RelationalCommandParameterObject parameterObject) => base.ExecuteReader(parameterObject);

    private Task<RelationalDataReader> ExecuteBaseAsync(RelationalCommandParameterObject parameterObject, CancellationToken cancellationToken)
        => base.ExecuteReaderAsync(parameterObject, cancellationToken);
}
