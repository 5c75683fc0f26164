using Microsoft.EntityFrameworkCore;
using static EfSecondLevelCache.Tests.Planning.Predicates.AnalyzedQuery;

namespace EfSecondLevelCache.Tests.Planning.Predicates;

public class SubqueryTests
{
    private readonly int _id = 5;

    [Fact]
    public void A_predicate_inside_of_exists_counts_for_the_inner_table()
        => AssertReads(c => c.Blogs.Where(b => b.Posts.Any(p => p.Kind == 3)), "blogs", "posts[Kind = 3]");

    [Fact]
    public void A_predicate_inside_of_not_exists_counts_for_the_inner_table()
        => AssertReads(c => c.Blogs.Where(b => !b.Posts.Any(p => p.Kind == 3)), "blogs", "posts[Kind = 3]");

    [Fact]
    public void A_predicate_inside_of_exists_on_the_outer_table_does_not_count_for_it()
        => AssertReads(c => c.Blogs.Where(b => !c.Posts.Any(p => b.Kind == 2 && p.Kind == 3)), "blogs", "posts[Kind = 3]");

    [Fact]
    public void A_predicate_inside_of_in_counts_for_the_inner_table()
        => AssertReads(
            c => c.Blogs.Where(b => c.Posts.Where(p => p.Kind == 3).Select(p => p.BlogId).Contains(b.Id)), "blogs", "posts[Kind = 3]");

    [Fact]
    public void A_predicate_inside_of_not_in_counts_for_the_inner_table()
        => AssertReads(
            c => c.Blogs.Where(b => !c.Posts.Where(p => p.Kind == 3).Select(p => p.AuthorId).Contains(b.Id)), "blogs", "posts[Kind = 3]");

    [Fact]
    public void A_predicate_inside_of_a_scalar_subquery_counts_for_the_inner_table()
        => AssertReads(
            c => c.Blogs.Where(b => c.Posts.Where(p => p.Kind == 3).Max(p => p.Likes) == b.Kind), "blogs", "posts[Kind = 3]");

    [Fact]
    public void A_value_carries_into_a_correlated_exists()
        => AssertReads(
            c => c.Blogs.Where(b => b.Id == _id && b.Posts.Any(p => p.Kind == 3)), "blogs[Id = @_id]", "posts[BlogId = @_id and Kind = 3]");

    [Fact]
    public void A_value_carries_into_a_correlated_not_exists()
        => AssertReads(
            c => c.Blogs.Where(b => b.Id == _id && !b.Posts.Any()), "blogs[Id = @_id]", "posts[BlogId = @_id]");

    [Fact]
    public void A_value_carries_into_a_correlated_subquery_of_the_projection()
        => AssertReads(
            c => c.Blogs.Where(b => b.Id == _id).Select(b => new { b.Name, Likes = b.Posts.Sum(p => p.Likes) }),
            "blogs[Id = @_id]",
            "posts[BlogId = @_id]");

    [Fact]
    public void A_value_carries_into_a_correlated_subquery_of_the_ordering()
        => AssertReads(
            c => c.Blogs.Where(b => b.Id == _id).OrderBy(b => b.Posts.Count(p => p.Kind == 1)),
            "blogs[Id = @_id]",
            "posts[BlogId = @_id and Kind = 1]");

    [Fact]
    public void A_value_carries_through_two_levels_of_subqueries()
        => AssertReads(
            c => c.Orders.Where(
                o => o.TenantId == _id && o.Lines.Any(l => c.Customers.Any(x => x.TenantId == l.TenantId && x.Id == l.Number))),
            "orders[TenantId = @_id]",
            "order_lines[TenantId = @_id]",
            "customers[TenantId = @_id]");

    [Fact]
    public void No_value_carries_into_an_exists_that_compares_by_something_else_than_equality()
        => AssertReads(c => c.Blogs.Where(b => b.Id == _id && c.Posts.Any(p => p.BlogId >= b.Id)), "blogs[Id = @_id]", "posts");

    [Fact]
    public void No_value_carries_into_a_subquery_from_an_alternative()
        => AssertReads(c => c.Blogs.Where(b => b.Id == _id || b.Posts.Any()), "blogs", "posts");

    [Fact]
    public void No_null_of_a_missing_row_carries_into_a_subquery()
        => AssertReads(
            c => c.Posts.LeftJoin(c.Blogs, p => p.BlogId, b => b.Id, (p, b) => new { p, b })
                .Where(x => x.b!.Rating == null)
                .Select(x => new { x.p.Id, N = c.Authors.Count(a => a.CountryId == x.b!.Rating) }),
            "posts",
            "blogs",
            "authors");

    [Fact]
    public void A_subquery_in_the_predicate_of_a_join_counts_for_its_table()
        => AssertReads(
            c => from p in c.Posts
                 from b in c.Blogs.Where(b => b.Id == p.BlogId && c.Authors.Any(a => a.Id == b.OwnerId && a.CountryId == 3))
                     .DefaultIfEmpty()
                 where p.BlogId == _id
                 select new { p, b },
            "posts[BlogId = @_id]",
            "blogs[Id = @_id]",
            "authors[CountryId = 3]");
}
