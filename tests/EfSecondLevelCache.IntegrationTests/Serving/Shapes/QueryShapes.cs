using System.Text.RegularExpressions;
using Microsoft.EntityFrameworkCore;
using static EfSecondLevelCache.IntegrationTests.Serving.ServedQuery<EfSecondLevelCache.IntegrationTests.Serving.Shapes.ShapesContext>;

namespace EfSecondLevelCache.IntegrationTests.Serving.Shapes;

/// <summary>The operators of LINQ: ends, projections, grouping, joins, sets, subqueries, paging, lists of values.</summary>
internal static class QueryShapes
{
    public static IEnumerable<ServedQuery<ShapesContext>> All =>
    [
        // Ends
        Value("First", db => db.Posts.OrderBy(p => p.Id), q => q.First(), q => q.FirstAsync()),
        Value("FirstOrDefault, no row", db => db.Posts.Where(p => p.Id < 0), q => q.FirstOrDefault(), q => q.FirstOrDefaultAsync()),
        Value("FirstOrDefault of a value, no row", db => db.Posts.Where(p => p.Id < 0).Select(p => p.Price), q => q.FirstOrDefault(),
            q => q.FirstOrDefaultAsync()),
        Value("Single", db => db.Posts, q => q.Single(p => p.Id == 7), q => q.SingleAsync(p => p.Id == 7)),
        Value("SingleOrDefault", db => db.Posts, q => q.SingleOrDefault(p => p.Id == 700), q => q.SingleOrDefaultAsync(p => p.Id == 700)),
        Value("Last", db => db.Posts.OrderBy(p => p.Title), q => q.Last(), q => q.LastAsync()),
        Value("ElementAt", db => db.Posts.OrderBy(p => p.Id), q => q.ElementAt(4), q => q.ElementAtAsync(4)),
        Value("Count", db => db.Posts, q => q.Count(), q => q.CountAsync()),
        Value("Count with a predicate", db => db.Posts, q => q.Count(p => p.Price > 7), q => q.CountAsync(p => p.Price > 7)),
        Value("LongCount", db => db.Posts.IgnoreQueryFilters(), q => q.LongCount(), q => q.LongCountAsync()),
        Value("Any", db => db.Posts, q => q.Any(p => p.BlogId == 4), q => q.AnyAsync(p => p.BlogId == 4)),
        Value("Any, none", db => db.Posts, q => q.Any(p => p.BlogId == 400), q => q.AnyAsync(p => p.BlogId == 400)),
        Value("All", db => db.Posts, q => q.All(p => p.Price > 0), q => q.AllAsync(p => p.Price > 0)),
        Value("Contains as an end", db => db.Posts.Select(p => p.Id), q => q.Contains(5), q => q.ContainsAsync(5)),
        Value("Sum", db => db.Posts, q => q.Sum(p => p.Price), q => q.SumAsync(p => p.Price)),
        Value("Sum of no rows", db => db.Posts.Where(p => p.Id < 0), q => q.Sum(p => p.Price), q => q.SumAsync(p => p.Price)),
        Value("Sum of nullable numbers", db => db.Blogs, q => q.Sum(b => b.Rating), q => q.SumAsync(b => b.Rating)),
        Value("Average", db => db.Posts, q => q.Average(p => p.Score), q => q.AverageAsync(p => p.Score)),
        Value("Average of no rows", db => db.Posts.Where(p => p.Id < 0), q => q.Average(p => (double?)p.Score),
            q => q.AverageAsync(p => (double?)p.Score)),
        Value("Min", db => db.Posts, q => q.Min(p => p.PublishedOn), q => q.MinAsync(p => p.PublishedOn)),
        Value("Max", db => db.Blogs, q => q.Max(b => b.Created), q => q.MaxAsync(b => b.Created)),

        // Projections
        Rows("projection to an anonymous type", db => db.Posts.Select(p => new { p.Id, p.Title, Length = (int?)p.Body!.Length })),
        Rows("projection to a scalar", db => db.Posts.OrderBy(p => p.Id).Select(p => p.PublishedOn)),
        Rows("projection of an entity and more", db => db.Posts.Select(p => new { p, p.Blog, Comments = p.Comments.Count })),
        Rows("projection of a collection", db => db.Blogs.OrderBy(b => b.Id)
            .Select(b => new { b.Name, Prices = b.Posts.Select(p => p.Price).ToList() })),
        Rows("projection with client code", db => db.Posts.OrderBy(p => p.Id).Select(p => Decorate(p.Title))),
        Rows("projection of a constant", db => db.Blogs.Select(_ => 1)),
        Rows("conditional projection", db => db.Blogs.OrderBy(b => b.Id)
            .Select(b => b.Rating == null ? "none" : b.Rating > 2 ? "good" : "poor")),
        Rows("null coalescing", db => db.Blogs.OrderBy(b => b.Id).Select(b => b.Tagline ?? b.Name)),
        Rows("navigation in a projection", db => db.Posts.OrderBy(p => p.Id)
            .Select(p => new { p.Title, Blog = p.Blog.Name, p.Author!.Name.Last })),
        Rows("Distinct", db => db.Posts.Select(p => p.Score > 2).Distinct()),
        Rows("DistinctBy through grouping", db => db.Posts.GroupBy(p => p.BlogId).Select(g => g.OrderBy(p => p.Id).First())),
        Rows("boolean column as a predicate", db => db.Blogs.Where(b => b.IsActive).OrderBy(b => b.Id)),
        Rows("negated boolean column", db => db.Blogs.Where(b => !b.IsActive)),

        // Grouping
        Rows("GroupBy with aggregates", db => db.Posts.GroupBy(p => p.BlogId).OrderBy(g => g.Key)
            .Select(g => new { g.Key, Count = g.Count(), Sum = g.Sum(p => p.Price), Max = g.Max(p => p.PublishedOn) })),
        Rows("GroupBy with HAVING", db => db.Posts.GroupBy(p => p.AuthorId).Where(g => g.Count() > 3)
            .Select(g => new { g.Key, Count = g.Count() })
            .OrderBy(g => g.Key)),
        Rows("GroupBy with a composite key", db => db.Posts.GroupBy(p => new { p.BlogId, p.AuthorId })
            .Select(g => new { g.Key.BlogId, g.Key.AuthorId, Count = g.Count() }).OrderBy(g => g.BlogId).ThenBy(g => g.AuthorId)),
        Rows("GroupBy into groups", db => db.Posts.OrderBy(p => p.Id).GroupBy(p => p.BlogId)),
        Rows("GroupBy with string_agg", db => db.Posts.GroupBy(p => p.BlogId).OrderBy(g => g.Key)
            .Select(g => new { g.Key, Titles = string.Join(", ", g.OrderBy(p => p.Id).Select(p => p.Title)) })),
        Rows("GroupBy with array_agg", db => db.Posts.GroupBy(p => p.BlogId).OrderBy(g => g.Key)
            .Select(g => new { g.Key, Ids = EF.Functions.ArrayAgg(g.OrderBy(p => p.Id).Select(p => p.Id)) })),
        Rows("GroupBy with statistics", db => db.Posts.GroupBy(p => p.BlogId).OrderBy(g => g.Key)
            .Select(g => new { g.Key, Deviation = EF.Functions.StandardDeviationPopulation(g.Select(p => p.Score)) })),
        Rows("CountBy through grouping", db => db.Blogs.GroupBy(b => b.Mood).Select(g => new { g.Key, Count = g.Count() })
            .OrderBy(g => g.Key)),

        // Joins
        Rows("Join", db => db.Posts.Join(db.Blogs, p => p.BlogId, b => b.Id, (p, b) => new { p.Title, b.Name }).OrderBy(r => r.Title)),
        Rows("LeftJoin", db => db.Posts.LeftJoin(db.Authors, p => p.AuthorId, a => a.Id, (p, a) => new { p.Title, Author = a!.Name.First })
            .OrderBy(r => r.Title)),
        Rows("RightJoin", db => db.Posts.RightJoin(db.Blogs, p => p.BlogId, b => b.Id, (p, b) => new { Title = p!.Title, b.Id })
            .OrderBy(r => r.Id).ThenBy(r => r.Title)),
        Rows("GroupJoin", db => from b in db.Blogs
            join p in db.Posts on b.Id equals p.BlogId into posts
            from p in posts.DefaultIfEmpty()
            orderby b.Id, p.Id
            select new { b.Name, p!.Title }),
        Rows("SelectMany", db => db.Blogs.SelectMany(b => b.Posts.Where(p => p.Price > b.Id), (b, p) => new { b.Id, p.Title })
            .OrderBy(r => r.Title)),
        Rows("cross join", db => from b in db.Blogs from t in db.Tags orderby b.Id, t.Name select new { b.Id, t.Name }),
        Rows("lateral join", db => db.Blogs.OrderBy(b => b.Id)
            .Select(b => new { b.Id, Best = b.Posts.OrderByDescending(p => p.Price).FirstOrDefault() })),
        Rows("join on two columns",
            db => db.Translations.Join(db.Translations, a => new { a.PostId, a.Culture }, b => new { b.PostId, b.Culture },
            (a, b) => new { a.Title, Other = b.Title }).OrderBy(r => r.Title)),

        // Sets
        Rows("Concat", db => db.Posts.Where(p => p.Id < 4).Select(p => p.Title).Concat(db.Blogs.Select(b => b.Name)).OrderBy(n => n)),
        Rows("Union", db => db.Posts.Where(p => p.Id < 4).Union(db.Posts.Where(p => p.Id < 6))),
        Rows("Intersect", db => db.Posts.Select(p => p.BlogId).Intersect(db.Blogs.Where(b => b.IsActive).Select(b => b.Id))
            .OrderBy(i => i)),
        Rows("Except", db => db.Blogs.Select(b => b.Id).Except(db.Posts.Select(p => p.BlogId))),

        // Subqueries
        Rows("Any in a predicate", db => db.Blogs.Where(b => b.Posts.Any(p => p.Price > 45)).OrderBy(b => b.Id)),
        Rows("All in a predicate", db => db.Blogs.Where(b => b.Posts.All(p => p.Score < 5)).OrderBy(b => b.Id)),
        Rows("Contains of a subquery", db => db.Posts.Where(p => db.Blogs.Where(b => b.IsActive).Select(b => b.Id).Contains(p.BlogId))
            .OrderBy(p => p.Id)),
        Rows("scalar subquery", db => db.Blogs.OrderBy(b => b.Id).Select(b => new { b.Id, Max = b.Posts.Max(p => (decimal?)p.Price) })),
        Rows("correlated count", db => db.Blogs.OrderBy(b => b.Posts.Count).ThenBy(b => b.Id).Select(b => b.Id)),
        Rows("comparison with an aggregate", db => db.Posts.Where(p => p.Price > db.Posts.Average(x => x.Price)).OrderBy(p => p.Id)),
        Rows("not exists", db => db.Blogs.Where(b => !db.Posts.Any(p => p.BlogId == b.Id))),

        // Paging
        Rows("page by parameters", [0, 5, 10, 5], (db, skip) => db.Posts.OrderBy(p => p.Id).Skip(skip).Take(5)),
        Rows("page by constants", db => db.Posts.OrderByDescending(p => p.Price).Skip(3).Take(3)),
        Rows("page beyond the end", db => db.Posts.OrderBy(p => p.Id).Skip(1000).Take(5)),
        Rows("keyset page", db => db.Posts.Where(p => p.Id > 10).OrderBy(p => p.Id).Take(5)),
        Rows("page of a page", db => db.Posts.OrderBy(p => p.Id).Take(20).OrderByDescending(p => p.Id).Skip(2).Take(3)),
        Rows("empty result", db => db.Posts.Where(p => p.Title == "nothing like it")),
        Rows("large result",
            db => db.Posts.SelectMany(p => db.Posts.IgnoreQueryFilters(), (a, b) => new { a.Id, b.Title, b.Price, b.Body })),

        // Lists of values
        Rows("ids.Contains", (int[][])[[1, 2, 3], [3, 2, 1], [], [7]], (db, ids) => db.Posts.Where(p => ids.Contains(p.Id))
            .OrderBy(p => p.Id)),
        Rows("list.Contains", (List<string>[])[["Post 01", "Post 02"], ["Post 01"]],
            (db, titles) => db.Posts.Where(p => titles.Contains(p.Title))),
        Rows("nullable list.Contains", (int?[][])[[1, null], [1], [null]], (db, ids) => db.Posts.Where(p => ids.Contains(p.AuthorId))
            .OrderBy(p => p.Id)),
        Rows("not Contains", (int[][])[[1, 2, 3], []], (db, ids) => db.Posts.Where(p => !ids.Contains(p.Id)).OrderBy(p => p.Id)),
        Rows("inline list", db => db.Posts.Where(p => new[] { 1, 2, 5 }.Contains(p.Id)).OrderBy(p => p.Id)),
        Rows("list as constants", (int[][])[[1, 2], [3]], (db, ids) => db.Posts.Where(p => EF.Constant(ids).Contains(p.Id))
            .OrderBy(p => p.Id)),
        Rows("list as several parameters", (int[][])[[1, 2], [1, 3], [1, 2, 3]],
            (db, ids) => db.Posts.Where(p => EF.MultipleParameters(ids).Contains(p.Id)).OrderBy(p => p.Id)),
        Rows("query over a list of values", (int[][])[[4, 8], [15]],
            (db, ids) => db.Blogs.OrderBy(b => b.Id).Select(b => new { b.Id, Above = ids.Count(i => i > b.Id) })),
        Rows("join with a list of values", (int[][])[[4, 8], [15]],
            (db, ids) => db.Posts.Join(ids, p => p.Id, i => i, (p, i) => new { p.Title, i })
            .OrderBy(r => r.i)),

        // Parameters
        Rows("parameter", [1, 2, 3, 1], (db, id) => db.Posts.Where(p => p.BlogId == id).OrderBy(p => p.Id)),
        Rows("nullable number", (int?[])[1, null, 2], (db, rating) => db.Blogs.Where(b => b.Rating == rating)),
        Rows("nullable text, empty is not null", (string?[])["", null, "About 1 – ünïcödé"],
            (db, text) => db.Blogs.Where(b => b.Tagline == text).OrderBy(b => b.Id)),
        Rows("nullable number, not equal", (int?[])[1, null], (db, rating) => db.Blogs.Where(b => b.Rating != rating).OrderBy(b => b.Id)),
        Rows("two parameters, swapped", ((int, int)[])[(1, 2), (2, 1)],
            (db, pair) => db.Posts.Where(p => p.BlogId == pair.Item1 && p.AuthorId == pair.Item2).OrderBy(p => p.Id)),
        Rows("parameter as a constant", [1, 2], (db, id) => db.Posts.Where(p => p.BlogId == EF.Constant(id)).OrderBy(p => p.Id)),
        Rows("constant as a parameter", db => db.Posts.Where(p => p.BlogId == EF.Parameter(2)).OrderBy(p => p.Id)),
        Rows("text that needs escaping", ["it's", "50%_\\", "\"quoted\"", "zero\u200bwidth"],
            (db, text) => db.Blogs.Where(b => b.Name != text).OrderBy(b => b.Id).Select(b => new { b.Id, Echo = text + b.Name })),
        Rows("entity equality", [1, 2], (db, id) => db.Posts.Where(p => p.Blog == new Blog { Id = id, Name = "" }).OrderBy(p => p.Id)),

        // Functions that do not move
        Rows("StartsWith", ["Post 0", "Post 1"], (db, start) => db.Posts.Where(p => p.Title.StartsWith(start)).OrderBy(p => p.Id)),
        Rows("Like", db => db.Posts.Where(p => EF.Functions.Like(p.Title, "%1_")).OrderBy(p => p.Id)),
        Rows("ILike", db => db.Blogs.Where(b => EF.Functions.ILike(b.Name, "BLOG%")).OrderBy(b => b.Id)),
        Rows("regular expression", db => db.Posts.Where(p => Regex.IsMatch(p.Title, "^Post [12]")).OrderBy(p => p.Id)),
        Rows("text functions", db => db.Blogs.OrderBy(b => b.Id)
            .Select(b => b.Name.ToUpper() + b.Name.Substring(1, 2).Trim() + b.Name.Replace("B", "b"))),
        Rows("number functions", db => db.Posts.OrderBy(p => p.Id)
            .Select(p => Math.Round(p.Price) + Math.Abs(p.Price) + Math.Floor(p.Price))),
        Rows("date parts", db => db.Blogs.OrderBy(b => b.Id)
            .Select(b => new { b.Created.Year, b.Created.Month, b.Created.Hour, b.Created.Date })),
        Rows("date arithmetic", db => db.Posts.Where(p => p.PublishedOn!.Value.AddDays(30) > new DateOnly(2019, 1, 1)).OrderBy(p => p.Id)),
        Rows("collation", db => db.Blogs.OrderBy(b => EF.Functions.Collate(b.Name, "C")).Select(b => b.Name)),
        Rows("full text", db => db.Posts.Where(p => EF.Functions.ToTsVector("english", p.Title + " " + p.Body).Matches("text & 7"))
            .OrderBy(p => p.Id)),
    ];

    private static string Decorate(string title) => $"<{title}>";
}
