using System.Text;
using Npgsql;

namespace EfSecondLevelCache.CompatibilityTests.Harness;

/// <summary>All rows and the schema of a database as text; what the cache installs in it is left out.</summary>
internal static class DatabaseText
{
    private const string Own =
        """
        n.nspname NOT IN ('pg_catalog', 'pg_toast', 'information_schema', 'second_level_cache')
            AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
        """;

    /// <summary>As regclass would write them.</summary>
    public const string Tables =
        $"""
        SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND {Own} ORDER BY 1
        """;

    private static readonly (string What, string Sql)[] Schema =
    [
        ("relation",
            $"""
            SELECT n.nspname, c.relname, c.relkind::text, c.relrowsecurity::text, c.relreplident::text, CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END
            FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind <> 'i' AND c.relpersistence <> 't' AND {Own} ORDER BY 1, 2
            """),
        ("column",
            $"""
            SELECT n.nspname, c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull::text, a.attidentity::text,
                pg_get_expr(f.adbin, f.adrelid)
            FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
                LEFT JOIN pg_attrdef f ON f.adrelid = c.oid AND f.adnum = a.attnum
            WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v', 'm') AND c.relpersistence <> 't' AND {Own} ORDER BY 1, 2, a.attnum
            """),
        ("constraint",
            $"""
            SELECT c.relname, o.conname, pg_get_constraintdef(o.oid) FROM pg_constraint o JOIN pg_class c ON c.oid = o.conrelid
                JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {Own} ORDER BY 1, 2
            """),
        ("index",
            $"""
            SELECT pg_get_indexdef(i.indexrelid) FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE c.relpersistence <> 't' AND {Own} ORDER BY 1
            """),
        ("trigger",
            $"""
            SELECT pg_get_triggerdef(t.oid) FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE NOT t.tgisinternal AND t.tgname NOT LIKE 'second\_level\_cache\_%' AND {Own} ORDER BY 1
            """),
        ("enum", "SELECT t.typname, e.enumlabel FROM pg_enum e JOIN pg_type t ON t.oid = e.enumtypid ORDER BY 1, e.enumsortorder"),
    ];

    private const string Sequences =
        "SELECT schemaname, sequencename, last_value::text FROM pg_sequences WHERE schemaname <> 'second_level_cache' ORDER BY 1, 2";

    /// <param name="connectionString">To the database, which may be gone.</param>
    /// <param name="withSequences">Whether what sequences have given out is part of it.</param>
    public static async Task<string> ReadAsync(string connectionString, bool withSequences)
    {
        var text = new StringBuilder();
        await using var connection = new NpgsqlConnection(connectionString);
        try
        {
            await connection.OpenAsync();
        }
        catch (PostgresException fault) when (fault.SqlState == PostgresErrorCodes.InvalidCatalogName)
        {
            return "there is no such database";
        }

        foreach (var table in await connection.RowsAsync(Tables))
        {
            foreach (var row in await connection.RowsAsync($"SELECT t::text FROM {table} t ORDER BY t::text COLLATE \"C\""))
                text.AppendLine($"{table}: {row}");
        }

        foreach (var (what, sql) in withSequences ? [.. Schema, ("sequence", Sequences)] : Schema)
        {
            foreach (var row in await connection.RowsAsync(sql))
                text.AppendLine($"{what} {row}");
        }

        return text.ToString();
    }

    /// <summary>The rows of a query, each in a line.</summary>
    public static async Task<IReadOnlyList<string>> RowsAsync(this NpgsqlConnection connection, string sql)
    {
        var rows = new List<string>();
        await using var command = new NpgsqlCommand(sql, connection);
        await using var reader = await command.ExecuteReaderAsync();
        while (await reader.ReadAsync())
            rows.Add(string.Join(" | ", Enumerable.Range(0, reader.FieldCount).Select(i => reader.IsDBNull(i) ? "null" : reader.GetString(i))));
        return rows;
    }
}
