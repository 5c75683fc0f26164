using System.Linq.Expressions;
using EfSecondLevelCache.Planning.Predicates;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Query;
using Microsoft.EntityFrameworkCore.Query.SqlExpressions;
using Microsoft.EntityFrameworkCore.Storage;

namespace EfSecondLevelCache.Tests.Planning.Predicates;

/// <summary>Expressions of other people's making, and of versions to come: put in by hand where EF Core made another one.</summary>
public class UnknownExpressionTests
{
    [Fact]
    public void A_full_join_leaves_both_sides_whole_whatever_is_asked()
        => AssertReads(
            c => c.Posts.Where(p => p.Kind == 2)
                .LeftJoin(c.Blogs.Where(b => b.Kind == 3), p => p.BlogId, b => b.Id, (p, b) => new { p, b }).Where(x => x.p.BlogId == 5),
            node => node is LeftJoinExpression join ? new FullJoin(join.Table, join.JoinPredicate) : null,
            // What the subquery asks itself is asked of its own table.
            "posts",
            "blogs[Kind = 3]");

    [Fact]
    public void A_full_join_takes_the_conditions_of_earlier_joins_away_and_not_those_of_later_ones()
        => AssertReads(
            c => from p in c.Posts
                 join a in c.Authors on new { A = p.AuthorId, B = p.Kind } equals new { A = (int?)a.Id, B = 2 }
                 join b in c.Blogs on p.BlogId equals b.Id into blogs
                 from b in blogs.DefaultIfEmpty()
                 join x in c.Comments on p.Id equals x.PostId
                 where x.PostId == 9
                 select new { p, a, b, x },
            node => node is LeftJoinExpression join ? new FullJoin(join.Table, join.JoinPredicate) : null,
            "posts",
            "authors",
            "blogs",
            "comments[PostId = 9]");

    [Fact]
    public void A_table_of_unknown_kind_has_whole_tables_inside()
        => AssertReads(
            c => c.Posts.Where(p => p.Kind == 3).OrderBy(p => p.Id).Take(5).Where(p => p.BlogId == 5),
            node => node is SelectExpression { Alias: not null } subquery ? new Wrapped(subquery) : null,
            "posts");

    [Fact]
    public void No_condition_passes_an_expression_that_may_be_a_window_function()
    {
        Func<PredicateContext, IQueryable> query = c => c.Blogs.LeftJoin(
            c.Posts.Select(p => new { p.BlogId, Sum = p.Likes + 1 }).Distinct(), b => b.Id, p => p.BlogId, (b, p) => new { b.Id, p!.Sum })
            .Where(x => x.Id == 5);

        AssertReads(query, _ => null, "blogs[Id = 5]", "posts[BlogId = 5]");
        AssertReads(
            query,
            node => node is SqlBinaryExpression { OperatorType: ExpressionType.Add } sum ? new Unknown(sum.TypeMapping!) : null,
            "blogs[Id = 5]",
            "posts");
    }

    [Fact]
    public void No_condition_passes_a_grouping_by_sets_except_on_what_all_of_them_have()
    {
        Func<PredicateContext, IQueryable> asked = c => c.Posts.GroupBy(p => new { p.BlogId, p.Kind })
            .Select(g => new { g.Key.BlogId, g.Key.Kind, N = g.Count() }).Where(g => g.BlogId == 5 && g.Kind == 3);
        Func<PredicateContext, IQueryable> joined = c => c.Blogs.Where(b => b.Id == 5 && b.Kind == 3)
            .Join(
                c.Posts.GroupBy(p => new { p.BlogId, p.Kind }).Select(g => new { g.Key, N = g.Count() }),
                b => new { BlogId = b.Id, b.Kind },
                g => g.Key,
                (b, g) => new { b, g });

        AssertReads(asked, _ => null, "posts[BlogId = 5 and Kind = 3]");
        AssertReads(asked, BySets, "posts[BlogId = 5]");
        AssertReads(joined, _ => null, "blogs[Id = 5 and Kind = 3]", "posts[BlogId = 5 and Kind = 3]");
        AssertReads(joined, BySets, "blogs[Id = 5 and Kind = 3]", "posts[BlogId = 5]");

        static Expression? BySets(Expression node)
            => node is SelectExpression { GroupBy: [var first, var second] } select
                ? select.Update(
                    select.Tables, select.Predicate, [first, Function("rollup", second)], select.Having, select.Projection, select.Orderings,
                    select.Offset, select.Limit)
                : null;
    }

