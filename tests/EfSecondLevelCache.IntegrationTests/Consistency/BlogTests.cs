using EfSecondLevelCache.IntegrationTests.Support;
using Microsoft.EntityFrameworkCore;

namespace EfSecondLevelCache.IntegrationTests.Consistency;

/// <summary>What tests of blogs share: named queries, and which of their results a write has removed.</summary>
public abstract class BlogTests(BlogDatabase database) : IClassFixture<BlogDatabase>, IAsyncLifetime
{
    private static readonly Dictionary<string, Func<BlogContext, Task<object?>>> Queries = new()
    {
        ["post 7"] = async db => await db.Posts.Where(p => p.Id == 7).Cacheable().ToListAsync(),
        ["post 8"] = async db => await db.Posts.Where(p => p.Id == 8).Cacheable().ToListAsync(),
        ["blog 1"] = async db => await db.Posts.Where(p => p.BlogId == 1).OrderBy(p => p.Id).Cacheable().ToListAsync(),
        ["blog 2"] = async db => await db.Posts.Where(p => p.BlogId == 2).OrderBy(p => p.Id).Cacheable().ToListAsync(),
        ["blog 3"] = async db => await db.Posts.Where(p => p.BlogId == 3).OrderBy(p => p.Id).Cacheable().ToListAsync(),
        ["all"] = async db => await db.Posts.OrderBy(p => p.Id).Cacheable().ToListAsync(),
        ["slug 7"] = async db => await db.Posts.Where(p => p.Slug == "post 7").Cacheable().ToListAsync(),
    };

    protected SecondLevelCache Cache { get; } = new();

    protected BlogDatabase Database => database;

    public async ValueTask InitializeAsync() => await database.ResetAsync();

    public async ValueTask DisposeAsync()
    {
        await Cache.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    protected BlogContext Open() => database.Open(Cache);

    /// <summary>Executes all of the queries, does something, and names those whose results are gone. What is left must be right.</summary>
    protected async Task<string> RemovedByAsync(Func<Task> change, params IEnumerable<string> queries)
    {
        var named = queries.Any() ? Queries.Where(query => queries.Contains(query.Key)).ToDictionary() : Queries;
        foreach (var query in named.Values)
            await GetAsync(query);
        foreach (var query in named.Values)
            Assert.True((await GetAsync(query)).WasHit);

        await change();

        var removed = new List<string>();
        foreach (var (name, query) in named)
        {
            await using var plain = database.Open(null);
            var expected = GraphText.Of(await query(plain));
            var (result, wasHit) = await GetAsync(query);
            Assert.Equal(expected, result);
            if (!wasHit)
                removed.Add(name);
        }

        return string.Join(", ", removed);
    }

    protected async Task<(string Result, bool WasHit)> GetAsync(Func<BlogContext, Task<object?>> query)
    {
        var hits = Cache.Statistics.Hits;
        await using var db = Open();
        var result = GraphText.Of(await query(db));
        return (result, Cache.Statistics.Hits > hits);
    }

    protected async Task SaveAsync(Func<BlogContext, Task> change)
    {
        await using var db = Open();
        await change(db);
        await db.SaveChangesAsync();
    }
}
