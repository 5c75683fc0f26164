using EfSecondLevelCache.Values;
using Microsoft.EntityFrameworkCore.Query.SqlExpressions;

namespace EfSecondLevelCache.Planning.Predicates;

/// <summary>One SELECT: what it says of its own rows, and which conditions pass through it, inwards and outwards.</summary>
internal sealed class SelectBlock
{
    private readonly SelectExpression _select;
    private readonly RowConditions _stated;
    private readonly HashSet<QueryColumn> _grouping;
    private readonly WindowPartitions _windows;

    public SelectBlock(SelectExpression select, FromScope? outer, HashSet<ComparedColumn> compared)
    {
        _select = select;
        Scope = new FromScope(select, outer, compared);
        var reader = new ConditionReader(Scope);
        From = new JoinTree(select.Tables, reader, table => GuaranteesOf(table, Scope, compared));
        _grouping = [.. select.GroupBy.OfType<ColumnExpression>().Select(column => new QueryColumn(column.TableAlias, column.Name))];
        _windows = WindowPartitions.Of(select);
        // A condition on a column of the grouping is one on the rows of the groups.
        var ofGroups = reader.ImpliedBy(select.Having).Rename(column => _grouping.Contains(column) ? [column] : []);
        _stated = From.Complete(reader.ImpliedBy(select.Predicate).And(ofGroups));
    }

    public FromScope Scope { get; }

    public JoinTree From { get; }

    /// <summary>What is known of the rows that FROM makes and that matter.</summary>
    /// <param name="context">What is known around the SELECT.</param>
    /// <param name="output">Where the columns of the SELECT are visible there.</param>
    public RowConditions RowsWithin(RowConditions context, SelectOutput? output)
        => From.Complete(_stated.And(context.Rename(column => Inward(column, output))));

    /// <summary>What holds for every row of a table, a subquery or a set operation.</summary>
    private static RowConditions GuaranteesOf(
        TableExpressionBase table, FromScope scope, HashSet<ComparedColumn> compared) => table switch
        {
            SelectExpression select => new SelectBlock(select, scope, compared).Guarantees(SelectOutput.Of(select)),
            UnionExpression union => new SelectBlock(union.Source1, scope, compared).Guarantees(SelectOutput.Of(union))
                .Or(new SelectBlock(union.Source2, scope, compared).Guarantees(SelectOutput.Of(union))),
            // Their rows are all rows of the first.
            ExceptExpression or IntersectExpression
                => new SelectBlock(((SetOperationBase)table).Source1, scope, compared).Guarantees(SelectOutput.Of((SetOperationBase)table)),
            _ => RowConditions.None,
        };

    private RowConditions Guarantees(SelectOutput output)
    {
        // A SELECT of aggregates alone makes a row of no rows: of that one nothing is known. One that shows a column as it is makes none.
        if (!_select.Projection.Any(projection => projection.Expression is ColumnExpression column && StandsForItsRows(column)))
            return RowConditions.None;
        return _stated.Rename(column => Outward(column, output));
    }

    private IEnumerable<QueryColumn> Inward(QueryColumn column, SelectOutput? output)
    {
        if (output is null || column.Alias != output.Alias)
            return Scope.Owns(column.Alias) ? [] : [column];
        return output.IndexOf(column.Name) is >= 0 and var index
            && _select.Projection[index].Expression is ColumnExpression source
            && StandsForItsRows(source) && LetsThrough(source)
                ? [Name(source)]
                : [];
    }

    private IEnumerable<QueryColumn> Outward(QueryColumn column, SelectOutput output)
    {
        if (!Scope.Owns(column.Alias))
            return [column];
        return _select.Projection
            .Select((projection, index) => (projection.Expression, index))
            .Where(shown => shown.Expression is ColumnExpression source && Name(source) == column && StandsForItsRows(source))
            .Select(shown => output.Column(shown.index));
    }

    /// <summary>A column of its own tables, which has one value in all the rows that a row of the result is made of.</summary>
    private bool StandsForItsRows(ColumnExpression column)
        => Scope.Owns(column.TableAlias)
            && (_select.GroupBy.Count == 0 ? _select.Having is null : _grouping.Contains(Name(column)));

    /// <summary>Whether leaving out the rows with another value in this column changes none of the rows with this one.</summary>
    private bool LetsThrough(ColumnExpression column)
        => _select is { Limit: null, Offset: null } && _windows.AllContain(Name(column));

    private static QueryColumn Name(ColumnExpression column) => new(column.TableAlias, column.Name);
}
