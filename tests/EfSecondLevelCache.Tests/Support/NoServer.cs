using System.Data;
using System.Data.Common;
using EfSecondLevelCache.Planning;
using Microsoft.EntityFrameworkCore.Diagnostics;

namespace EfSecondLevelCache.Tests.Support;

/// <summary>
/// Stands where the server would: connections open without one and every query is answered with no rows of these columns. Keeps the
/// commands, for queries that can only be executed.
/// </summary>
internal sealed class NoServer(params (string Name, Type Type)[] columns) : IDbConnectionInterceptor, IDbCommandInterceptor
{
    public List<string> Commands { get; } = [];

    /// <summary>The plan of the last command.</summary>
    public QueryPlan Plan => PlansByText.Find(Commands[^1])!;

    public InterceptionResult ConnectionOpening(DbConnection connection, ConnectionEventData eventData, InterceptionResult result)
        => InterceptionResult.Suppress();

    public ValueTask<InterceptionResult> ConnectionOpeningAsync(
        DbConnection connection, ConnectionEventData eventData, InterceptionResult result, CancellationToken cancellationToken = default)
        => new(InterceptionResult.Suppress());

    public InterceptionResult<DbDataReader> ReaderExecuting(
        DbCommand command, CommandEventData eventData, InterceptionResult<DbDataReader> result)
    {
        Commands.Add(command.CommandText);
        var table = new DataTable();
        foreach (var (name, type) in columns)
            table.Columns.Add(name, type);
        return InterceptionResult<DbDataReader>.SuppressWithResult(table.CreateDataReader());
    }

    public ValueTask<InterceptionResult<DbDataReader>> ReaderExecutingAsync(
        DbCommand command,
        CommandEventData eventData,
        InterceptionResult<DbDataReader> result,
        CancellationToken cancellationToken = default)
        => new(ReaderExecuting(command, eventData, result));
}
