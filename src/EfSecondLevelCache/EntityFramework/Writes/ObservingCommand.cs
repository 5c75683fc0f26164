using EfSecondLevelCache.Planning;
using Microsoft.EntityFrameworkCore.Storage;

namespace EfSecondLevelCache.EntityFramework.Writes;

/// <summary>
/// A command whose writes are observed: raw SQL, ExecuteUpdate, ExecuteDelete, and queries that write. A compiled query's template carries the plan;
/// a connection's rented command copies it from there, belongs to one context and is used for one execution at a time.
/// </summary>
internal abstract class ObservingCommand(
    RelationalCommandBuilderDependencies dependencies,
    string commandText,
    string logCommandText,
    IReadOnlyList<IRelationalParameter> parameters,
    QueryPlan? plan) : RelationalCommand(dependencies, commandText, logCommandText, parameters)
{
    private ObservedWrite? _write;

    /// <summary>Null: it is raw SQL, or its SQL came from elsewhere.</summary>
    protected QueryPlan? Plan { get; private set; } = plan;

    public override void PopulateFrom(IRelationalCommandTemplate commandTemplate)
    {
        base.PopulateFrom(commandTemplate);
        Plan = (commandTemplate as ObservingCommand)?.Plan;
    }

    public override RelationalDataReader ExecuteReader(RelationalCommandParameterObject parameterObject)
        => Plan is { IsObserved: true }
            ? ExecuteWritingAsync(async: false, parameterObject, default).GetAwaiter().GetResult()
            : base.ExecuteReader(parameterObject);

    public override Task<RelationalDataReader> ExecuteReaderAsync(
        RelationalCommandParameterObject parameterObject, CancellationToken cancellationToken = default)
        => Plan is { IsObserved: true }
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

    /// <summary>A query that writes has committed for certain when its reader is closed; its rows may come before.</summary>
    protected override RelationalDataReader CreateRelationalDataReader() => new WriteObservingDataReader(this);

    private ObservedWrite? WriteOf(in RelationalCommandParameterObject parameterObject)
        => ObservedWrite.Of(CommandText, Plan, parameterObject.Context, parameterObject.Connection, parameterObject.ParameterValues);

    /// <summary>A query that may write: RETURNING, a data-modifying CTE, a function of the user's.</summary>
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

    private ValueTask WrittenAsync(bool async)
    {
        var write = _write;
        _write = null;
        return write?.EndAsync(async) ?? default;
    }

    private sealed class WriteObservingDataReader(ObservingCommand command) : RelationalDataReader
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
