using System.Linq.Expressions;
using EfSecondLevelCache.Planning;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Query;
using Microsoft.EntityFrameworkCore.Query.Internal;

namespace EfSecondLevelCache.EntityFramework.Queries;

/// <summary>
/// A query with a policy. It is part of the key of EF Core's compiled queries, and gone when the query is compiled. A node of its own costs every
/// execution a fraction of what a call of TagWith does.
/// </summary>
/// <param name="source">The query.</param>
/// <param name="type">A queryable of the query's elements.</param>
/// <param name="policy">The policy.</param>
/// <param name="values">What is not to be compiled in; null: nothing.</param>
internal sealed class CacheableExpression(Expression source, Type type, QueryCachePolicy policy, QueryMarkValues? values = null)
    : Expression, IPrintableExpression
{
    public Expression Source => source;

    public QueryCachePolicy Policy => policy;

    public QueryMarkValues? Values => values;

    public override ExpressionType NodeType => ExpressionType.Extension;

    public override Type Type => type;

    public Type ElementType => type.GetGenericArguments()[0];

    public override bool CanReduce => true;

    /// <summary>A call that everybody understands who understands EF Core's queries.</summary>
    public override Expression Reduce()
        => values is null
            ? TagWith(source, ElementType, PolicyTag.Of(policy))
            : SecondLevelCacheQueryableExtensions.ParameterizedCall(source, ElementType, values);

    public static MethodCallExpression TagWith(Expression source, Type elementType, string tag)
        => Call(
            typeof(EntityFrameworkQueryableExtensions), nameof(EntityFrameworkQueryableExtensions.TagWith), [elementType], source, Constant(tag));

    public override bool Equals(object? obj)
        => obj is CacheableExpression other
            && policy.Equals(other.Policy)
            && type == other.Type
            && ReferenceEquals(values, other.Values)
            && ExpressionEqualityComparer.Instance.Equals(source, other.Source);

    public override int GetHashCode() => HashCode.Combine(ExpressionEqualityComparer.Instance.GetHashCode(source), policy);

    public override string ToString() => $"{source}.Cacheable()";

    void IPrintableExpression.Print(ExpressionPrinter expressionPrinter)
    {
        expressionPrinter.Visit(source);
        expressionPrinter.AppendLine().Append("    .Cacheable()");
    }

    /// <summary>It goes through whoever rewrites a query, and goes away with EF Core's root: who replaces that executes the query himself.</summary>
    protected override Expression VisitChildren(ExpressionVisitor visitor)
    {
        var isFuncletizer = visitor is ExpressionTreeFuncletizer;
        // A call is what EF Core takes the values out of.
        if (values is not null && isFuncletizer)
            return visitor.Visit(Reduce());
        var visited = visitor.Visit(source);
        return ReferenceEquals(visited, source) ? this
            : isFuncletizer || QueryRoot.IsIn(visited) ? new CacheableExpression(visited, type, policy, values)
            : visited;
    }
}
