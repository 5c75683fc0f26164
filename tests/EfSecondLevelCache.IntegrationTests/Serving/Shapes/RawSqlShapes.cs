using Microsoft.EntityFrameworkCore;
using Npgsql;
using NpgsqlTypes;
using static EfSecondLevelCache.IntegrationTests.Serving.ServedQuery<EfSecondLevelCache.IntegrationTests.Serving.Shapes.ShapesContext>;

namespace EfSecondLevelCache.IntegrationTests.Serving.Shapes;

/// <summary>SQL that the application wrote.</summary>
internal static class RawSqlShapes
{
    public static IEnumerable<ServedQuery<ShapesContext>> All =>
    [
        Rows("FromSql", db => db.Posts.FromSql($"""SELECT *, xmin FROM posts""").IgnoreQueryFilters().OrderBy(p => p.Id)),
        Rows("FromSql with an argument", [1, 2, 1], (db, id) => db.Blogs.FromSql($"""SELECT * FROM blogs WHERE "Id" = {id}""")),
        Rows("FromSql with arguments", [1, 2],
            (db, id) => db.Blogs.FromSql($"""SELECT * FROM blogs WHERE "Id" = {id} OR "Name" = {"Blog 3"} ORDER BY "Id" """)),
        Rows("FromSql with a null argument", (int?[])[1, null],
            (db, rating) => db.Blogs.FromSql($"""SELECT * FROM blogs WHERE "Rating" IS NOT DISTINCT FROM {rating}""")),
        Rows("FromSql, composed", [1, 2], (db, id) => db.Blogs.FromSql($"""SELECT * FROM blogs WHERE "Id" <> {id}""").Where(b => b.IsActive)
            .OrderBy(b => b.Name)),
        Rows("FromSql, composed with an include", db => db.Blogs.FromSql($"SELECT * FROM blogs").Include(b => b.Posts).OrderBy(b => b.Id)),
        Rows("FromSql, composed and split", db => db.Blogs.FromSql($"SELECT * FROM blogs").Include(b => b.Posts).OrderBy(b => b.Id)
            .AsSplitQuery()),
        Value("FromSql, counted", db => db.Blogs.FromSql($"SELECT * FROM blogs"), q => q.Count(), q => q.CountAsync()),
        Rows("FromSql with a join inside", db => db.Blogs.FromSql(
            $"""SELECT b.* FROM blogs b WHERE EXISTS (SELECT 1 FROM posts p WHERE p."BlogId" = b."Id" AND p."Price" > {45m})""")
                .OrderBy(b => b.Id)),
        Rows("FromSql with a common table expression", db => db.Blogs.FromSql(
            $"""
             WITH best AS (SELECT "BlogId" FROM posts GROUP BY 1 ORDER BY max("Price") DESC LIMIT 2)
             SELECT b.* FROM blogs b JOIN best ON best."BlogId" = b."Id" ORDER BY b."Id"
             """)),
        Rows("FromSql, untracked", db => db.Blogs.FromSql($"SELECT * FROM blogs /* all */ -- of them").AsNoTracking()),
        Rows("FromSqlRaw with a named parameter", ["Blog 1", "Blog 2"],
            (db, name) => db.Blogs.FromSqlRaw("""SELECT * FROM blogs WHERE "Name" = @name""", new NpgsqlParameter("name", name))),
        Rows("FromSqlRaw with a typed parameter", (int[][])[[1, 2], [3]],
            (db, ids) => db.Blogs.FromSqlRaw("""SELECT * FROM blogs WHERE "Id" = ANY({0}) ORDER BY "Id" """,
                new NpgsqlParameter { Value = ids, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Integer })),
        Rows("FromSql over a view", db => db.BlogStatistics.FromSql($"""SELECT * FROM blog_statistics ORDER BY "BlogId" """)),
        Rows("SqlQuery of a number", db => db.Database.SqlQuery<int>($"""SELECT "Id" AS "Value" FROM blogs ORDER BY 1""")),
        Rows("SqlQuery of text with an argument", [1, 2],
            (db, id) => db.Database.SqlQuery<string>($"""SELECT "Name" AS "Value" FROM blogs WHERE "Id" = {id}""")),
        Rows("SqlQuery of a nullable number",
            db => db.Database.SqlQuery<int?>($"""SELECT "Rating" AS "Value" FROM blogs ORDER BY "Id" """)),
        Rows("SqlQuery, composed", [1, 3], (db, least) => db.Database.SqlQuery<int>($"""SELECT "Id" AS "Value" FROM blogs""")
            .Where(i => i > least).OrderBy(i => i)),
        Rows("SqlQuery of a date", db => db.Database.SqlQuery<DateTimeOffset>($"""SELECT "Created" AS "Value" FROM blogs ORDER BY 1""")),
        Rows("SqlQuery of a type", [1, 4], (db, least) => db.Database.SqlQuery<NameAndPosts>(
            $"""
             SELECT b."Name", count(p.*) AS "Posts", max(p."Price") AS "Dearest"
             FROM blogs b LEFT JOIN posts p ON p."BlogId" = b."Id"
             WHERE b."Id" >= {least} GROUP BY b."Name" ORDER BY 1
             """)),
        Rows("SqlQuery of a type, composed", db => db.Database.SqlQuery<NameAndPosts>(
            $"""SELECT b."Name", 1::bigint AS "Posts", NULL::numeric AS "Dearest" FROM blogs b""").Where(r => r.Name != "Blog 1")
                .OrderBy(r => r.Name)),
        Value("SqlQuery of one number", db => db.Database.SqlQuery<long>($"""SELECT count(*) AS "Value" FROM posts"""), q => q.Single(),
            q => q.SingleAsync()),
    ];

    private sealed class NameAndPosts
    {
        public required string Name { get; set; }
        public long Posts { get; set; }
        public decimal? Dearest { get; set; }
    }
}
