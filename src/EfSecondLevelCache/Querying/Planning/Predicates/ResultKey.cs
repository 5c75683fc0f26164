using EfSecondLevelCache.Infrastructure;
using EfSecondLevelCache.Invalidation;

namespace EfSecondLevelCache.Querying.Planning.Predicates;

/// <summary>The rows of a joined table that matter are those whose columns have the values that stand in one row of the result.</summary>
/// <param name="Columns">At least one.</param>
/// <param name="Enforced">The reference that must always find its row; null: the join keeps a row that finds none.</param>
internal sealed record ResultKey(ValueList<ResultKeyColumn> Columns, Reference? Enforced);

/// <summary>A column of the table, and where its value stands.</summary>
/// <param name="Column">Of the table.</param>
/// <param name="Family">How the values compare.</param>
/// <param name="Ordinal">Of the result's column.</param>
internal readonly record struct ResultKeyColumn(string Column, ComparisonFamily Family, int Ordinal);

/// <summary>The columns by which a table refers to the row that the join finds, in the order of the key's columns.</summary>
internal sealed record Reference(TableName Table, ValueList<string> Columns);
