using EfSecondLevelCache.IntegrationTests.Support;
using Microsoft.EntityFrameworkCore;

namespace EfSecondLevelCache.IntegrationTests.Serving.Shapes;

/// <summary>A change of one table through EF Core is seen by every kind of query that reads it, however its type is mapped.</summary>
public sealed class ShapeInvalidationTests(ShapesDatabase database) : IClassFixture<ShapesDatabase>
{
    public static TheoryData<string> Changes => [.. FullRun.Of(ChangesByName.Keys, oneIn: 3)];

    private static Dictionary<string, Func<ShapesContext, Task>> ChangesByName { get; } = new()
    {
        ["column"] = db => SaveAsync(db, async () => (await db.Blogs.SingleAsync(b => b.Id == 1)).Name += "!"),
        ["owned in the same table"] = db => SaveAsync(db, async () => (await db.Blogs.SingleAsync(b => b.Id == 1)).Layout.Columns += 10),
        ["owned in another table"] = db => SaveAsync(
            db, async () => (await db.Authors.SingleAsync(a => a.Id == 1)).Addresses.Add(new Address { City = "Added" })),
        ["owned JSON"] = db => SaveAsync(
            db, async () => (await db.Authors.SingleAsync(a => a.Id == 1)).Contact.Phones.Add(new Phone { Kind = "work", Number = "new" })),
        ["complex type"] = db
            => SaveAsync(db, async () => (await db.Authors.SingleAsync(a => a.Id == 1)).Name = new PersonName("Other", "Name")),
        ["complex JSON"] = db => SaveAsync(db, async () => (await db.Authors.SingleAsync(a => a.Id == 1)).Preferences.Culture += "-x"),
        ["complex JSON collection"] = db => SaveAsync(
            db, async () => (await db.Authors.SingleAsync(a => a.Id == 1)).Awards.Add(new Award { Name = "added", Year = 2002 })),
        ["row with a concurrency token"] = db => SaveAsync(db, async () => (await db.Posts.SingleAsync(p => p.Id == 3)).Price += 100),
        ["shadow property"] = db => SaveAsync(
            db, async () => db.Entry(await db.Posts.SingleAsync(p => p.Id == 3)).Property("Editor").CurrentValue = "somebody"),
        ["strongly typed key"] = db => SaveAsync(db, async () => (await db.Tags.SingleAsync(t => t.Name == "tag 3")).Name = "tag three"),
        ["many-to-many, one more"] = db => SaveAsync(db, async () =>
        {
            var tag = await db.Tags.SingleAsync(t => t.Name == "tag 5");
            (await db.Posts.Include(p => p.Tags).SingleAsync(p => p.Id == 1)).Tags.Add(tag);
        }),
        ["many-to-many, one less"] = db => SaveAsync(
            db, async () => (await db.Posts.Include(p => p.Tags).SingleAsync(p => p.Id == 2)).Tags.RemoveAt(0)),
        ["insert"] = db => SaveAsync(db, () =>
        {
            db.Add(new Post { Id = 1000, BlogId = 1, Title = "Post 1000", Price = 7 });
            db.Add(new Comment { Id = 1, PostId = 1000, Text = "at once", At = DateTime.UnixEpoch });
            return Task.CompletedTask;
        }),
        ["foreign key"] = db => SaveAsync(db, async () => (await db.Posts.SingleAsync(p => p.Id == 5)).BlogId = 4),
        ["composite key"] = db => SaveAsync(db, async () => (await db.Translations.FindAsync(1, "fr"))!.Title += " bis"),
        ["one table for a hierarchy"] = db => SaveAsync(db, async () => (await db.Set<Cat>().FirstAsync()).Lives--),
        ["table per type, the base"] = db => SaveAsync(db, async () => (await db.Set<Car>().FirstAsync()).Plate += "x"),
        ["table per type, a derived one"] = db => SaveAsync(db, async () => (await db.Set<Car>().FirstAsync()).Seats++),
        ["table per concrete type"] = db => SaveAsync(db, async () => (await db.Set<CardPayment>().FirstAsync()).Amount++),
        ["entity in two tables, the first"] = db => SaveAsync(db, async () => (await db.Books.FirstAsync(b => b.Id == 1)).Title += "x"),
        ["entity in two tables, the second"] = db => SaveAsync(db, async () => (await db.Books.FirstAsync(b => b.Id == 1)).Summary += "x"),
        ["property bag"] = db => SaveAsync(db, async () => (await db.Settings.FirstAsync())["Value"] = 33),
        ["filtered rows"] = db => SaveAsync(db, async () => (await db.Documents.FirstAsync()).Title += "x"),
        ["every type"] = db => SaveAsync(db, async () => (await db.Specimens.FirstAsync(s => s.Id == 2)).Amounts = [1, 2, 3]),
        ["ExecuteUpdate"] = db => db.Posts.Where(p => p.Id == 4).ExecuteUpdateAsync(s => s.SetProperty(p => p.Score, p => p.Score + 1)),
        ["ExecuteUpdate of an owned type"] = db => db.Blogs.ExecuteUpdateAsync(s => s.SetProperty(b => b.Layout.Font, "Sans")),
        ["ExecuteUpdate of a JSON column"] = db => db.Authors.ExecuteUpdateAsync(s => s.SetProperty(a => a.Preferences.Culture, "it")),
        ["ExecuteUpdate of a hierarchy"] = db => db.Animals.ExecuteUpdateAsync(s => s.SetProperty(a => a.Name, a => a.Name + "y")),
        ["ExecuteUpdate of a table per type"] = db => db.Vehicles.ExecuteUpdateAsync(s => s.SetProperty(v => v.Plate, v => v.Plate + "y")),
        ["ExecuteDelete"] = db => db.Comments.Where(c => c.ParentId != null && c.PostId == 2).ExecuteDeleteAsync(),
        ["ExecuteDelete of a concrete type"] = db => db.Set<CashPayment>().Where(p => p.Id == 3).ExecuteDeleteAsync(),
        ["delete that cascades in the database"] = db => SaveAsync(db, () =>
        {
            db.Remove(new Blog { Id = 2, Name = "" });
            return Task.CompletedTask;
        }),
        ["ExecuteDelete that cascades in the database"] = db => db.Blogs.Where(b => b.Id == 3).ExecuteDeleteAsync(),
    };

