using System.Linq.Expressions;
using Microsoft.EntityFrameworkCore.Query.SqlExpressions;
using Npgsql.EntityFrameworkCore.PostgreSQL.Query.Expressions.Internal;

namespace EfSecondLevelCache.Planning.Predicates;

/// <summary>Reads off a predicate what must be so for it to be true. What it does not know implies nothing.</summary>
internal sealed class ConditionReader(FromScope scope)
{
    public RowConditions ImpliedBy(SqlExpression? predicate) => predicate switch
    {
        SqlBinaryExpression { OperatorType: ExpressionType.AndAlso } and => ImpliedBy(and.Left).And(ImpliedBy(and.Right)),
        SqlBinaryExpression { OperatorType: ExpressionType.OrElse } or => ImpliedBy(or.Left).Or(ImpliedBy(or.Right)),
        SqlBinaryExpression { OperatorType: ExpressionType.Equal } equal => Equality(equal.Left, equal.Right),
        SqlBinaryExpression
        {
            OperatorType: ExpressionType.NotEqual or ExpressionType.LessThan or ExpressionType.LessThanOrEqual
                or ExpressionType.GreaterThan or ExpressionType.GreaterThanOrEqual
        } comparison => NotNull(comparison.Left).And(NotNull(comparison.Right)),
        ColumnExpression flag => Among(flag, [ComparisonValue.Of(true)]),
        SqlUnaryExpression { OperatorType: ExpressionType.Not, Operand: ColumnExpression flag } not when not.Type == typeof(bool)
            => Among(flag, [ComparisonValue.Of(false)]),
        SqlUnaryExpression { OperatorType: ExpressionType.Equal, Operand: ColumnExpression column } => IsNull(column),
        SqlUnaryExpression { OperatorType: ExpressionType.NotEqual, Operand: ColumnExpression column } => NotNull(column),
        InExpression { Item: ColumnExpression column, Values: { Count: <= ComparisonValue.MostValues } values }
            => Among(column, values.Select(ComparisonValue.Of)),
        InExpression { Item: ColumnExpression column } => NotNull(column),
        PgAnyExpression { Item: ColumnExpression column, OperatorType: PgAnyOperatorType.Equal } any
            => Among(column, [ComparisonValue.OfElements(any.Array)]),
        _ => RowConditions.None,
    };

    private RowConditions Equality(SqlExpression left, SqlExpression right) => (left, right) switch
    {
        (ColumnExpression first, ColumnExpression second) when scope.FamilyOf(first) is { } family && family == scope.FamilyOf(second)
            => RowConditions.Equal(Name(first), Name(second)),
        (ColumnExpression first, ColumnExpression second) => NotNull(first).And(NotNull(second)),
        (ColumnExpression column, _) => Among(column, [ComparisonValue.Of(right)]),
        (_, ColumnExpression column) => Among(column, [ComparisonValue.Of(left)]),
        _ => RowConditions.None,
    };

    /// <summary>A value that can't be told leaves that the column is not null.</summary>
    private RowConditions Among(ColumnExpression column, IEnumerable<ComparisonValue?> values)
    {
        ComparisonValue?[] all = [.. values];
        return scope.FamilyOf(column) is { } family
            && all.All(value => value?.Family == family)
            && ColumnValues.Of(family, all!) is { } known
                ? RowConditions.Among(Name(column), known, rejectsNull: true)
                : NotNull(column);
    }

    private RowConditions IsNull(ColumnExpression column)
        => scope.FamilyOf(column) is { } family
            ? RowConditions.Among(Name(column), ColumnValues.Of(ComparisonValue.Null(family)), rejectsNull: false)
            : RowConditions.None;

    private static RowConditions NotNull(SqlExpression expression)
        => expression is ColumnExpression column ? RowConditions.NotNull(Name(column)) : RowConditions.None;

    private static QueryColumn Name(ColumnExpression column) => new(column.TableAlias, column.Name);
}
