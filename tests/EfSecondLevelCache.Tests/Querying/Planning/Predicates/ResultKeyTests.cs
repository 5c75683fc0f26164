using Microsoft.EntityFrameworkCore;
using static EfSecondLevelCache.Tests.Querying.Planning.Predicates.AnalyzedQuery;

namespace EfSecondLevelCache.Tests.Querying.Planning.Predicates;

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
    public void Not_where_a_limit_chooses_among_the_joined_rows()
        => AssertReads(
            c => c.Posts.Include(p => p.Author).Where(p => p.BlogId == _id).OrderBy(p => p.Author!.Name).Take(3),
            "posts[BlogId = 5]", "authors");

    [Fact]
    public void Not_where_the_joined_rows_decide_which_rows_there_are()
    {
        AssertReads(c => c.Posts.Include(p => p.Author).Where(p => p.BlogId == _id && p.Author!.Name != "x"), "posts[BlogId = 5]", "authors");
        AssertReads(
            c => c.Posts.Where(p => p.BlogId == _id).Join(c.Authors.Where(a => a.Name != "x"), p => p.AuthorId, a => a.Id, (p, a) => new { p, a }),
            "posts[BlogId = 5]", "authors");
        AssertReads(
            c => from p in c.Posts
                 join a in c.Authors on p.AuthorId equals a.Id
                 join country in c.Set<Country>() on a.Name equals country.Name
                 where p.BlogId == _id
                 select new { p, a, country },
            // Unless a foreign key sees to it that every author finds his country, the countries count as a whole too.
            "posts[BlogId = 5]", "authors", "countries[Name in the result]");
    }

    [Fact]
    public void Not_where_the_column_is_not_in_the_result()
        => AssertReads(c => c.Posts.Where(p => p.BlogId == _id).Select(p => p.Author!.Name), "posts[BlogId = 5]", "authors");

    [Fact]
    public void Not_where_rows_are_grouped_or_distinct()
    {
        AssertReads(
            c => c.Posts.Where(p => p.BlogId == _id).GroupBy(p => p.Author!.Id).Select(g => new { g.Key, Count = g.Count() }),
            "posts[BlogId = 5]", "authors");
        AssertReads(
            c => c.Posts.Where(p => p.BlogId == _id).Select(p => new { p.AuthorId, p.Author!.Name }).Distinct(), "posts[BlogId = 5]", "authors");
    }
}
