using EfSecondLevelCache.Planning.Predicates;
using Microsoft.EntityFrameworkCore;
using static EfSecondLevelCache.Tests.Planning.Predicates.AnalyzedQuery;

namespace EfSecondLevelCache.Tests.Planning.Predicates;

/// <summary>Joined tables whose rows are known by values in the result.</summary>
public class ResultKeyTests
{
    private static readonly int _id = 5;

    [Fact]
    public void An_included_reference()
    {
        AssertReads(c => c.Posts.Include(p => p.Author).Where(p => p.BlogId == _id), "posts[BlogId = 5]", "authors[Id in the result]");
        AssertReads(c => c.Posts.Include(p => p.Blog).Where(p => p.Kind == _id), "posts[Kind = 5]", "blogs[Id in the result]");
    }

    [Fact]
    public void References_of_references()
        => AssertReads(
            c => c.Posts.Include(p => p.Author!.Country).Where(p => p.BlogId == _id),
            "posts[BlogId = 5]", "authors[Id in the result]", "countries[Id in the result]");

    [Fact]
    public void An_included_collection()
        => AssertReads(c => c.Blogs.Include(b => b.Posts).Where(b => b.Kind == _id), "blogs[Kind = 5]", "posts[BlogId in the result]");

    [Fact]
    public void All_columns_of_a_composite_key()
        => AssertReads(
            c => c.Set<OrderLine>().Include(line => line.Order).Where(line => line.Number == _id),
            "order_lines[Number = 5]", "orders[Id, TenantId in the result]");

    [Fact]
    public void A_limit_of_the_rows_that_include_comes_before_the_join()
        => AssertReads(
            c => c.Posts.Include(p => p.Author).Where(p => p.BlogId == _id).OrderBy(p => p.Id).Take(3).Include(p => p.Comments),
            "posts[BlogId = 5]", "authors[Id in the result]", "comments[PostId in the result]");

    [Fact]
    public void A_limit_that_does_not_look_at_what_is_joined()
        => AssertReads(
            c => c.Posts.Where(p => p.BlogId == _id).Select(p => new { p, p.Author, p.Blog }).OrderBy(x => x.p.Id).Take(3),
            "posts[BlogId = 5]", "authors[Id in the result]", "blogs[Id = 5]");

    [Fact]
    public void Not_where_a_limit_chooses_among_the_joined_rows()
    {
        AssertReads(
            c => c.Posts.Include(p => p.Author).Where(p => p.BlogId == _id).OrderBy(p => p.Author!.Name).Take(3),
            "posts[BlogId = 5]", "authors");
        AssertReads(
            c => c.Posts.Include(p => p.Author!.Country).Where(p => p.BlogId == _id).OrderBy(p => p.Author!.Country!.Name).Take(3),
            "posts[BlogId = 5]", "authors", "countries");
    }

    [Fact]
    public void Not_where_the_joined_rows_decide_which_rows_there_are()
    {
        AssertReads(c => c.Posts.Include(p => p.Author).Where(p => p.BlogId == _id && p.Author!.Name != "x"), "posts[BlogId = 5]", "authors");
        AssertReads(
            c => c.Posts.Where(p => p.BlogId == _id).Join(c.Authors.Where(a => a.Name != "x"), p => p.AuthorId, a => a.Id, (p, a) => new { p, a }),
            "posts[BlogId = 5]", "authors");
    }

    [Fact]
    public void Not_where_what_was_found_through_the_joined_rows_decides_which_rows_there_are()
    {
        AssertReads(
            c => c.Posts.Include(p => p.Author).Where(p => p.BlogId == _id && p.Author!.Country!.Name != "x"),
            "posts[BlogId = 5]", "authors", "countries");
        AssertReads(
            c => from p in c.Posts.Where(p => p.BlogId == _id)
                 join a in c.Authors on p.AuthorId equals a.Id into authors
                 from a in authors.DefaultIfEmpty()
                 join country in c.Countries on a.CountryId equals country.Id
                 select new { p, a, country },
            "posts[BlogId = 5]", "authors", "countries");
    }