    [Fact]
    public void What_an_aggregate_asks_of_the_outer_row_does_not_count_for_it_makes_a_row_of_none()
        => AssertReads(
            c => c.Blogs.SelectMany(b => c.Posts.Where(p => b.Kind == 3 && p.Likes > b.Id).Select(p => new { N = p.Likes + b.Id }).Take(1)),
            node => node is ProjectionExpression { Alias: "N", Expression: SqlBinaryExpression sum }
                ? new ProjectionExpression(Function("sum", sum.Left), "N")
                : null,
            "blogs",
            "posts");

    [Fact]
    public void A_fault_leaves_every_table_whole()
        => AssertReads(
            c => c.Specimens.Where(s => s.Theme == Theme.Dark && c.Posts.Any(p => p.Kind == 3)),
            // Not a value that the mapping can convert.
            node => node is SqlConstantExpression { TypeMapping: { Converter: not null } mapping }
                ? new SqlConstantExpression("no theme", mapping)
                : null,
            "specimens",
            "posts");

    [Fact]
    public void A_table_that_the_tree_has_twice_is_found_twice()
    {
        // The same instance, once where it is analyzed and once where it is not.
        Expression? table = null;
        AssertReads(
            c => c.Posts.Where(p => p.Kind == 3 && c.Blogs.Any(b => b.Kind == p.Likes)),
            node =>
            {
                if (node is TableExpression { Name: "posts" })
                    table = node;
                return node is TableExpression { Name: "blogs" } && table is not null ? new Wrapped((TableExpressionBase)table) : null;
            },
            "posts[Kind = 3]",
            "posts");
    }

    private static void AssertReads(
        Func<PredicateContext, IQueryable> query, Func<Expression, Expression?> replace, params string[] expected)
    {
        var select = (SelectExpression)new Replacement(replace).Visit(AnalyzedQuery.Of(query).Expression);

        Assert.Equal(expected, PredicateAnalyzer.Analyze(select, out _).Select(read => read.Describe()));
    }

    private static SqlFunctionExpression Function(string name, SqlExpression argument)
        => new(name, [argument], nullable: true, argumentsPropagateNullability: [false], argument.Type, argument.TypeMapping);

    private sealed class Replacement(Func<Expression, Expression?> replace) : ExpressionVisitor
    {
        protected override Expression VisitExtension(Expression node) => replace(node) ?? base.VisitExtension(node);
    }

    private sealed class FullJoin(TableExpressionBase table, SqlExpression on) : PredicateJoinExpressionBase(table, on, prunable: false)
    {
        public override JoinExpressionBase Update(TableExpressionBase table, SqlExpression joinPredicate)
            => new FullJoin(table, joinPredicate);

        public override JoinExpressionBase Update(TableExpressionBase table) => new FullJoin(table, JoinPredicate);

        public override Expression Quote() => throw new NotSupportedException();

        protected override TableExpressionBase WithAnnotations(IReadOnlyDictionary<string, IAnnotation> annotations) => this;

        protected override void Print(ExpressionPrinter expressionPrinter) => expressionPrinter.Append("FULL JOIN");
    }

    private sealed class Wrapped(TableExpressionBase inner) : TableExpressionBase(inner.Alias)
    {
        public override TableExpressionBase Clone(string? alias, ExpressionVisitor cloningExpressionVisitor)
            => throw new NotSupportedException();

        public override TableExpressionBase WithAlias(string newAlias) => throw new NotSupportedException();

        public override Expression Quote() => throw new NotSupportedException();

        protected override Expression VisitChildren(ExpressionVisitor visitor)
        {
            visitor.Visit(inner);
            return this;
        }

        protected override TableExpressionBase WithAnnotations(IReadOnlyDictionary<string, IAnnotation> annotations) => this;

        protected override void Print(ExpressionPrinter expressionPrinter) => expressionPrinter.Append("something around ").Visit(inner);
    }

    private sealed class Unknown(RelationalTypeMapping mapping) : SqlExpression(typeof(int), mapping)
    {
        public override Expression Quote() => throw new NotSupportedException();

        protected override Expression VisitChildren(ExpressionVisitor visitor) => this;

        protected override void Print(ExpressionPrinter expressionPrinter) => expressionPrinter.Append("sum(x) OVER ()");
    }
}