    [Theory]
    [MemberData(nameof(Changes))]
    public async Task A_change_is_seen_by_every_query(string name)
    {
        await using var cache = new SecondLevelCache(c => c.CacheQueriesOf<Shelf>().CacheQueriesOf<Book>().CacheQueriesOf<Translation>());
        var before = await ReadAsync(cache);
        await using (var writer = Create(cache))
            await ChangesByName[name](writer);

        var after = await ReadAsync(cache);
        var expected = await ReadAsync(null);
        Assert.NotEqual(before, expected);
        Assert.Equal([], expected.Keys.Where(q => after[q] != expected[q]));
    }

    private async Task<Dictionary<string, string>> ReadAsync(SecondLevelCache? cache)
    {
        var results = new Dictionary<string, string>();
        foreach (var query in ShapeTable.All)
        {
            foreach (var (run, i) in query.Runs.Select((run, i) => (run, i)))
            {
                await using var db = Create(cache);
                var marking = cache is null ? Marking.None : Marking.Cacheable;
                results[$"{query.Name} {i}"] = await ResultAsync(() => run.ExecuteAsync(db, marking));
            }
        }

        return results;
    }

    // Single() may fail once a row is gone; then it fails on both sides.
    private static async Task<string> ResultAsync(Func<Task<object?>> read)
    {
        try
        {
            return GraphText.Of(await read());
        }
        catch (InvalidOperationException e)
        {
            return e.Message;
        }
    }

    private ShapesContext Create(SecondLevelCache? cache)
    {
        var options = new DbContextOptionsBuilder<ShapesContext>();
        ShapesDatabase.UseDatabase(options, database.Tap.ConnectionString);
        return new ShapesContext((cache is null ? options : options.AddSecondLevelCache(cache)).Options);
    }

    private static async Task SaveAsync(ShapesContext db, Func<Task> change)
    {
        await change();
        Assert.True(await db.SaveChangesAsync() > 0);
    }
}
