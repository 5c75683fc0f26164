using EfSecondLevelCache.Values;

namespace EfSecondLevelCache.Planning.Predicates;

/// <summary>The rows of a joined table that matter are those whose columns have the values that stand in one row of the result.</summary>
/// <param name="Columns">At least one.</param>
/// <param name="Enforced">The references that must always find their rows; empty: a row that finds none is shown all the same.</param>
internal sealed record ResultKey(ValueList<ResultKeyColumn> Columns, ValueList<Reference> Enforced);

/// <summary>A column of the table, and where its value stands.</summary>
/// <param name="Column">Of the table.</param>
/// <param name="Family">How the values compare.</param>
/// <param name="Ordinal">Of the result's column.</param>
internal readonly record struct ResultKeyColumn(string Column, ComparisonFamily Family, int Ordinal);

/// <summary>The columns by which a table refers to the row that a join finds, and the columns of that row in the same order.</summary>
internal sealed record Reference(TableName Table, ValueList<string> Columns, TableName Principal, ValueList<string> PrincipalColumns);
