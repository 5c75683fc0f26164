using System.Linq.Expressions;
using EfSecondLevelCache.Infrastructure;
using EfSecondLevelCache.Invalidation;
using Microsoft.EntityFrameworkCore.Query.SqlExpressions;

namespace EfSecondLevelCache.Querying.Planning.Predicates;

/// <summary>
/// Finds the joined tables whose rows are known by values in the result, as in a reference Include: <c>posts LEFT JOIN authors ON author_id =
/// authors.id</c> with author_id among the columns. While no row of the posts changes, no other author can enter.
/// </summary>
/// <remarks>
/// That is so if every row of the posts is in the result whatever the authors are: nothing but the join's equality looks at the authors, the
/// join keeps posts without an author (or a foreign key sees to it that there are none), and no LIMIT chooses among the joined rows.
/// </remarks>
internal sealed class ResultKeys(SelectExpression query, FromScope scope)
{
    public static Dictionary<TableExpression, ResultKey> Find(SelectExpression query, FromScope scope)
    {
        var keys = new Dictionary<TableExpression, ResultKey>(ReferenceEqualityComparer.Instance);
        if (query is not { Limit: null, Offset: null, IsDistinct: false, Having: null, GroupBy.Count: 0 })
            return keys;
        var search = new ResultKeys(query, scope);
        JoinedTable[] tables = [.. query.Tables.Select(JoinedTable.Of)];
        if (tables.Any(table => table.Kind is JoinKind.Right or JoinKind.Other))
            return keys;
        for (var i = 1; i < tables.Length; i++)
        {
            if (tables[i].Table is TableExpression table
                && !Mentions(query.Predicate, table.Alias)
                && tables.Skip(i + 1).All(later => later.Kind is JoinKind.Left || !(Mentions(later.On, table.Alias) || Mentions(later.Table, table.Alias)))
                && search.KeyOf(table, tables[i]) is { } key)
            {
                keys.Add(table, key);
            }
        }

        return keys;
    }

    private ResultKey? KeyOf(TableExpression table, JoinedTable joined)
    {
        var columns = new SortedList<string, (ResultKeyColumn Key, ColumnExpression Other)>(StringComparer.Ordinal);
        foreach (var (own, other) in EqualitiesOf(joined.On, table.Alias))
        {
            if (scope.FamilyOf(own) is { } family && scope.FamilyOf(other) == family && OrdinalOf(other) is >= 0 and var ordinal)
                columns[own.Name] = (new ResultKeyColumn(own.Name, family, ordinal), other);
        }

        if (columns.Count == 0)
            return null;
        ValueList<ResultKeyColumn> key = [.. columns.Values.Select(column => column.Key)];
        if (joined.Kind is JoinKind.Left)
            return new ResultKey(key, Enforced: null);
        // Any further condition of an inner join could drop rows of the others.
        return columns.Count == ConditionsIn(joined.On) && ReferenceOf([.. columns.Values.Select(column => column.Other)]) is { } reference
            ? new ResultKey(key, reference)
            : null;
    }

    private static int ConditionsIn(SqlExpression? on)
        => on is SqlBinaryExpression { OperatorType: ExpressionType.AndAlso } and ? ConditionsIn(and.Left) + ConditionsIn(and.Right) : 1;

    /// <summary>Null where they are not all columns of one table that an outer join does not leave missing.</summary>
    private Reference? ReferenceOf(ColumnExpression[] columns)
    {
        var sources = columns.Select(SourceOf).ToArray();
        return sources.All(source => source is not null) && sources.Select(source => source!.Value.Alias).Distinct().Count() == 1
            ? new Reference(sources[0]!.Value.Table, [.. sources.Select(source => source!.Value.Column)])
            : null;
    }

    /// <summary>The equalities that must hold of a column of the table and one of a table before it.</summary>
    private static IEnumerable<(ColumnExpression Own, ColumnExpression Other)> EqualitiesOf(SqlExpression? on, string alias) => on switch
    {
        SqlBinaryExpression { OperatorType: ExpressionType.AndAlso } and => EqualitiesOf(and.Left, alias).Concat(EqualitiesOf(and.Right, alias)),
        SqlBinaryExpression { OperatorType: ExpressionType.Equal, Left: ColumnExpression left, Right: ColumnExpression right }
            when left.TableAlias == alias != (right.TableAlias == alias) => [left.TableAlias == alias ? (left, right) : (right, left)],
        _ => [],
    };

    private int OrdinalOf(ColumnExpression column)
    {
        for (var i = 0; i < query.Projection.Count; i++)
        {
            if (query.Projection[i].Expression is ColumnExpression projected
                && projected.TableAlias == column.TableAlias
                && projected.Name == column.Name)
            {
                return i;
            }
        }

        return -1;
    }

    /// <summary>The column of a table that it is; null: it is none, or an outer join may leave it missing.</summary>
    private (string Alias, TableName Table, string Column)? SourceOf(ColumnExpression column)
    {
        var path = "";
        IReadOnlyList<TableExpressionBase> tables = query.Tables;
        while (true)
        {
            path += $"{column.TableAlias}/";
            switch (tables.Select(JoinedTable.Of).FirstOrDefault(table => table.Alias == column.TableAlias))
            {
                case { Kind: JoinKind.Inner, Table: TableExpression table }:
                    return (path, new TableName(table.Table.Schema, table.Table.Name), column.Name);
                case { Kind: JoinKind.Inner, Table: SelectExpression select }
                    when select.Projection.FirstOrDefault(projection => projection.Alias == column.Name)?.Expression is ColumnExpression inner:
                    (tables, column) = (select.Tables, inner);
                    break;
                default:
                    return null;
            }
        }
    }

    private static bool Mentions(Expression? expression, string alias)
    {
        var search = new Mention(alias);
        search.Visit(expression);
        return search.Found;
    }

    private sealed class Mention(string alias) : ExpressionVisitor
    {
        public bool Found { get; private set; }

        protected override Expression VisitExtension(Expression node)
        {
            Found |= node is ColumnExpression column && column.TableAlias == alias;
            return Found ? node : base.VisitExtension(node);
        }
    }
}
