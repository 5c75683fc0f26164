using System.Linq.Expressions;
using EfSecondLevelCache.Planning;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.EntityFrameworkCore.Query;

namespace EfSecondLevelCache.EntityFramework.Queries;

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
        private const string VaryByIsCompiledIn =
            "VaryBy is not available inside of EF.CompileQuery, where its value would be compiled in. "
            + "Use VaryBy(context => ...) of AddSecondLevelCache instead.";

        private const string NotOlderThanIsCompiledIn =
            "NotOlderThan is not available inside of EF.CompileQuery, where its token would be compiled in. "
            + "Write the query without EF.CompileQuery, or mark it NotCacheable().";

        private int _marks;

        protected override Expression VisitMethodCall(MethodCallExpression node)
        {
            var call = (MethodCallExpression)base.VisitMethodCall(node);
            if (call.Method.DeclaringType == typeof(SecondLevelCacheQueryableExtensions))
                return CacheableExpression.TagWith(call.Arguments[0], call.Method.GetGenericArguments()[0], TagOf(call));
            return TaggedIn(call) is { } tagged
                ? CacheableExpression.TagWith(call.Arguments[0], call.Method.GetGenericArguments()[0], TagOf(tagged.Policy))
                : call;
        }

        protected override Expression VisitExtension(Expression node)
            => node is not CacheableExpression marked ? base.VisitExtension(node)
                : marked.Values is null ? CacheableExpression.TagWith(Visit(marked.Source), marked.ElementType, TagOf(marked.Policy))
                : Visit(marked.Reduce());

        /// <summary>Our tag in a call of TagWith, which a mark is where its context could not be told; null: it is none.</summary>
        private static TaggedPolicy? TaggedIn(MethodCallExpression call)
            => call.Method.Name == nameof(EntityFrameworkQueryableExtensions.TagWith)
                && call.Method.DeclaringType == typeof(EntityFrameworkQueryableExtensions)
                && call.Arguments[1] is ConstantExpression { Value: string tag }
                    ? PolicyTag.TryParse(tag)
                    : null;

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
                        tagged.VaryByParameter is null ? null : NameOf(call.Arguments[2], VaryByIsCompiledIn),
                        tagged.NotOlderThanParameter is null ? null : NameOf(call.Arguments[3], NotOlderThanIsCompiledIn));
                case nameof(SecondLevelCacheQueryableExtensions.Cacheable) when call.Arguments.Count == 1:
                    return TagOf(QueryCachePolicy.Default);
                case nameof(SecondLevelCacheQueryableExtensions.Cacheable) when call.Arguments[1].Type == typeof(TimeSpan):
                    return TagOf(SecondLevelCacheQueryableExtensions.PolicyOf(ValueOf<TimeSpan>(call.Arguments[1])));
                case nameof(SecondLevelCacheQueryableExtensions.Cacheable):
                    var builder = new QueryCachePolicyBuilder();
                    ValueOf<Action<QueryCachePolicyBuilder>>(call.Arguments[1])(builder);
                    return builder.Varies ? throw new InvalidOperationException(VaryByIsCompiledIn)
                        : builder.Token is not null ? throw new InvalidOperationException(NotOlderThanIsCompiledIn)
                        : TagOf(builder.Policy);
                default:
                    throw new InvalidOperationException($"{call.Method.Name} can't be part of a query expression.");
            }
        }

        private static string NameOf(Expression argument, string otherwise)
            => argument is QueryParameterExpression parameter ? parameter.Name : throw new InvalidOperationException(otherwise);

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
