using EfSecondLevelCache.Values;
using Microsoft.EntityFrameworkCore.Query.SqlExpressions;

namespace EfSecondLevelCache.Planning.Predicates;

/// <summary>What the aliases stand for inside of a SELECT: its own tables, and those of the SELECTs around it.</summary>
internal sealed class FromScope
{
    private readonly Dictionary<string, TableExpressionBase> _tables = [];
    private readonly HashSet<ComparedColumn> _compared;
    private readonly FromScope? _outer;

    /// <param name="select">The SELECT.</param>
    /// <param name="outer">Of the SELECT around it.</param>
    /// <param name="compared">Takes the columns that are asked for.</param>
    public FromScope(SelectExpression select, FromScope? outer, HashSet<ComparedColumn> compared)
        : this(select.Tables, outer, compared)
    {
    }

    public FromScope(IEnumerable<TableExpressionBase> tables, FromScope? outer, HashSet<ComparedColumn> compared)
    {
        _outer = outer;
        _compared = compared;
        foreach (var table in tables)
        {
            var unwrapped = table is JoinExpressionBase join ? join.Table : table;
            if (unwrapped.Alias is { } alias)
                _tables[alias] = unwrapped;
        }
    }

    /// <summary>Whether the alias is of the SELECT itself.</summary>
    public bool Owns(string alias) => _tables.ContainsKey(alias);

    /// <summary>How a column's values compare; null where their equality can't be told.</summary>
    public ComparisonFamily? FamilyOf(ColumnExpression column)
    {
        for (var scope = this; scope is not null; scope = scope._outer)
        {
            if (scope._tables.TryGetValue(column.TableAlias, out var table))
                return scope.FamilyOf(table, column.Name);
        }

        return null;
    }

    private ComparisonFamily? FamilyOf(TableExpressionBase table, string column)
    {
        switch (table)
        {
            case TableExpression { Table: var named }:
                if (named.FindColumn(column) is not { } known || MappedValue.FamilyOf(known) is not { } found)
                    return null;
                _compared.Add(new ComparedColumn(new TableName(named.Schema, named.Name), column, found));
                return found;
            case SelectExpression select:
                return FamilyOf(select, IndexOf(select, column));
            case SetOperationBase operation:
                var index = IndexOf(operation.Source1, column);
                var family = FamilyOf(operation.Source1, index);
                return family == FamilyOf(operation.Source2, index) ? family : null;
            default:
                return null;
        }
    }

    private ComparisonFamily? FamilyOf(SelectExpression select, int index)
        => index >= 0 && index < select.Projection.Count && select.Projection[index].Expression is ColumnExpression column
            ? new FromScope(select, this, _compared).FamilyOf(column)
            : null;

    private static int IndexOf(SelectExpression select, string column)
    {
        for (var i = 0; i < select.Projection.Count; i++)
        {
            if (select.Projection[i].Alias == column)
                return i;
        }

        return -1;
    }
}
