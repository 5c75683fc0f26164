using System.Collections.Concurrent;
using EfSecondLevelCache.Invalidation;
using EfSecondLevelCache.Querying.Keys;
using Npgsql;

namespace EfSecondLevelCache.Querying;

/// <summary>
/// Checks the tables that DependsOn names and the model does not know: the database must, or a typing error would leave results without
/// anything that removes them.
/// </summary>
internal static class StatedTables
{
    private static readonly ConcurrentDictionary<(CacheScope Scope, TableName Table), bool> Known = new();

    /// <exception cref="InvalidOperationException">The database does not know a table.</exception>
    public static async ValueTask CheckAsync(bool async, MissedQuery query, CancellationToken cancellationToken)
    {
        foreach (var table in query.Policy.UnknownToModel)
        {
            if (Known.ContainsKey((query.Key.Scope, table)))
                continue;
            if (!await ExistsAsync(async, query, table, cancellationToken).ConfigureAwait(false))
            {
                throw new InvalidOperationException(
                    $"DependsOn(\"{table}\"): neither the model nor the database '{query.Key.Scope.Database}' has such a table. "
                    + "Give the table's name in its exact case, or \"schema.table\".");
            }

            Known.TryAdd((query.Key.Scope, table), true);
        }
    }

    private static async ValueTask<bool> ExistsAsync(bool async, MissedQuery query, TableName table, CancellationToken cancellationToken)
    {
        var connection = query.Session.Connection;
        if (async)
            await connection.OpenAsync(cancellationToken).ConfigureAwait(false);
        else
            connection.Open();
        try
        {
            using var command = connection.DbConnection.CreateCommand();
            command.CommandText = "SELECT to_regclass($1) IS NOT NULL";
            command.Parameters.Add(new NpgsqlParameter { Value = Quoted(table) });
            return (bool)(async
                ? await command.ExecuteScalarAsync(cancellationToken).ConfigureAwait(false)
                : command.ExecuteScalar())!;
        }
        finally
        {
            // EF Core counts: a connection that was open stays so.
            if (async)
                await connection.CloseAsync().ConfigureAwait(false);
            else
                connection.Close();
        }
    }

    private static string Quoted(TableName table)
    {
        var name = $"\"{table.Name.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
        return table.Schema is null ? name : $"\"{table.Schema.Replace("\"", "\"\"", StringComparison.Ordinal)}\".{name}";
    }
}
