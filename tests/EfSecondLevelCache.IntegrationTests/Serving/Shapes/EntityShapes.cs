using Microsoft.EntityFrameworkCore;
using static EfSecondLevelCache.IntegrationTests.Serving.ServedQuery<EfSecondLevelCache.IntegrationTests.Serving.Shapes.ShapesContext>;

namespace EfSecondLevelCache.IntegrationTests.Serving.Shapes;

/// <summary>How entities are loaded: tracking, includes, split and compiled queries, keys, streams.</summary>
internal static class EntityShapes
{
    private static readonly CompiledShape<Func<ShapesContext, int, Post?>> CompiledOne = new(
        () => EF.CompileQuery((ShapesContext db, int id) => db.Posts.FirstOrDefault(p => p.Id == id)),
        () => EF.CompileQuery((ShapesContext db, int id) => db.Posts.Cacheable().FirstOrDefault(p => p.Id == id)),
        () => EF.CompileQuery((ShapesContext db, int id) => db.Posts.NotCacheable().FirstOrDefault(p => p.Id == id)));

    private static readonly CompiledShape<Func<ShapesContext, int, Task<Post?>>> CompiledOneAsync = new(
        () => EF.CompileAsyncQuery((ShapesContext db, int id) => db.Posts.FirstOrDefault(p => p.Id == id)),
        () => EF.CompileAsyncQuery((ShapesContext db, int id) => db.Posts.Cacheable().FirstOrDefault(p => p.Id == id)),
        () => EF.CompileAsyncQuery((ShapesContext db, int id) => db.Posts.NotCacheable().FirstOrDefault(p => p.Id == id)));

    private static readonly CompiledShape<Func<ShapesContext, int, string, IEnumerable<Post>>> CompiledMany = new(
        () => EF.CompileQuery((ShapesContext db, int blog, string title)
            => db.Posts.Include(p => p.Tags).Where(p => p.BlogId == blog && p.Title != title)),
        () => EF.CompileQuery((ShapesContext db, int blog, string title)
            => db.Posts.Include(p => p.Tags).Where(p => p.BlogId == blog && p.Title != title).Cacheable(TimeSpan.FromMinutes(1))),
        () => EF.CompileQuery((ShapesContext db, int blog, string title)
            => db.Posts.Include(p => p.Tags).Where(p => p.BlogId == blog && p.Title != title).NotCacheable()));

    private static readonly CompiledShape<Func<ShapesContext, int, string, IAsyncEnumerable<Post>>> CompiledManyAsync = new(
        () => EF.CompileAsyncQuery((ShapesContext db, int blog, string title)
            => db.Posts.Include(p => p.Tags).Where(p => p.BlogId == blog && p.Title != title)),
        () => EF.CompileAsyncQuery((ShapesContext db, int blog, string title)
            => db.Posts.Include(p => p.Tags).Where(p => p.BlogId == blog && p.Title != title).Cacheable(TimeSpan.FromMinutes(1))),
        () => EF.CompileAsyncQuery((ShapesContext db, int blog, string title)
            => db.Posts.Include(p => p.Tags).Where(p => p.BlogId == blog && p.Title != title).NotCacheable()));

