using Microsoft.EntityFrameworkCore;
using static EfSecondLevelCache.Tests.Planning.Predicates.AnalyzedQuery;

namespace EfSecondLevelCache.Tests.Planning.Predicates;

public class JoinTests
{
    private readonly int _id = 5;

    [Fact]
    public void A_predicate_over_an_inner_join_counts_for_the_table_it_names()
        => AssertReads(
            c => c.Posts.Where(p => p.Blog.IsActive && p.Kind == 2), "posts[Kind = 2]", "blogs[IsActive = true]");

    [Fact]
    public void A_predicate_over_a_cross_join_counts_for_the_table_it_names()
        => AssertReads(
            c => from p in c.Posts from b in c.Blogs where p.Kind == 2 && b.Kind == 3 select new { p, b },
            "posts[Kind = 2]",
            "blogs[Kind = 3]");

    [Fact]
    public void The_predicate_of_an_inner_join_counts_for_both_sides()
        => AssertReads(
            c => c.Posts.Join(
                c.Blogs, p => new { A = p.BlogId, B = p.Kind, C = 4 }, b => new { A = b.Id, B = 3, C = b.Kind }, (p, b) => new { p, b }),
            "posts[Kind = 3]",
            "blogs[Kind = 4]");

    [Fact]
    public void An_inner_join_carries_a_value_both_ways()
    {
        AssertReads(
            c => c.Posts.Include(p => p.Blog).Where(p => p.BlogId == _id), "posts[BlogId = @_id]", "blogs[Id = @_id]");
        AssertReads(
            c => c.Posts.Include(p => p.Blog).Where(p => p.Blog.Id == _id && p.Blog.Kind == 1),
            "posts[BlogId = @_id]",
            "blogs[Id = @_id and Kind = 1]");
    }

    [Fact]
    public void An_inner_join_carries_a_value_along_a_chain()
        => AssertReads(
            c => from p in c.Posts
                 join b in c.Blogs on p.Kind equals b.Kind
                 join a in c.Authors on b.Kind equals a.Id
                 where a.Id == 7
                 select new { p, b, a },
            "posts[Kind = 7]",
            "blogs[Kind = 7]",
            "authors[Id = 7]");

    [Fact]
    public void A_join_without_a_value_leaves_the_other_table_to_the_result()
        => AssertReads(c => c.Posts.Include(p => p.Author).Where(p => p.BlogId == 5), "posts[BlogId = 5]", "authors[Id in the result]");

    [Fact]
    public void A_predicate_on_the_preserved_side_counts()
        => AssertReads(
            c => c.Posts.LeftJoin(c.Authors, p => p.AuthorId, a => a.Id, (p, a) => new { p, a }).Where(x => x.p.Kind == 2),
            "posts[Kind = 2]",
            "authors[Id in the result]");

    [Fact]
    public void The_join_predicate_on_the_nullable_side_counts()
        => AssertReads(
            c => c.Posts.LeftJoin(c.Blogs, p => new { A = p.Kind, B = 3 }, b => new { A = b.Id, B = b.Kind }, (p, b) => new { p, b }),
            "posts",
            "blogs[Kind = 3]");

    [Fact]
    public void The_join_predicate_on_the_preserved_side_does_not_count()
        => AssertReads(
            c => c.Posts.LeftJoin(c.Blogs, p => new { A = p.BlogId, B = p.Kind }, b => new { A = b.Id, B = 3 }, (p, b) => new { p, b }),
            "posts",
            "blogs[Id in the result]");

    [Fact]
    public void The_join_predicate_on_the_preserved_side_counts_for_the_nullable_side_by_equality()
        => AssertReads(
            c => c.Posts.LeftJoin(
                c.Blogs, p => new { A = p.Kind, B = p.Kind }, b => new { A = b.Kind, B = 3 }, (p, b) => new { p, b }),
            "posts",
            "blogs[Kind = 3]");

    [Fact]
    public void A_strict_predicate_on_the_nullable_side_counts_for_it_and_makes_the_join_an_inner_one()
        => AssertReads(
            c => c.Posts.LeftJoin(c.Authors, p => p.AuthorId, a => a.Id, (p, a) => new { p, a })
                .Where(x => x.a!.Id == _id && x.a.Name == "x"),
            "posts[AuthorId = @_id]",
            "authors[Id = @_id and Name = 'x']");

    [Fact]
    public void A_strict_predicate_without_a_value_makes_the_join_an_inner_one_too()
        => AssertReads(
            c => c.Posts.LeftJoin(c.Blogs, p => new { A = p.BlogId, B = p.Kind }, b => new { A = b.Id, B = 3 }, (p, b) => new { p, b })
                .Where(x => x.b!.Price > 5),
            "posts[Kind = 3]",
            "blogs");

