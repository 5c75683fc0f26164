using EfSecondLevelCache.Values;

namespace EfSecondLevelCache.Planning;

/// <summary>Catalogs and the migrations history: nothing tells of their changes.</summary>
internal static class SystemTables
{
    public static bool Contains(TableName table)
        => table.Schema is "pg_catalog" or "information_schema"
            || table.Name.StartsWith("pg_", StringComparison.Ordinal)
            || table.Name == "__EFMigrationsHistory";
}