    public static IEnumerable<ServedQuery<ShapesContext>> All =>
    [
        // Tracking
        Rows("tracked", db => db.Posts.Where(p => p.BlogId == 1)),
        Rows("untracked", db => db.Posts.AsNoTracking().Where(p => p.BlogId == 1)),
        Rows("untracked with identity resolution", db => db.Posts.AsNoTrackingWithIdentityResolution().Include(p => p.Author)),
        Rows("untracked without identity resolution", db => db.Posts.AsNoTracking().Include(p => p.Author)),
        Rows("tracked explicitly", db => db.Posts.AsTracking().OrderByDescending(p => p.Id)),
        Rows("shadow property", db => db.Posts.Where(p => EF.Property<string>(p, "Editor") == "nobody").OrderBy(p => p.Id)),
        Free(
            "tracked entity that is already in the context",
            (db, m) => (db.Posts.Marked(m).First(p => p.Id == 3), db.Posts.Marked(m).Where(p => p.Id < 5).ToList()),
            async (db, m)
                => (await db.Posts.Marked(m).FirstAsync(p => p.Id == 3), await db.Posts.Marked(m).Where(p => p.Id < 5).ToListAsync())),
        Rows("marked in the middle of the chain", db => db.Posts.Where(p => p.Id > 3).TagWith("above").OrderBy(p => p.Title).Take(5)),

        // Include
        Rows("include of a reference", db => db.Posts.Include(p => p.Blog).Include(p => p.Author)),
        Rows("include of a collection", db => db.Blogs.Include(b => b.Posts)),
        Rows("include and then include", db => db.Blogs.Include(b => b.Posts).ThenInclude(p => p.Comments).ThenInclude(c => c.Replies)),
        Rows("include of several collections", db => db.Posts.Include(p => p.Comments).Include(p => p.Tags)),
        Rows("filtered include", db => db.Blogs.Include(b => b.Posts.Where(p => p.Price > 10).OrderByDescending(p => p.Price).Take(2))),
        Rows("filtered include with a parameter", [5m, 20m, 5m], (db, price) => db.Blogs.Include(b => b.Posts.Where(p => p.Price > price))),
        Rows("include by name", db => db.Blogs.Include("Posts.Tags")),
        Rows("include of a self-reference", db => db.Comments.Include(c => c.Parent).Where(c => c.ParentId != null)),
        Rows("include untracked with cycles", db => db.Posts.AsNoTrackingWithIdentityResolution().Include(p => p.Tags)
            .ThenInclude(t => t.Posts)),
        Rows("include with paging", db => db.Blogs.OrderBy(b => b.Id).Skip(1).Take(2).Include(b => b.Posts)),
        Rows("no automatic includes", db => db.Authors.IgnoreAutoIncludes()),

        // Split queries
        Rows("split query", db => db.Blogs.Include(b => b.Posts).AsSplitQuery()),
        Rows(
            "split query, three levels",
            db => db.Blogs.Include(b => b.Posts).ThenInclude(p => p.Comments).Include(b => b.Posts).ThenInclude(p => p.Tags)
                .AsSplitQuery()),
        Rows("split query, paged", db => db.Blogs.OrderBy(b => b.Id).Take(3).Include(b => b.Posts).AsSplitQuery()),
        Rows("split query, untracked", db => db.Blogs.AsNoTracking().Include(b => b.Posts).ThenInclude(p => p.Author).AsSplitQuery()),
        Rows("split query without rows", db => db.Blogs.Where(b => b.Id < 0).Include(b => b.Posts).AsSplitQuery()),
        Rows(
            "split projection",
            db => db.Blogs.OrderBy(b => b.Id).AsSplitQuery().Select(b => new { b.Name, Titles = b.Posts.Select(p => p.Title).ToList() })),
        Rows("single query explicitly", db => db.Blogs.Include(b => b.Posts).AsSingleQuery()),

        // Compiled queries
        Free("compiled", (db, m) => CompiledOne[db, m](db, 3), async (db, m) => await CompiledOneAsync[db, m](db, 3)),
        Free("compiled, no row", (db, m) => CompiledOne[db, m](db, -3), async (db, m) => await CompiledOneAsync[db, m](db, -3)),
        Free(
            "compiled, several executions",
            (db, m) => (CompiledOne[db, m](db, 1), CompiledOne[db, m](db, 2)),
            async (db, m) => (await CompiledOneAsync[db, m](db, 1), await CompiledOneAsync[db, m](db, 2))),
        Free(
            "compiled rows",
            (db, m) => CompiledMany[db, m](db, 2, "Post 06").ToList(),
            async (db, m) => await CompiledManyAsync[db, m](db, 2, "Post 06").ToListAsync()),

        // Keys; the table of these is cached by a rule
        Free("Find", (db, _) => db.Shelves.Find(1), async (db, _) => await db.Shelves.FindAsync(1)) with { CanBeMarked = false },
        Free("Find, no row", (db, _) => db.Shelves.Find(99), async (db, _) => await db.Shelves.FindAsync(99)) with { CanBeMarked = false },
        Free(
            "Find, composite key",
            (db, _) => db.Translations.Find(1, "de"),
            async (db, _) => await db.Translations.FindAsync([1, "de"])) with { CanBeMarked = false },
        Free(
            "explicit load of a collection",
            (db, m) =>
            {
                var blog = db.Blogs.Marked(m).Single(b => b.Id == 1);
                db.Entry(blog).Collection(b => b.Posts).Query().Marked(m).Load();
                return blog;
            },
            async (db, m) =>
            {
                var blog = await db.Blogs.Marked(m).SingleAsync(b => b.Id == 1);
                await db.Entry(blog).Collection(b => b.Posts).Query().Marked(m).LoadAsync();
                return blog;
            }),
        Free(
            "explicit load by a rule",
            (db, m) =>
            {
                var book = db.Books.Marked(m).Single(b => b.Id == 1);
                db.Entry(book).Reference(b => b.Shelf).Load();
                return book;
            },
            async (db, m) =>
            {
                var book = await db.Books.Marked(m).SingleAsync(b => b.Id == 1);
                await db.Entry(book).Reference(b => b.Shelf).LoadAsync();
                return book;
            }) with { CanBeMarked = false },
        Free(
            "lazy load by a rule",
            (db, m) => db.Shelves.Marked(m).OrderBy(s => s.Id).ToList().ConvertAll(s => s.Books.Count),
            async (db, m) => (await db.Shelves.Marked(m).OrderBy(s => s.Id).ToListAsync())
                .ConvertAll(s => s.Books.Count)) with { CanBeMarked = false },
        Free(
            "Load into the context",
            (db, m) =>
            {
                db.Posts.Where(p => p.BlogId == 3).Marked(m).Load();
                return db.Posts.Local.ToList();
            },
            async (db, m) =>
            {
                await db.Posts.Where(p => p.BlogId == 3).Marked(m).LoadAsync();
                return db.Posts.Local.ToList();
            }),

        // Streams
        Free(
            "streamed",
            (db, m) => Streamed(db.Posts.Marked(m), int.MaxValue),
            async (db, m) => await StreamedAsync(db.Posts.Marked(m), int.MaxValue)),
        Free(
            "streamed, left in the middle, then whole",
            (db, m) => (Streamed(db.Posts.OrderBy(p => p.Id).Marked(m), 3), Streamed(db.Posts.OrderBy(p => p.Id).Marked(m), int.MaxValue)),
            async (db, m) => (await StreamedAsync(db.Posts.OrderBy(p => p.Id).Marked(m), 3),
                await StreamedAsync(db.Posts.OrderBy(p => p.Id).Marked(m), int.MaxValue))),
        Free(
            "streamed include, left in the middle, then whole",
            (db, m) => (Streamed(db.Blogs.Include(b => b.Posts).Marked(m), 2),
                Streamed(db.Blogs.Include(b => b.Posts).Marked(m), int.MaxValue)),
            async (db, m) => (await StreamedAsync(db.Blogs.Include(b => b.Posts).Marked(m), 2),
                await StreamedAsync(db.Blogs.Include(b => b.Posts).Marked(m), int.MaxValue))),
        Free(
            "streamed split query",
            (db, m) => Streamed(db.Blogs.Include(b => b.Posts).AsSplitQuery().Marked(m), int.MaxValue),
            async (db, m) => await StreamedAsync(db.Blogs.Include(b => b.Posts).AsSplitQuery().Marked(m), int.MaxValue)),
        Free(
            "into an array, a dictionary, a set",
            (db, m) => (db.Tags.OrderBy(t => t.Name).Marked(m).ToArray(), db.Tags.OrderBy(t => t.Name).Marked(m).ToDictionary(t => t.Name)),
            async (db, m) => (await db.Tags.OrderBy(t => t.Name).Marked(m).ToArrayAsync(),
                await db.Tags.OrderBy(t => t.Name).Marked(m).ToDictionaryAsync(t => t.Name))),
    ];

    private static List<T> Streamed<T>(IQueryable<T> query, int rows)
    {
        var read = new List<T>();
        foreach (var row in query.AsEnumerable())
        {
            read.Add(row);
            if (read.Count == rows)
                break;
        }

        return read;
    }

    private static async Task<List<T>> StreamedAsync<T>(IQueryable<T> query, int rows)
    {
        var read = new List<T>();
        await foreach (var row in query.AsAsyncEnumerable())
        {
            read.Add(row);
            if (read.Count == rows)
                break;
        }

        return read;
    }
}