    [Fact]
    public void An_alternative_of_null_on_the_nullable_side_does_not_count()
        => AssertReads(
            c => c.Posts.LeftJoin(c.Authors, p => p.AuthorId, a => a.Id, (p, a) => new { p, a })
                .Where(x => x.a!.CountryId == 5 || x.a.CountryId == null),
            "posts",
            "authors");

    [Fact]
    public void Null_on_the_nullable_side_does_not_count()
        => AssertReads(
            c => c.Posts.LeftJoin(c.Authors, p => p.AuthorId, a => a.Id, (p, a) => new { p, a }).Where(x => x.a!.CountryId == null),
            "posts",
            "authors");

    [Fact]
    public void A_coalesce_over_the_nullable_side_does_not_count()
        => AssertReads(
            c => c.Posts.LeftJoin(c.Authors, p => p.AuthorId, a => a.Id, (p, a) => new { p, a }).Where(x => (x.a!.CountryId ?? 5) == 5),
            "posts",
            "authors");

    [Fact]
    public void An_anti_join_does_not_count_and_its_join_predicate_does()
        => AssertReads(
            c => c.Posts.LeftJoin(c.Blogs, p => new { A = p.BlogId, B = 3 }, b => new { A = b.Id, B = b.Kind }, (p, b) => new { p, b })
                .Where(x => x.b == null && x.p.BlogId == 5),
            "posts[BlogId = 5]",
            "blogs[Id = 5 and Kind = 3]");

    [Fact]
    public void A_left_join_carries_a_value_from_the_preserved_to_the_nullable_side()
        => AssertReads(c => c.Blogs.Include(b => b.Posts).Where(b => b.Id == _id), "blogs[Id = @_id]", "posts[BlogId = @_id]");

    [Fact]
    public void A_left_join_carries_no_value_from_the_nullable_to_the_preserved_side()
        => AssertReads(
            c => c.Posts.LeftJoin(c.Blogs.Where(b => b.Id == 5), p => p.BlogId, b => b.Id, (p, b) => new { p, b }),
            "posts",
            "blogs[Id = 5]");

    [Fact]
    public void A_chain_of_left_joins_carries_a_value_through_what_may_be_missing()
        => AssertReads(
            c => c.Orders.Include(o => o.Customer!.Region).Where(o => o.TenantId == _id),
            "orders[TenantId = @_id]",
            "customers[TenantId = @_id]",
            "regions[TenantId = @_id]");

    [Fact]
    public void A_right_join_carries_a_value_from_its_preserved_right_side()
        => AssertReads(
            c => c.Posts.RightJoin(c.Blogs, p => p.BlogId, b => b.Id, (p, b) => new { p, b }).Where(x => x.b.Id == 5),
            "posts[BlogId = 5]",
            "blogs[Id = 5]");

    [Fact]
    public void A_predicate_of_a_right_join_counts_on_its_left_side_only()
        => AssertReads(
            c => c.Posts.RightJoin(
                c.Blogs, p => new { A = p.BlogId, B = p.Kind, C = 3 }, b => new { A = b.Id, B = 2, C = b.Kind }, (p, b) => new { p, b }),
            "posts[Kind = 2]",
            "blogs");

    [Fact]
    public void Null_on_the_left_side_of_a_right_join_does_not_count()
        => AssertReads(
            c => c.Posts.RightJoin(c.Blogs, p => p.BlogId, b => b.Id, (p, b) => new { p, b }).Where(x => x.p!.AuthorId == null),
            "posts",
            "blogs");

    [Fact]
    public void A_strict_predicate_on_the_left_side_makes_a_right_join_an_inner_one()
        => AssertReads(
            c => c.Posts.RightJoin(c.Blogs, p => p.BlogId, b => b.Id, (p, b) => new { p, b }).Where(x => x.p!.BlogId == 5),
            "posts[BlogId = 5]",
            "blogs[Id = 5]");

    [Fact]
    public void A_self_join_is_two_occurrences()
        => AssertReads(
            c => from child in c.Comments
                 join parent in c.Comments on child.ParentId equals parent.Id
                 where child.PostId == 3 && parent.PostId == 4
                 select new { child, parent },
            "comments[PostId = 3]",
            "comments[PostId = 4]");

    [Fact]
    public void Columns_of_different_types_carry_no_value()
        => AssertReads(
            c => from p in c.Posts
                 join s in c.Specimens on (decimal)p.Kind equals s.Amount
                 where p.Kind == 3
                 select new { p, s },
            "posts[Kind = 3]",
            "specimens");

    [Fact]
    public void Integers_of_different_widths_carry_values()
        => AssertReads(
            c => c.Comments.Include(x => x.Parent).Where(x => x.ParentId == _id), "comments[ParentId = @p]", "comments[Id = @p]");
}
