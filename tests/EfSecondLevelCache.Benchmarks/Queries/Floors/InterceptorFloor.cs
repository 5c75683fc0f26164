using System.Data.Common;
using Microsoft.EntityFrameworkCore.Diagnostics;

namespace EfSecondLevelCache.Benchmarks.Queries.Floors;

/// <summary>
/// The least that a cache in an interceptor can cost: its context's first query is executed and its rows are kept; from then on they
/// are the answer to every query, whatever it is.
/// </summary>
internal sealed class InterceptorFloor : DbCommandInterceptor
{
    private readonly PrebuiltRowsReader _reader = new();
    private PrebuiltRows? _rows;

    public override ValueTask<InterceptionResult<DbDataReader>> ReaderExecutingAsync(
        DbCommand command,
        CommandEventData eventData,
        InterceptionResult<DbDataReader> result,
        CancellationToken cancellationToken = default)
        => new(_rows is { } rows ? InterceptionResult<DbDataReader>.SuppressWithResult(_reader.Over(rows)) : result);

    public override async ValueTask<DbDataReader> ReaderExecutedAsync(
        DbCommand command, CommandExecutedEventData eventData, DbDataReader result, CancellationToken cancellationToken = default)
    {
        if (_rows is not null)
            return result;

        await using (result)
            _rows = await PrebuiltRows.ReadAsync(result);
        return _reader.Over(_rows);
    }
}
