using System.Linq.Expressions;
using EfSecondLevelCache.Values;
using Microsoft.EntityFrameworkCore.Metadata;
using Microsoft.EntityFrameworkCore.Query.SqlExpressions;

namespace EfSecondLevelCache.Planning.Predicates;

/// <summary>
/// Finds for each occurrence of a table in a query which of its rows can matter to the result. If a result is a function of certain rows of
/// each occurrence, then changes of other rows leave it as it is, whatever the query does with the rows: no monotonicity is needed. What is
/// not understood is the whole table.
/// </summary>
internal sealed class PredicateAnalyzer : ExpressionVisitor
{
    private readonly List<TableRead> _reads = [];
    private readonly HashSet<ComparedColumn> _compared = [];
    private readonly Dictionary<TableExpression, int> _analyzed = new(ReferenceEqualityComparer.Instance);

    /// <summary>The tables whose rows are told by values in the result.</summary>
    private Dictionary<TableExpression, ResultKey> _fromResult = [];

    /// <summary>Around the expression that is visited.</summary>
    private FromScope? _scope;

    private RowConditions _conditions = RowConditions.None;

    private PredicateAnalyzer()
    {
    }

    /// <param name="query">The query.</param>
    /// <param name="compared">The columns whose values must compare as the model says.</param>
    /// <returns>Views are there too, as a whole; raw SQL is not.</returns>
    public static IReadOnlyList<TableRead> Analyze(SelectExpression query, out IReadOnlyCollection<ComparedColumn> compared)
    {
        var analyzer = new PredicateAnalyzer();
        try
        {
            analyzer._fromResult = ResultKeys.Find(query, analyzer._compared);
            // What EF Core has put in several places is not asked for in one way.
            var places = TableOccurrences.In(query).GroupBy(table => table, ReferenceEqualityComparer.Instance);
            foreach (var shared in places.Where(places => places.Count() > 1))
                analyzer._fromResult.Remove(shared.First());
            analyzer.Analyze(query, RowConditions.None, output: null);
        }
        catch (Exception)
        {
            // A fault here costs precision.
            analyzer._reads.Clear();
            analyzer._analyzed.Clear();
        }

        analyzer._reads.AddRange(TableOccurrences.In(query).Where(analyzer.IsNotAnalyzed).Select(Whole));
        compared = analyzer._compared;
        return [.. analyzer._reads.Distinct()];
    }

    /// <summary>The rows of one table that an UPDATE or DELETE writes.</summary>
    /// <param name="table">The table.</param>
    /// <param name="predicate">Its WHERE; null: there is none.</param>
    /// <param name="compared">The columns whose values must compare as the model says.</param>
    public static TableRead RowsWrittenIn(TableExpression table, SqlExpression? predicate, out IReadOnlyCollection<ComparedColumn> compared)
    {
        var analyzer = new PredicateAnalyzer();
        compared = analyzer._compared;
        return analyzer.Read(table, new ConditionReader(new FromScope([table], outer: null, analyzer._compared)).ImpliedBy(predicate));
    }

    protected override Expression VisitExtension(Expression node)
    {
        switch (node)
        {
            case SelectExpression subquery:
                Analyze(subquery, _conditions, output: null);
                return node;
            case TableExpressionBase:
                // Where no table is expected.
                return node;
            default:
                return base.VisitExtension(node);
        }
    }

    private void Analyze(SelectExpression select, RowConditions context, SelectOutput? output)
    {
        var block = new SelectBlock(select, _scope, _compared);
        var rows = block.RowsWithin(context, output);
        var (outerScope, outerConditions) = (_scope, _conditions);
        _scope = block.Scope;
        foreach (var joined in block.From.Tables)
        {
            var matching = block.From.For(joined, rows);
            Analyze(joined.Table, matching);
            // A right join's predicate sees rows of its left side that are missing afterwards, where a condition may ask for just that.
            Visit(joined.On, joined.Kind is JoinKind.Right ? RowConditions.None : matching);
        }

        Visit(select.Predicate, rows);
        Visit(select.Having, rows);
        Visit(select.Limit, rows);
        Visit(select.Offset, rows);
        foreach (var expression in select.GroupBy)
            Visit(expression, rows);
        foreach (var projection in select.Projection)
            Visit(projection, rows);
        foreach (var ordering in select.Orderings)
            Visit(ordering, rows);
        (_scope, _conditions) = (outerScope, outerConditions);
    }

