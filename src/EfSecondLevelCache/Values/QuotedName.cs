namespace EfSecondLevelCache.Values;

/// <summary>Writes names into SQL.</summary>
internal static class QuotedName
{
    public static string Identifier(string name) => $"\"{name.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";

    public static string Literal(string text) => $"'{text.Replace("'", "''", StringComparison.Ordinal)}'";

    /// <summary>The name as a literal for a cast to regclass.</summary>
    public static string Literal(TableName table)
        => Literal(table.Schema is null ? Identifier(table.Name) : $"{Identifier(table.Schema)}.{Identifier(table.Name)}");
}