    // Where no foreign key sees to it that every author finds his country, all of them count as a whole.
    [Fact]
    public void An_inner_join_that_follows_has_to_find_its_row()
    {
        const string Countries = "countries[Name in the result]";
        var query = AnalyzedQuery.Of(
            c => from p in c.Posts
                 join a in c.Authors on p.AuthorId equals a.Id
                 join country in c.Countries on a.Name equals country.Name
                 where p.BlogId == _id
                 select new { p, a, country });

        Assert.Equal(["posts[BlogId = 5]", "authors[Id in the result]", Countries], query.Reads.Select(read => read.Describe()));
        Assert.Equal(
            "posts(AuthorId) -> authors(Id), authors(Name) -> countries(Name)",
            References(query.Reads.Single(read => read.Table.Name == "authors")));
    }

    [Fact]
    public void Required_references_one_behind_the_other()
    {
        var query = AnalyzedQuery.Of(c => c.Comments.Include(comment => comment.Post.Blog.Owner).Where(comment => comment.ParentId == _id));

        Assert.Equal(
            ["comments[ParentId = 5]", "posts[Id in the result]", "blogs[Id in the result]", "authors[Id in the result]"],
            query.Reads.Select(read => read.Describe()));
        Assert.Equal("comments(PostId) -> posts(Id), posts(BlogId) -> blogs(Id)", References(query.Reads[1]));
        Assert.Equal("posts(BlogId) -> blogs(Id)", References(query.Reads[2]));
        Assert.Equal("", References(query.Reads[3]));
    }

    [Fact]
    public void A_reference_behind_a_collection()
    {
        AssertReads(
            c => c.Blogs.Include(b => b.Posts).ThenInclude(p => p.Author).Where(b => b.Kind == _id),
            "blogs[Kind = 5]", "posts[BlogId in the result]", "authors[Id in the result]");
        AssertReads(
            c => c.Authors.Include(a => a.Posts).ThenInclude(p => p.Blog).Where(a => a.CountryId == _id),
            "authors[CountryId = 5]", "posts[AuthorId in the result]", "blogs[Id in the result]");
    }

    [Fact]
    public void Two_and_three_references_behind_a_collection()
    {
        AssertReads(
            c => c.Authors.Include(a => a.Posts).ThenInclude(p => p.Blog.Owner!.Country).Where(a => a.CountryId == _id),
            "authors[CountryId = 5]", "posts[AuthorId in the result]", "blogs[Id in the result]", "authors[Id in the result]",
            "countries[Id in the result]");
        AssertReads(
            c => c.Posts.Include(p => p.Comments).ThenInclude(comment => comment.Parent!.Parent).Where(p => p.Kind == _id),
            "posts[Kind = 5]", "comments[PostId in the result]", "comments[Id in the result]", "comments[Id in the result]");
    }

    [Fact]
    public void A_collection_behind_a_collection_and_its_reference()
        => AssertReads(
            c => c.Blogs.Include(b => b.Posts).ThenInclude(p => p.Comments).ThenInclude(comment => comment.Parent).Where(b => b.Kind == _id),
            "blogs[Kind = 5]", "posts[BlogId in the result]", "comments[PostId in the result]", "comments[Id in the result]");

    [Fact]
    public void A_reference_behind_a_filtered_collection()
        => AssertReads(
            c => c.Blogs.Include(b => b.Posts.Where(p => p.Likes > 3).OrderBy(p => p.Title).Take(3)).ThenInclude(p => p.Author)
                .Where(b => b.Kind == _id),
            "blogs[Kind = 5]", "posts[BlogId in the result]", "authors[Id in the result]");

    [Fact]
    public void Not_where_the_reference_filters_or_sorts_the_collection()
    {
        AssertReads(
            c => c.Blogs.Include(b => b.Posts.Where(p => p.Author!.Name != "x")).ThenInclude(p => p.Author).Where(b => b.Kind == _id),
            "blogs[Kind = 5]", "posts[BlogId in the result]", "authors");
        AssertReads(
            c => c.Blogs.Include(b => b.Posts.OrderBy(p => p.Author!.Name).Take(3)).ThenInclude(p => p.Author).Where(b => b.Kind == _id),
            "blogs[Kind = 5]", "posts[BlogId in the result]", "authors");
    }

