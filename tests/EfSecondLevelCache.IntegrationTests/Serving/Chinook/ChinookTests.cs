using EfSecondLevelCache.IntegrationTests.Support;
using Microsoft.EntityFrameworkCore;

namespace EfSecondLevelCache.IntegrationTests.Serving.Chinook;

/// <summary>What a shop for music asks its database, each query marked.</summary>
public class ChinookTests(ChinookDatabase database) : ServedQuerySpecification<ChinookContext, ChinookQueries>,
    IClassFixture<ChinookDatabase>, IAsyncLifetime
{
    protected override WireTap Tap => database.Tap;

    public async ValueTask InitializeAsync() => await database.LoadAsync();

    public ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        return ValueTask.CompletedTask;
    }

    protected override ChinookContext CreateContext(SecondLevelCache? cache)
    {
        var options = new DbContextOptionsBuilder<ChinookContext>().UseNpgsql(Tap.ConnectionString);
        return new ChinookContext((cache is null ? options : options.AddSecondLevelCache(cache)).Options);
    }
}

/// <summary>The same without a mark on any query.</summary>
public sealed class ChinookCacheAllQueriesTests(ChinookDatabase database) : ChinookTests(database)
{
    protected override Marking Cached => Marking.None;

    protected override SecondLevelCache CreateCache() => new(cache => cache.CacheAllQueries());
}
