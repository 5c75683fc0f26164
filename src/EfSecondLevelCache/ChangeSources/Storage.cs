using System.Data.Common;
using EfSecondLevelCache.Values;

namespace EfSecondLevelCache.ChangeSources;

/// <summary>
/// In which files tables are. A statement that writes a table anew (ALTER TABLE with a rewrite, REFRESH MATERIALIZED VIEW) changes rows, and no
/// trigger or log message tells of that.
/// </summary>
internal sealed record Storage(IReadOnlyDictionary<(uint Table, uint File), TableName> Files)
{
    private const string Stored = "c.relkind IN ('r', 'm') AND c.relpersistence <> 't' AND c.oid >= 16384";

    /// <summary>A number that is another one when a file is.</summary>
    public const string SumSql =
        $"SELECT coalesce(sum(hashint8extended((c.oid::int8 << 32) # c.relfilenode::int8, 0)), 0)::text FROM pg_catalog.pg_class c WHERE {Stored}";

    private const string FilesSql =
        $"""
        SELECT c.oid, c.relfilenode, n.nspname, c.relname
        FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE {Stored}
        """;

    public static Storage Read(DbConnection open)
    {
        var files = new Dictionary<(uint, uint), TableName>();
        using var command = open.CreateCommand();
        command.CommandText = FilesSql;
        using var rows = command.ExecuteReader();
        while (rows.Read())
        {
            files[(rows.GetFieldValue<uint>(0), rows.GetFieldValue<uint>(1))] = new TableName(rows.GetString(2), rows.GetString(3));
        }

        return new Storage(files);
    }

    /// <summary>The tables that are in another file now.</summary>
    public IEnumerable<TableName> MovedIn(Storage later)
        => later.Files.Where(file => !Files.ContainsKey(file.Key)).Select(file => file.Value);
}
