using System.Linq.Expressions;
using EfSecondLevelCache.Querying.Planning;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.EntityFrameworkCore.Query;

namespace EfSecondLevelCache.Querying;

/// <summary>
/// Turns <c>Cacheable</c> into a query tag when a query is compiled: its nodes, its calls inside of EF.CompileQuery, which are never made, and
/// those that have query parameters of their own (VaryBy, NotOlderThan).
/// </summary>
internal sealed class CacheableRewriter : IQueryExpressionInterceptor
{
    public Expression QueryCompilationStarting(Expression queryExpression, QueryExpressionEventData eventData)
        => new Visitor().Visit(queryExpression);

    private sealed class Visitor : ExpressionVisitor
    {
        private int _marks;

        protected override Expression VisitMethodCall(MethodCallExpression node)
        {
            var call = (MethodCallExpression)base.VisitMethodCall(node);
            if (call.Method.DeclaringType != typeof(SecondLevelCacheQueryableExtensions))
                return call;
            return Tagged(call.Arguments[0], call.Method.GetGenericArguments()[0], TagOf(call));
        }

        protected override Expression VisitExtension(Expression node)
            => base.VisitExtension(node) is var visited && visited is CacheableExpression marked
                ? Tagged(marked.Source, marked.Type.GetGenericArguments()[0], TagOf(marked.Policy))
                : visited;

        private static MethodCallExpression Tagged(Expression source, Type elementType, string tag)
            => Expression.Call(
                typeof(EntityFrameworkQueryableExtensions), nameof(EntityFrameworkQueryableExtensions.TagWith), [elementType],
                source, Expression.Constant(tag));

        private string TagOf(QueryCachePolicy policy, string? varyByParameter = null, string? notOlderThanParameter = null)
            => PolicyTag.Of(policy, varyByParameter, notOlderThanParameter, order: _marks++);

        private string TagOf(MethodCallExpression call)
        {
            switch (call.Method.Name)
            {
                case nameof(SecondLevelCacheQueryableExtensions.NotCacheable):
                    return TagOf(QueryCachePolicy.None);
                case nameof(SecondLevelCacheQueryableExtensions.ParameterizedCacheable):
                    var tagged = PolicyTag.Parse(ValueOf<string>(call.Arguments[1]));
                    return TagOf(
                        tagged.Policy,
                        tagged.VaryByParameter is null ? null : ((QueryParameterExpression)call.Arguments[2]).Name,
                        tagged.NotOlderThanParameter is null ? null : ((QueryParameterExpression)call.Arguments[3]).Name);
                case nameof(SecondLevelCacheQueryableExtensions.Cacheable) when call.Arguments.Count == 1:
                    return TagOf(QueryCachePolicy.Default);
                case nameof(SecondLevelCacheQueryableExtensions.Cacheable) when call.Arguments[1].Type == typeof(TimeSpan):
                    return TagOf(SecondLevelCacheQueryableExtensions.PolicyOf(ValueOf<TimeSpan>(call.Arguments[1])));
                case nameof(SecondLevelCacheQueryableExtensions.Cacheable):
                    var builder = new QueryCachePolicyBuilder();
                    ValueOf<Action<QueryCachePolicyBuilder>>(call.Arguments[1])(builder);
                    if (builder.Varies)
                    {
                        throw new InvalidOperationException(
                            "VaryBy is not available inside of EF.CompileQuery, where its value would be compiled in. "
                            + "Use VaryBy(context => ...) of AddSecondLevelCache instead.");
                    }

                    return builder.Token is null
                        ? TagOf(builder.Policy)
                        : throw new InvalidOperationException(
                            "NotOlderThan is not available inside of EF.CompileQuery, where its token would be compiled in. "
                            + "Write the query without EF.CompileQuery, or mark it NotCacheable().");
                default:
                    throw new InvalidOperationException($"{call.Method.Name} can't be part of a query expression.");
            }
        }

        private static T ValueOf<T>(Expression argument)
        {
            if (QueryParameterFinder.IsIn(argument))
            {
                throw new InvalidOperationException(
                    "Cacheable inside of EF.CompileQuery needs settings that are known when the query is compiled; "
                    + "a parameter of the compiled query is not. Write the value itself, for example Cacheable(TimeSpan.FromMinutes(5)).");
            }

            return argument is ConstantExpression { Value: T value }
                ? value
                : Expression.Lambda<Func<T>>(argument).Compile()();
        }
    }

    private sealed class QueryParameterFinder : ExpressionVisitor
    {
        private bool _found;

        public static bool IsIn(Expression expression)
        {
            var finder = new QueryParameterFinder();
            finder.Visit(expression);
            return finder._found;
        }

        protected override Expression VisitExtension(Expression node)
        {
            _found |= node is QueryParameterExpression;
            return node;
        }
    }
}
