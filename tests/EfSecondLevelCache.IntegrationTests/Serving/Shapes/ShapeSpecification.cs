using EfSecondLevelCache.IntegrationTests.Support;
using Microsoft.EntityFrameworkCore;

namespace EfSecondLevelCache.IntegrationTests.Serving.Shapes;

/// <summary>
/// For every kind of query: what the cache returns is what the database returns, and the second execution goes without it. Run by
/// every way to configure a context.
/// </summary>
public abstract class ShapeSpecification(ShapesDatabase database)
{
    public static TheoryData<string> Names => [.. ShapeTable.Names];

    protected ShapesDatabase Database => database;

    private protected virtual Marking Cached => Marking.Cacheable;

    [Theory]
    [MemberData(nameof(Names))]
    public async Task A_second_execution_returns_the_same_without_the_database(string name)
    {
        var shape = ShapeTable.Get(name);
        await using var cache = CreateCache();
        var expected = await ExecuteAsync(shape, CreateUncachedContext, Marking.None, isAsync: true);

        foreach (var isAsync in (bool[])[true, false])
        {
            await cache.ClearAsync();
            var before = database.Tap.RoundTrips;
            Assert.Equal(expected, await ExecuteAsync(shape, () => CreateContext(cache), Cached, isAsync));
            Assert.NotEqual(before, database.Tap.RoundTrips);

            await AssertWithoutDatabaseAsync(async () =>
            {
                Assert.Equal(expected, await ExecuteAsync(shape, () => CreateContext(cache), Cached, isAsync));
                Assert.Equal(expected, await ExecuteAsync(shape, () => CreateContext(cache), Cached, !isAsync));
            });
        }

        Assert.Equal(expected, await ExecuteAsync(shape, () => CreateContext(cache), Marking.NotCacheable, isAsync: true));
    }

    private protected virtual SecondLevelCache CreateCache()
        => new(cache => cache.CacheQueriesOf<Shelf>().CacheQueriesOf<Book>().CacheQueriesOf<Translation>());

    private protected abstract ShapesContext CreateContext(SecondLevelCache cache);

    private ShapesContext CreateUncachedContext()
    {
        var options = new DbContextOptionsBuilder<ShapesContext>();
        ShapesDatabase.UseDatabase(options, database.Tap.ConnectionString);
        return new ShapesContext(options.Options);
    }

    private async Task AssertWithoutDatabaseAsync(Func<Task> something)
    {
        var before = database.Tap.RoundTrips;
        var statements = await database.Tap.DuringAsync(something);
        if (Environment.GetEnvironmentVariable("EFSLC_WITHOUT_CACHE") == "1")
            return;
        Assert.Empty(statements);
        Assert.Equal(before, database.Tap.RoundTrips);
    }

    private static async Task<List<string>> ExecuteAsync(Shape shape, Func<ShapesContext> createContext, Marking marking, bool isAsync)
    {
        var results = new List<string>();
        foreach (var run in shape.Runs)
        {
            await using var db = createContext();
            var result = isAsync ? await run.ExecuteAsync(db, marking) : run.Execute(db, marking);
            results.Add($"{GraphText.Of(result)}\n{GraphText.OfTracked(db)}");
        }

        return results;
    }
}
