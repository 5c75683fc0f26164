using System.Data.Common;

namespace EfSecondLevelCache.Querying;

/// <summary>
/// A statement ahead of a query that asks which transactions are visible. It goes with the query in one round trip, and for the server the two are
/// apart: the query's statistics and its prepared statement are those of its own text. Synchronously it goes by itself: Npgsql sends what comes behind
/// the first statement of a command from the thread pool, which may be full of those who wait for the query. It also goes by itself where the application
/// intercepts commands: an interceptor has to find the command as EF Core made it, and may hand on a reader that has no second result.
/// </summary>
internal static class LeadingSnapshot
{
    public const string Sql = $"SELECT pg_catalog.pg_current_snapshot()::text AS {Column};\n";

    private const string Column = "second_level_cache_snapshot";

    /// <summary>Without it Npgsql can't send two statements.</summary>
    private static readonly bool CanBePut = !AppContext.TryGetSwitch("Npgsql.EnableSqlRewriting", out var enabled) || enabled;

    public static void PutBefore(DbCommand command)
    {
        // Nor with parameters that have no name.
        if (CanBePut && command.Parameters.Cast<DbParameter>().All(parameter => parameter.ParameterName.Length > 0))
            command.CommandText = Sql + command.CommandText;
    }

    /// <summary>Asks by itself; null: there is no answer.</summary>
    public static async ValueTask<string?> AskAsync(bool async, DbConnection open, int? commandTimeout, CancellationToken cancellationToken)
    {
        try
        {
            using var command = open.CreateCommand();
            command.CommandText = Sql;
            if (commandTimeout is { } seconds)
                command.CommandTimeout = seconds;
            return (async ? await command.ExecuteScalarAsync(cancellationToken).ConfigureAwait(false) : command.ExecuteScalar()) as string;
        }
        catch (DbException)
        {
            // If it is the connection's, the query meets it too.
            return null;
        }
    }

    /// <summary>The text of a query without it.</summary>
    public static ReadOnlySpan<char> TextBehind(string commandText)
        => commandText.StartsWith(Sql, StringComparison.Ordinal) ? commandText.AsSpan(Sql.Length) : commandText;

    /// <summary>Reads it and goes on to the query's own rows; null: the reader does not begin with it.</summary>
    public static async ValueTask<string?> TakeAsync(bool async, DbDataReader live, CancellationToken cancellationToken)
    {
        if (live.FieldCount != 1 || live.GetName(0) != Column)
            return null;
        if (async)
            await live.ReadAsync(cancellationToken).ConfigureAwait(false);
        else
            live.Read();
        var snapshot = live.GetString(0);
        if (async)
            await live.NextResultAsync(cancellationToken).ConfigureAwait(false);
        else
            live.NextResult();
        return snapshot;
    }
}
