using EfSecondLevelCache.Values;

namespace EfSecondLevelCache.Planning.Predicates;

/// <summary>
/// What one occurrence of a table contributes to a result: rows that fulfil none of this can be added, changed and removed, and the result
/// stays what it is.
/// </summary>
/// <param name="Table">The table.</param>
/// <param name="Equalities">Every one holds for a row that matters, so that any of them will do; empty: any row may matter.</param>
internal sealed record TableRead(TableName Table, ValueList<ColumnEquality> Equalities)
{
    /// <summary>Those of the columns whose values seldom change: the whole primary key, else what is part of a key or refers to one.</summary>
    public ValueList<string> KeyColumns { get; init; } = [];

    /// <summary>Values in the result tell the rows too; null: they do not.</summary>
    public ResultKey? FromResult { get; init; }

    /// <summary><c>posts</c>, <c>posts[blog_id = 5]</c>, <c>authors[id in (1, 2, 3)]</c>.</summary>
    /// <param name="parameterValues">Null: the names of the parameters are shown.</param>
    public string Describe(IReadOnlyDictionary<string, object?>? parameterValues = null)
    {
        var usable = Equalities.Where(equality => parameterValues is null || equality.TryEvaluate(parameterValues, []));
        if (Equalities.Count == 0 && FromResult is { } key)
            return $"{Table}[{string.Join(", ", key.Columns.Select(column => column.Column))} in the result]";
        var conditions = string.Join(" and ", usable.Select(equality => equality.Describe(parameterValues)));
        return conditions.Length == 0 ? Table.ToString() : $"{Table}[{conditions}]";
    }
}
