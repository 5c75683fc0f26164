using EfSecondLevelCache.Values;

namespace EfSecondLevelCache.ChangeSources;

/// <summary>What the database itself tells of one table that has changed.</summary>
/// <param name="Table">With its schema.</param>
/// <param name="Rows">
/// As they were and as they are, values by column as PostgreSQL writes them; a column that is missing may have any value. Null: it is not known
/// which rows.
/// </param>
internal readonly record struct ToldChange(TableName Table, IReadOnlyList<IReadOnlyDictionary<string, string?>>? Rows);
