using Microsoft.EntityFrameworkCore;
using static EfSecondLevelCache.Tests.Planning.Predicates.AnalyzedQuery;

namespace EfSecondLevelCache.Tests.Planning.Predicates;

public class DerivedTableTests
{
    private readonly int _id = 5;

    [Fact]
    public void A_predicate_passes_a_plain_projection()
        => AssertReads(
            c => c.Posts.LeftJoin(
                c.Blogs.Where(b => b.Kind == 3).Select(b => new { Key = b.Id, b.Name }), p => p.BlogId, b => b.Key, (p, b) => new { p, b })
                .Where(x => x.b!.Key == _id),
            "posts[BlogId = @_id]",
            "blogs[Id = @_id and Kind = 3]");

    [Fact]
    public void A_predicate_does_not_pass_a_limit()
    {
        AssertReads(c => c.Posts.OrderBy(p => p.Likes).Take(10).Where(p => p.BlogId == 5), "posts");
        AssertReads(c => c.Posts.OrderBy(p => p.Likes).Skip(10).Where(p => p.BlogId == 5), "posts");
    }

    [Fact]
    public void A_value_does_not_pass_a_limit_from_a_join()
        => AssertReads(
            c => c.Blogs.Where(b => b.Id == 5).Join(c.Posts.OrderBy(p => p.Id).Take(10), b => b.Id, p => p.BlogId, (b, p) => new { b, p }),
            "blogs[Id = 5]",
            "posts");

    [Fact]
    public void A_predicate_below_a_limit_counts()
        => AssertReads(
            c => c.Posts.Where(p => p.Kind == 2).OrderBy(p => p.Likes).Take(10).Where(p => p.BlogId == 5), "posts[Kind = 2]");

    [Fact]
    public void Paging_with_an_include_counts_for_the_inner_occurrence_and_the_included_rows()
    {
        AssertReads(
            c => c.Blogs.Include(b => b.Posts).Where(b => b.Id == _id).Take(1), "blogs[Id = @_id]", "posts[BlogId = @_id]");
        AssertReads(
            c => c.Blogs.Include(b => b.Posts).Where(b => b.Kind == 3).OrderBy(b => b.Id).Skip(2).Take(4), "blogs[Kind = 3]", "posts[BlogId in the result]");
    }

    [Fact]
    public void Nested_includes_count_by_equal_columns_and_by_the_result()
        => AssertReads(
            c => c.Blogs.Include(b => b.Posts).ThenInclude(p => p.Comments).Where(b => b.Id == _id).Take(1),
            "blogs[Id = @_id]",
            "posts[BlogId = @_id]",
            "comments[PostId in the result]");

    [Fact]
    public void A_join_table_counts_for_the_collection_behind_it()
        => AssertReads(
            c => c.Posts.Include(p => p.Tags).Where(p => p.Id == _id), "posts[Id = @_id]", "post_tags[PostsId = @_id]", "tags[Id in the result]");

    [Fact]
    public void Distinct_lets_a_predicate_pass()
        => AssertReads(
            c => c.Blogs.Join(c.Posts.Select(p => new { p.BlogId, p.Kind }).Distinct(), b => b.Id, p => p.BlogId, (b, p) => new { b, p })
                .Where(x => x.p.Kind == 3),
            "blogs",
            "posts[Kind = 3]");

    [Fact]
    public void A_condition_on_the_grouping_passes_the_grouping()
    {
        AssertReads(
            c => c.Posts.GroupBy(p => p.BlogId).Select(g => new { g.Key, N = g.Count() }).Where(g => g.Key == _id), "posts[BlogId = @_id]");
        AssertReads(
            c => c.Blogs.Where(b => b.Id == _id)
                .LeftJoin(
                    c.Posts.GroupBy(p => p.BlogId).Select(g => new { g.Key, N = g.Count() }),
                    b => b.Id,
                    g => g.Key,
                    (b, g) => new { b, g }),
            "blogs[Id = @_id]",
            "posts[BlogId = @_id]");
    }

    [Fact]
    public void A_condition_on_one_column_of_the_grouping_passes_the_grouping()
        => AssertReads(
            c => c.Posts.GroupBy(p => new { p.BlogId, p.Kind }).Select(g => new { g.Key.BlogId, g.Key.Kind, N = g.Count() })
                .Where(g => g.Kind == 2),
            "posts[Kind = 2]");

    [Fact]
    public void A_condition_on_an_aggregate_does_not_pass_the_grouping()
        => AssertReads(
            c => c.Posts.GroupBy(p => p.BlogId).Select(g => new { g.Key, Max = g.Max(p => p.Kind) }).Where(g => g.Max == 5), "posts");

    [Fact]
    public void A_condition_on_a_computed_grouping_does_not_pass_the_grouping()
        => AssertReads(
            c => c.Posts.GroupBy(p => p.Kind + 1).Select(g => new { g.Key, N = g.Count() }).Where(g => g.Key == 5), "posts");

    [Fact]
    public void A_condition_passes_a_window_on_the_column_that_it_is_partitioned_by()
        => AssertReads(
            c => c.Blogs.Where(b => b.Id == _id).Select(b => new { b.Name, Top = b.Posts.OrderBy(p => p.Likes).Take(3).ToList() }),
            "blogs[Id = @_id]",
            "posts[BlogId = @_id]");

    [Fact]
    public void A_condition_does_not_pass_a_window_on_another_column()
        => AssertReads(
            c => c.Blogs.SelectMany(b => b.Posts.OrderBy(p => p.Likes).Take(3)).Where(p => p.Kind == 3), "blogs", "posts");

    [Fact]
    public void A_value_carries_into_a_lateral_subquery()
        => AssertReads(
            c => c.Blogs.Where(b => b.Id == _id)
                .SelectMany(
                    b => c.Posts.Where(p => p.BlogId == b.Id && p.Likes > b.Kind).OrderBy(p => p.Id).Take(2), (b, p) => new { b, p }),
            "blogs[Id = @_id]",
            "posts[BlogId = @_id]");

    [Fact]
    public void A_value_carries_into_a_lateral_subquery_that_may_be_empty()
        => AssertReads(
            c => c.Blogs.Where(b => b.Id == _id)
                .SelectMany(
                    b => c.Posts.Where(p => p.BlogId == b.Id && p.Likes > b.Kind).OrderBy(p => p.Id).Take(2).DefaultIfEmpty(),
                    (b, p) => new { b.Name, p!.Title }),
            "blogs[Id = @_id]",
            "posts[BlogId = @_id]");

    [Fact]
    public void What_a_lateral_subquery_asks_of_the_outer_row_counts_for_it_where_the_row_is_lost_without()
        => AssertReads(
            c => c.Blogs.SelectMany(
                b => c.Posts.Where(p => b.Kind == 3 && p.Likes > b.Id).OrderBy(p => p.Id).Take(2), (b, p) => new { b, p }),
            "blogs[Kind = 3]",
            "posts");

    [Fact]
    public void What_a_lateral_subquery_asks_of_the_outer_row_does_not_count_where_the_row_is_kept()
        => AssertReads(
            c => c.Blogs.SelectMany(
                b => c.Posts.Where(p => b.Kind == 3 && p.Likes > b.Id).OrderBy(p => p.Id).Take(2).DefaultIfEmpty(), (b, p) => new { b, p }),
            "blogs",
            "posts");
}
