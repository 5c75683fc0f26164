using System.Text;
using Npgsql;

namespace EfSecondLevelCache.CompatibilityTests.Harness;

/// <summary>The locks of tables and rows in a database.</summary>
internal static class Locks
{
    private const string OfTables =
        """
        SELECT n.nspname || '.' || c.relname, l.mode || CASE WHEN l.granted THEN '' ELSE ' (waits)' END
        FROM pg_locks l JOIN pg_class c ON c.oid = l.relation JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND l.pid <> pg_backend_pid()
            AND n.nspname NOT IN ('pg_catalog', 'pg_toast', 'information_schema', 'second_level_cache')
        GROUP BY 1, 2 ORDER BY 1, 2
        """;

    /// <summary>Tells the locks of rows; where a server comes without it, the locks of tables are compared alone.</summary>
    public const string Extension =
        """
        DO $$ BEGIN
            IF EXISTS (SELECT FROM pg_available_extensions WHERE name = 'pgrowlocks') THEN CREATE EXTENSION IF NOT EXISTS pgrowlocks; END IF;
        END $$
        """;

    public static async Task<string> ReadAsync(string connectionString)
    {
        var text = new StringBuilder();
        await using var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync();
        foreach (var row in await connection.RowsAsync(OfTables))
            text.AppendLine($"table {row}");
        var ofRows = await connection.RowsAsync("SELECT extname::text FROM pg_extension WHERE extname = 'pgrowlocks'");
        foreach (var table in ofRows.Count > 0 ? await connection.RowsAsync(DatabaseText.Tables) : [])
        {
            foreach (var row in await connection.RowsAsync(
                $"SELECT t::text, p.modes::text FROM {table} t JOIN pgrowlocks('{table}') p ON p.locked_row = t.ctid ORDER BY 1, 2"))
            {
                text.AppendLine($"row of {table}: {row}");
            }
        }

        return text.ToString();
    }
}
