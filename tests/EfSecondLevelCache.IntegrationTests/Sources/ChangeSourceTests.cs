using System.Runtime.CompilerServices;
using EfSecondLevelCache.ChangeSources;
using EfSecondLevelCache.IntegrationTests.Support;
using Microsoft.EntityFrameworkCore;

namespace EfSecondLevelCache.IntegrationTests.Sources;

/// <summary>What tests of change sources share: named queries, and which of their results are gone after somebody else's write.</summary>
public abstract class ChangeSourceTests(SourceDatabase database) : IClassFixture<SourceDatabase>, IAsyncLifetime
{
    private static readonly Dictionary<string, Func<SourceContext, Task<object?>>> Queries = new()
    {
        ["item 1"] = async db => await db.Items.Where(i => i.Id == 1).Cacheable().ToListAsync(),
        ["item 2"] = async db => await db.Items.Where(i => i.Id == 2).Cacheable().ToListAsync(),
        ["item 9"] = async db => await db.Items.Where(i => i.Id == 9).Cacheable().ToListAsync(),
        ["group 1"] = async db => await db.Items.Where(i => i.GroupId == 1).OrderBy(i => i.Id).Cacheable().ToListAsync(),
        ["group 2"] = async db => await db.Items.Where(i => i.GroupId == 2).OrderBy(i => i.Id).Cacheable().ToListAsync(),
        ["items"] = async db => await db.Items.OrderBy(i => i.Id).Cacheable().ToListAsync(),
        ["part 1"] = async db => await db.Parts.Where(p => p.Id == 1).Cacheable().ToListAsync(),
        ["part 2"] = async db => await db.Parts.Where(p => p.Id == 2).Cacheable().ToListAsync(),
        ["event 1"] = async db => await db.Events.Where(e => e.Id == 1).Cacheable().ToListAsync(),
        ["event 2"] = async db => await db.Events.Where(e => e.Id == 2).Cacheable().ToListAsync(),
        ["events"] = async db => await db.Events.OrderBy(e => e.Id).Cacheable().ToListAsync(),
        ["2024"] = async db => await db.Events2024.OrderBy(e => e.Id).Cacheable().ToListAsync(),
        ["animal 1"] = async db => await db.Animals.Where(a => a.Id == 1).Cacheable().ToListAsync(),
        ["animal 2"] = async db => await db.Animals.Where(a => a.Id == 2).Cacheable().ToListAsync(),
    };

    private SecondLevelCache? _cache;

    protected SecondLevelCache Cache => _cache ??= CreateCache(cache => Configure(cache));

    protected SourceDatabase Database => database;

    internal ChangeSource Source => Cache.ActiveSources.All.Single();

    protected abstract SecondLevelCacheOptionsBuilder Configure(SecondLevelCacheOptionsBuilder cache);

    public virtual async ValueTask InitializeAsync()
    {
        await database.ResetAsync();
        await using var db = Open();
        await db.Database.EnsureChangeCaptureAsync();
        await UntilLiveAsync();
    }

    public virtual async ValueTask DisposeAsync()
    {
        if (_cache is not null)
            await _cache.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    protected static SecondLevelCache CreateCache(Action<SecondLevelCacheOptionsBuilder> configure) => new(configure);

    protected SourceContext Open() => database.Open(Cache);

    /// <summary>
    /// Executes the queries, lets somebody else write, waits until that was told, and names the queries whose results are gone. What is left must be
    /// right.
    /// </summary>
    protected async Task<string> RemovedByAsync(Func<Task> write, params string[] queries)
    {
        var named = Queries.Where(query => queries.Contains(query.Key)).ToDictionary();
        Assert.Equal(queries.Length, named.Count);
        foreach (var query in named.Values)
            await GetAsync(query);
        foreach (var (name, query) in named)
            Assert.True((await GetAsync(query)).WasHit, $"{name} is not cached: {await ExplainAsync(query)}");

        await write();
        await CatchUpAsync();

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

    protected Task<string> RemovedByAsync(string sql, params string[] queries) => RemovedByAsync(() => database.ExecuteAsync(sql), queries);

    /// <summary>Fails, with the reason, where the source never becomes live.</summary>
    protected async Task UntilLiveAsync()
    {
        try
        {
            await Cache.WaitUntilLiveAsync(TestContext.Current.CancellationToken).WaitAsync(TimeSpan.FromSeconds(60));
        }
        catch (TimeoutException)
        {
            Assert.Fail($"The source is not live: {Source.Status}");
        }
    }

    protected async Task CatchUpAsync() => Assert.True(await Source.CatchUpAsync(TestContext.Current.CancellationToken));

    protected Task<(string Result, bool WasHit)> GetAsync(string query) => GetAsync(Queries[query]);

    protected async Task<(string Result, bool WasHit)> GetAsync(Func<SourceContext, Task<object?>> query)
    {
        var hits = Cache.Statistics.Hits;
        await using var db = Open();
        var result = GraphText.Of(await query(db));
        return (result, Cache.Statistics.Hits > hits);
    }

    protected async Task<string> ExplainAsync(Func<SourceContext, Task<object?>> query)
    {
        await using var db = Open();
        return string.Join(Environment.NewLine, await db.ExplainCacheAsync(() => query(db)));
    }

    protected Task<string> ExplainAsync(string query) => ExplainAsync(Queries[query]);

    /// <summary>Waits for something that comes by itself.</summary>
    protected static async Task UntilAsync(Func<Task<bool>> condition, [CallerArgumentExpression(nameof(condition))] string what = "")
    {
        for (var attempt = 0; !await condition(); attempt++)
        {
            Assert.True(attempt < 2_000, $"This did not come: {what}");
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }
    }
}
