using System.Collections.Frozen;
using System.Linq.Expressions;
using Microsoft.EntityFrameworkCore.Query.SqlExpressions;
using Npgsql.EntityFrameworkCore.PostgreSQL.Query.Expressions.Internal;

namespace EfSecondLevelCache.Planning.Predicates;

/// <summary>What the window functions of a SELECT, which see other rows than the one they are computed for, are partitioned by.</summary>
internal sealed class WindowPartitions : ExpressionVisitor
{
    /// <summary>What looks at one row, or aggregates a group. Anything else may be a window function of somebody's own.</summary>
    private static readonly FrozenSet<Type> WithoutWindow = FrozenSet.Create(
        typeof(AtTimeZoneExpression), typeof(CaseExpression), typeof(CollateExpression), typeof(ColumnExpression),
        typeof(DistinctExpression), typeof(ExistsExpression), typeof(InExpression), typeof(JsonScalarExpression), typeof(LikeExpression),
        typeof(OrderingExpression), typeof(ProjectionExpression), typeof(RowValueExpression), typeof(ScalarSubqueryExpression),
        typeof(SqlBinaryExpression),
        typeof(SqlConstantExpression), typeof(SqlFunctionExpression), typeof(SqlParameterExpression), typeof(SqlUnaryExpression),
        typeof(PgAllExpression), typeof(PgAnyExpression), typeof(PgArrayIndexExpression), typeof(PgArraySliceExpression),
        typeof(PgBinaryExpression), typeof(PgFunctionExpression), typeof(PgILikeExpression), typeof(PgJsonTraversalExpression),
        typeof(PgNewArrayExpression), typeof(PgRegexMatchExpression), typeof(PgRowValueExpression), typeof(PgUnknownBinaryExpression));

    private readonly List<HashSet<QueryColumn>> _partitions = [];

    private WindowPartitions()
    {
    }

    public static WindowPartitions Of(SelectExpression select)
    {
        var windows = new WindowPartitions();
        foreach (var projection in select.Projection)
            windows.Visit(projection);
        foreach (var ordering in select.Orderings)
            windows.Visit(ordering);
        return windows;
    }

    /// <summary>Whether every window sees only rows with the same value in this column.</summary>
    public bool AllContain(QueryColumn column) => _partitions.TrueForAll(partition => partition.Contains(column));

    protected override Expression VisitExtension(Expression node)
    {
        switch (node)
        {
            case RowNumberExpression window:
                _partitions.Add([.. window.Partitions.OfType<ColumnExpression>().Select(c => new QueryColumn(c.TableAlias, c.Name))]);
                break;
            // Its windows are its own.
            case SelectExpression:
                return node;
            case SqlFragmentExpression { Sql: "*" }:
                break;
            case var _ when !WithoutWindow.Contains(node.GetType()):
                _partitions.Add([]);
                break;
        }

        return base.VisitExtension(node);
    }
}
