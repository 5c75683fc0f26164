using EfSecondLevelCache.Values;
using Microsoft.EntityFrameworkCore.Query.SqlExpressions;

namespace EfSecondLevelCache.Planning.Predicates;

/// <summary>A SELECT of a query, from the query itself down into the FROM clauses: what it joins, and where its columns are in the result.</summary>
internal sealed class ResultLevel
{
    private readonly int _position;

    private ResultLevel(SelectExpression select, ResultLevel? parent, int position, HashSet<ComparedColumn> compared)
    {
        (Select, Parent, _position) = (select, parent, position);
        Scope = new FromScope(select, parent?.Scope, compared);
        Tables = [.. select.Tables.Select(JoinedTable.Of)];
    }

    public SelectExpression Select { get; }

    /// <summary>Null: it is the query.</summary>
    public ResultLevel? Parent { get; }

    /// <summary>Itself, as a table of its parent.</summary>
    public int Position => _position;

    public FromScope Scope { get; }

    public JoinedTable[] Tables { get; }

    /// <summary>No join of it leaves rows of those before it missing.</summary>
    public bool IsPlain => Array.TrueForAll(Tables, table => table.Kind is JoinKind.Inner or JoinKind.Left);

    public static ResultLevel Of(SelectExpression query, HashSet<ComparedColumn> compared) => new(query, null, 0, compared);

    /// <summary>The level of the subquery that is the table at this place.</summary>
    public ResultLevel Inside(SelectExpression subquery, int position, HashSet<ComparedColumn> compared) => new(subquery, this, position, compared);

    /// <summary>Which column of the result shows the values of a column; -1: none does.</summary>
    public int OrdinalOf(QueryColumn column)
    {
        if (!Scope.Owns(column.Alias))
            return Parent?.OrdinalOf(column) ?? -1;
        for (var i = 0; i < Select.Projection.Count; i++)
        {
            if (Select.Projection[i].Expression is not ColumnExpression shown || shown.TableAlias != column.Alias || shown.Name != column.Name)
                continue;
            var ordinal = Parent is null ? i : Parent.OrdinalOf(new QueryColumn(Select.Alias ?? "", Select.Projection[i].Alias));
            if (ordinal >= 0)
                return ordinal;
        }

        return -1;
    }

    /// <summary>
    /// The table whose column it is, where leaving out rows of the table with other values in the column changes no row with this one. Null: that
    /// is not known.
    /// </summary>
    public static (TableExpression Table, string Column)? SourceOf(TableExpressionBase table, string column)
    {
        while (table is SelectExpression select)
        {
            if (ColumnOf(select, column) is not { } shown || !LetsThrough(select, shown) || JoinOf(select, shown.TableAlias) is not { } joined)
                return null;
            (table, column) = (joined.Table, shown.Name);
        }

        return table is TableExpression named ? (named, column) : null;
    }

    /// <summary>The column where every row of the table is there, once at least.</summary>
    public static (TableExpression Table, string Column)? WholeSourceOf(TableExpressionBase table, string column)
    {
        while (table is SelectExpression select)
        {
            var isWhole = select is { Predicate: null, Limit: null, Offset: null, Having: null, GroupBy.Count: 0, Tables.Count: > 0 }
                && select.Tables.Skip(1).All(joined => JoinedTable.Of(joined).Kind is JoinKind.Left);
            if (!isWhole || ColumnOf(select, column) is not { } shown || select.Tables[0] is var first && first.Alias != shown.TableAlias)
                return null;
            (table, column) = (first, shown.Name);
        }

        return table is TableExpression named ? (named, column) : null;
    }

    /// <summary>The column of this level, with the path to the table; null also where an outer join may leave it missing.</summary>
    public (string Path, TableExpression Table, string Column)? OriginOf(ColumnExpression column)
    {
        if (!Scope.Owns(column.TableAlias))
            return Parent?.OriginOf(column);
        var path = "";
        var (select, shown) = (Select, column);
        while (true)
        {
            path += $"{shown.TableAlias}/";
            switch (JoinOf(select, shown.TableAlias)?.Table)
            {
                case TableExpression table:
                    return (path, table, shown.Name);
                case SelectExpression inner when ColumnOf(inner, shown.Name) is { } source:
                    (select, shown) = (inner, source);
                    break;
                default:
                    return null;
            }
        }
    }

    public static ColumnExpression? ColumnOf(SelectExpression select, string name)
        => select.Projection.FirstOrDefault(projection => projection.Alias == name)?.Expression as ColumnExpression;

    private static bool LetsThrough(SelectExpression select, ColumnExpression column)
        => select is { Limit: null, Offset: null }
            && (select.GroupBy.Count == 0 ? select.Having is null : select.GroupBy.Any(column.Equals))
            && WindowPartitions.Of(select).AllContain(new QueryColumn(column.TableAlias, column.Name));

    /// <summary>Null: it is not of the SELECT, or an outer join may leave it missing.</summary>
    private static JoinedTable? JoinOf(SelectExpression select, string alias)
    {
        JoinedTable[] tables = [.. select.Tables.Select(JoinedTable.Of)];
        return Array.TrueForAll(tables, table => table.Kind is JoinKind.Inner or JoinKind.Left)
            ? Array.Find(tables, table => table.Alias == alias && table.Kind is JoinKind.Inner)
            : null;
    }
}
