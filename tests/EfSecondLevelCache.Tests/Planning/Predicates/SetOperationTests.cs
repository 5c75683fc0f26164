using static EfSecondLevelCache.Tests.Planning.Predicates.AnalyzedQuery;

namespace EfSecondLevelCache.Tests.Planning.Predicates;

public class SetOperationTests
{
    [Fact]
    public void The_branches_of_a_union_count_for_themselves()
        => AssertReads(
            c => c.Posts.Where(p => p.Kind == 1).Union(c.Posts.Where(p => p.BlogId == 2)), "posts[Kind = 1]", "posts[BlogId = 2]");

    [Fact]
    public void The_branches_of_a_union_all_count_for_themselves()
        => AssertReads(
            c => c.Posts.Where(p => p.Kind == 1).Concat(c.Posts.Where(p => p.BlogId == 2)), "posts[Kind = 1]", "posts[BlogId = 2]");

    [Fact]
    public void A_bare_branch_is_the_whole_table()
        => AssertReads(c => c.Posts.Where(p => p.Kind == 1).Union(c.Posts), "posts[Kind = 1]", "posts");

    [Fact]
    public void Of_what_is_taken_away_only_what_could_be_there_matters()
        => AssertReads(
            c => c.Posts.Where(p => p.Kind == 1).Except(c.Posts.Where(p => p.BlogId == 2)),
            "posts[Kind = 1]",
            "posts[BlogId = 2 and Kind = 1]");

    [Fact]
    public void Of_what_is_intersected_only_what_could_be_there_matters()
        => AssertReads(
            c => c.Posts.Where(p => p.Kind == 1).Intersect(c.Posts.Where(p => p.BlogId == 2)),
            "posts[Kind = 1]",
            "posts[BlogId = 2 and Kind = 1]");

    [Fact]
    public void Nothing_carries_from_what_is_taken_away()
        => AssertReads(c => c.Posts.Except(c.Posts.Where(p => p.BlogId == 2)), "posts", "posts[BlogId = 2]");

    [Fact]
    public void A_predicate_over_a_union_counts_in_both_branches()
        => AssertReads(
            c => c.Posts.Where(p => p.Kind == 1).Concat(c.Posts.Where(p => p.Likes == 2)).Where(p => p.BlogId == 5),
            "posts[BlogId = 5 and Kind = 1]",
            "posts[BlogId = 5 and Likes = 2]");

    [Fact]
    public void A_predicate_over_a_union_counts_by_position_not_by_name()
        => AssertReads(
            c => c.Posts.Select(p => new { A = p.Kind, B = p.BlogId }).Concat(c.Blogs.Select(b => new { A = b.Id, B = b.Kind }))
                .Where(x => x.A == 5),
            "posts[Kind = 5]",
            "blogs[Id = 5]");

    [Fact]
    public void A_predicate_over_a_union_does_not_count_where_a_branch_computes_the_column()
        => AssertReads(
            c => c.Posts.Select(p => new { A = p.Kind }).Concat(c.Blogs.Select(b => new { A = b.Id + 1 })).Where(x => x.A == 5),
            "posts",
            "blogs");

    [Fact]
    public void A_predicate_over_a_limited_union_does_not_count()
        => AssertReads(
            c => c.Posts.Where(p => p.Kind == 1).Concat(c.Posts.Where(p => p.Kind == 2)).OrderBy(p => p.Id).Take(3)
                .Where(p => p.BlogId == 5),
            "posts[Kind = 1]",
            "posts[Kind = 2]");

    [Fact]
    public void A_predicate_over_a_union_does_not_count_in_a_limited_branch()
        => AssertReads(
            c => c.Posts.Where(p => p.Kind == 1).OrderBy(p => p.Id).Take(3).Concat(c.Posts.Where(p => p.Likes == 2))
                .Where(p => p.BlogId == 5),
            "posts[Kind = 1]",
            "posts[BlogId = 5 and Likes = 2]");

    [Fact]
    public void What_every_branch_has_carries_over_a_join()
        => AssertReads(
            c => c.Posts.Where(p => p.BlogId == 1).Concat(c.Posts.Where(p => p.BlogId == 2)).OrderBy(p => p.Id).Take(5)
                .Join(c.Blogs, p => p.BlogId, b => b.Id, (p, b) => new { p.Title, b.Name }),
            "posts[BlogId = 1]",
            "posts[BlogId = 2]",
            "blogs[Id in (1, 2)]");

    [Fact]
    public void What_one_branch_lacks_does_not_carry_over_a_join()
        => AssertReads(
            c => c.Posts.Where(p => p.BlogId == 1).Concat(c.Posts.Where(p => p.Kind == 2)).OrderBy(p => p.Id).Take(5)
                .Join(c.Blogs, p => p.BlogId, b => b.Id, (p, b) => new { p.Title, b.Name }),
            "posts[BlogId = 1]",
            "posts[Kind = 2]",
            "blogs");
}