    [Fact]
    public void A_reference_behind_a_collection_of_a_page()
        => AssertReads(
            c => c.Blogs.Where(b => b.Kind == _id).OrderBy(b => b.Name).Skip(1).Take(3).Include(b => b.Posts).ThenInclude(p => p.Author),
            "blogs[Kind = 5]", "posts[BlogId in the result]", "authors[Id in the result]");

    [Fact]
    public void A_reference_behind_a_collection_in_a_query_of_its_own()
        => AssertReads(
            c => c.Blogs.AsSplitQuery().Where(b => b.Kind == _id).SelectMany(b => b.Posts).Include(p => p.Author),
            "blogs[Kind = 5]", "posts[BlogId in the result]", "authors[Id in the result]");

    [Fact]
    public void The_other_side_of_a_table_between()
        => AssertReads(
            c => c.Posts.Include(p => p.Tags).Where(p => p.Kind == _id),
            "posts[Kind = 5]", "post_tags[PostsId in the result]", "tags[Id in the result]");

    [Fact]
    public void A_projection_behind_a_collection_shows_the_key_that_it_found()
        => AssertReads(
            c => c.Authors.Where(a => a.CountryId == _id)
                .Select(a => new { a.Id, Posts = a.Posts.Select(p => new { p.Title, p.Blog.Name }).ToList() }),
            "authors[CountryId = 5]", "posts[AuthorId in the result]", "blogs[Id in the result]");

    [Fact]
    public void Not_where_what_refers_is_not_in_the_result_and_may_be_missing()
        => AssertReads(
            c => c.Blogs.Where(b => b.Kind == _id).Select(b => new { b.Id, Names = b.Posts.Select(p => p.Author!.Country!.Name).ToList() }),
            "blogs[Kind = 5]", "posts[BlogId in the result]", "authors[Id in the result]", "countries");

    [Fact]
    public void A_value_of_each_row_in_the_result()
    {
        AssertReads(
            c => c.Blogs.Where(b => b.Kind == _id).Select(b => new { b.Id, Posts = b.Posts.Count() }),
            "blogs[Kind = 5]", "posts[BlogId in the result]");
        AssertReads(
            c => c.Blogs.Where(b => b.Kind == _id && b.Posts.Count() > 2).Select(b => new { b.Id, Posts = b.Posts.Count() }),
            "blogs[Kind = 5]", "posts", "posts[BlogId in the result]");
        AssertReads(c => c.Blogs.Where(b => b.Kind == _id).Select(b => new { b.Name, Posts = b.Posts.Count() }), "blogs[Kind = 5]", "posts");
    }

    [Fact]
    public void A_hierarchy_of_tables()
        => AssertReads(
            c => c.Authors.Where(a => a.CountryId == _id).LeftJoin(c.Vehicles, a => a.Id, v => v.OwnerId, (a, v) => new { a, v }),
            "authors[CountryId = 5]", "vehicles[OwnerId in the result]", "cars[Id in the result]", "trucks[Id in the result]");

    [Fact]
    public void Not_where_the_column_is_not_in_the_result()
        => AssertReads(c => c.Posts.Where(p => p.BlogId == _id).Select(p => p.Author!.Name), "posts[BlogId = 5]", "authors");

    [Fact]
    public void Rows_of_which_equal_ones_are_shown_once()
        => AssertReads(
            c => c.Posts.Where(p => p.BlogId == _id).Select(p => new { p.AuthorId, p.Author!.Name }).Distinct(),
            "posts[BlogId = 5]", "authors[Id in the result]");

    [Fact]
    public void Not_where_rows_are_grouped()
        => AssertReads(
            c => c.Posts.Where(p => p.BlogId == _id).GroupBy(p => p.Author!.Id).Select(g => new { g.Key, Count = g.Count() }),
            "posts[BlogId = 5]", "authors");

    private static string References(TableRead read)
        => string.Join(", ", read.FromResult!.Enforced.Select(reference
            => $"{reference.Table}({reference.Columns}) -> {reference.Principal}({reference.PrincipalColumns})"));
}
