using EfSecondLevelCache.Invalidation;

namespace EfSecondLevelCache.Querying.Planning.Predicates;

/// <summary>The rows of a joined table that matter are those whose column has one of the values that stand in the result.</summary>
/// <param name="Ordinal">Of the result's column.</param>
/// <param name="Column">Of the table.</param>
/// <param name="Family">How their values compare.</param>
/// <param name="Enforced">The reference that must always find its row; null: the join keeps the row that finds none.</param>
internal sealed record ResultKey(int Ordinal, string Column, ComparisonFamily Family, Reference? Enforced);

/// <summary>A column that refers to the same row that the join finds.</summary>
internal sealed record Reference(TableName Table, string Column);