    private void Analyze(TableExpressionBase table, RowConditions conditions)
    {
        switch (table)
        {
            case TableExpression named:
                _analyzed[named] = _analyzed.GetValueOrDefault(named) + 1;
                _reads.Add(Read(named, conditions));
                break;
            case SelectExpression subquery:
                Analyze(subquery, conditions, SelectOutput.Of(subquery));
                break;
            case SetOperationBase operation:
                Analyze(operation.Source1, conditions, SelectOutput.Of(operation));
                Analyze(operation.Source2, conditions, SelectOutput.Of(operation));
                break;
            case TableValuedFunctionExpression function:
                foreach (var argument in function.Arguments)
                    Visit(argument, conditions);
                break;
            case ValuesExpression { RowValues: { } rows }:
                foreach (var row in rows)
                    Visit(row, conditions);
                break;
        }
    }

    /// <summary>Subqueries in an expression are computed for the rows of which the conditions hold; for others they don't matter.</summary>
    private void Visit(Expression? expression, RowConditions conditions)
    {
        _conditions = conditions;
        Visit(expression);
    }

    private TableRead Read(TableExpression table, RowConditions conditions)
    {
        // What a view makes of its tables' rows is not known here.
        if (table.Table is IView and not ITable)
            return Whole(table);
        var equalities =
            from known in conditions.ValuesOf(table.Alias)
            where table.Table.FindColumn(known.Column) is { } column && MappedValue.FamilyOf(column) == known.Values.Family
            select new ColumnEquality(known.Column, known.Values.Family, known.Values.Values);
        ColumnEquality[] ordered = [.. equalities.OrderBy(equality => equality.Column, StringComparer.Ordinal)];
        return Whole(table) with { Equalities = [.. ordered], KeyColumns = KeysAmong(ordered, table.Table), FromResult = _fromResult.GetValueOrDefault(table) };
    }

    private static ValueList<string> KeysAmong(ColumnEquality[] equalities, ITableBase mapped)
    {
        if (mapped is not ITable table)
            return [];
        var columns = equalities.Select(equality => equality.Column).ToHashSet();
        if (table.PrimaryKey?.Columns.Select(column => column.Name).ToArray() is { } primary && columns.IsSupersetOf(primary))
            return [.. primary.Order(StringComparer.Ordinal)];
        var keys = table.UniqueConstraints.SelectMany(key => key.Columns)
            .Concat(table.ForeignKeyConstraints.SelectMany(key => key.Columns))
            .Select(column => column.Name);
        return [.. keys.Where(columns.Contains).Distinct().Order(StringComparer.Ordinal)];
    }

    private static TableRead Whole(TableExpression table) => new(new TableName(table.Table.Schema, table.Table.Name), []);

    /// <summary>True once for each time that the tree has the table and the analysis did not reach it.</summary>
    private bool IsNotAnalyzed(TableExpression table)
    {
        var left = _analyzed.GetValueOrDefault(table);
        _analyzed[table] = left - 1;
        return left <= 0;
    }

    /// <summary>Every table of a query, wherever it stands.</summary>
    private sealed class TableOccurrences : ExpressionVisitor
    {
        private readonly List<TableExpression> _found = [];

        public static List<TableExpression> In(Expression query)
        {
            var occurrences = new TableOccurrences();
            occurrences.Visit(query);
            return occurrences._found;
        }

        protected override Expression VisitExtension(Expression node)
        {
            if (node is TableExpression table)
                _found.Add(table);
            return base.VisitExtension(node);
        }
    }
}
