namespace EfSecondLevelCache.Values;

/// <summary>The name of a table or view as a command states it.</summary>
/// <param name="Schema">Null where the command leaves it to the session's search_path.</param>
/// <param name="Name">
/// In the exact case of the catalog: what SQL says is folded to lower case unless quoted, and cut to the length of a name.
/// </param>
internal readonly record struct TableName(string? Schema, string Name)
{
    /// <summary>Reads <c>table</c> or <c>schema.table</c>, as a user writes it: no quotes.</summary>
    public static TableName Parse(string text)
        => text.IndexOf('.', StringComparison.Ordinal) is var dot and > 0
            ? new TableName(text[..dot], text[(dot + 1)..])
            : new TableName(null, text);

    public override string ToString() => Schema is null ? Name : $"{Schema}.{Name}";
}
