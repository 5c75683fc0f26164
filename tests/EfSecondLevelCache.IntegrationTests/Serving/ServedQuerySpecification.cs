using EfSecondLevelCache.IntegrationTests.Support;
using Microsoft.EntityFrameworkCore;

namespace EfSecondLevelCache.IntegrationTests.Serving;

/// <summary>
/// For every query of a list: what the cache returns is what the database returns, the second execution goes without
/// it, and the first one sends the SQL that is sent without the cache.
/// </summary>
public abstract class ServedQuerySpecification<TContext, TQueries>
    where TContext : DbContext
    where TQueries : IServedQueries<TContext>
{
    public static TheoryData<string> Names => [.. TQueries.All.Select(q => q.Name)];

    protected abstract WireTap Tap { get; }

    protected virtual Marking Cached => Marking.Cacheable;

    [Theory]
    [MemberData(nameof(Names))]
    public async Task A_second_execution_returns_the_same_without_the_database(string name)
    {
        var query = TQueries.All.Single(q => q.Name == name);
        await using var cache = CreateCache();
        List<string> expected = [];
        var sql = await Tap.DuringAsync(async ()
            => expected = await ExecuteAsync(query, () => CreateContext(null), Marking.None, isAsync: true));

        foreach (var isAsync in (bool[])[true, false])
        {
            await cache.ClearAsync();
            var sqlOfMiss = await Tap.DuringAsync(async ()
                => Assert.Equal(expected, await ExecuteAsync(query, () => CreateContext(cache), Cached, isAsync)));
            Assert.Equal(sql.Distinct(), sqlOfMiss.Distinct());

            await AssertWithoutDatabaseAsync(async () =>
            {
                Assert.Equal(expected, await ExecuteAsync(query, () => CreateContext(cache), Cached, isAsync));
                Assert.Equal(expected, await ExecuteAsync(query, () => CreateContext(cache), Cached, !isAsync));
            });
        }

        var sqlOfNotCacheable = await Tap.DuringAsync(async () => Assert.Equal(
            expected, await ExecuteAsync(query, () => CreateContext(cache), Marking.NotCacheable, isAsync: true)));
        if (query.CanBeMarked)
            Assert.Equal(sql.Distinct(), sqlOfNotCacheable.Distinct());
    }

    protected virtual SecondLevelCache CreateCache() => new();

    /// <param name="cache">Null: a context without the cache, to compare with.</param>
    protected abstract TContext CreateContext(SecondLevelCache? cache);

    private async Task AssertWithoutDatabaseAsync(Func<Task> something)
    {
        var before = Tap.RoundTrips;
        var statements = await Tap.DuringAsync(something);
        Assert.Empty(statements);
        Assert.Equal(before, Tap.RoundTrips);
    }

    private static async Task<List<string>> ExecuteAsync(
        ServedQuery<TContext> query, Func<TContext> createContext, Marking marking, bool isAsync)
    {
        var results = new List<string>();
        foreach (var run in query.Runs)
        {
            await using var db = createContext();
            var result = isAsync ? await run.ExecuteAsync(db, marking) : run.Execute(db, marking);
            results.Add($"{GraphText.Of(result)}\n{GraphText.OfTracked(db)}");
        }

        return results;
    }
}
