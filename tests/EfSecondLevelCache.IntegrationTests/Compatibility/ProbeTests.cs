using EfSecondLevelCache.IntegrationTests.Serving;
using Microsoft.EntityFrameworkCore;

namespace EfSecondLevelCache.IntegrationTests.Compatibility;

/// <summary>A query that asks for the server itself and reads no table goes there.</summary>
public sealed class ProbeTests(ShopDatabase database) : ShopTests(database)
{
    public static TheoryData<string> Probes => new(
        "SELECT 1 AS \"Value\"", "SELECT 1", "VALUES (1)", "SELECT \"Value\" FROM nothing_behind_it");

    [Theory]
    [MemberData(nameof(Probes))]
    [InlineData("SELECT length(version()) AS \"Value\"")]
    public async Task CacheAllQueries_leaves_a_probe_alone(string sql)
    {
        await MakeViewAsync();
        await using var cache = new SecondLevelCache(c => c.CacheAllQueries());
        for (var i = 0; i < 3; i++)
            await MissAsync(cache, db => db.Database.SqlQueryRaw<int>(sql).ToListAsync());

        Assert.Equal((0, 0, 3), (cache.Statistics.Hits + cache.Statistics.Entries, cache.Statistics.Refusals, cache.Statistics.NotRequested));
        await MissAsync(cache, db => db.Products.CountAsync());
        await HitAsync(cache, db => db.Products.CountAsync());
    }

    [Theory]
    [MemberData(nameof(Probes))]
    public async Task Who_asks_for_it_has_it_cached(string sql)
    {
        await MakeViewAsync();
        await using var cache = new SecondLevelCache();
        await MissAsync(cache, db => db.Database.SqlQueryRaw<int>(sql).Cacheable().ToListAsync());
        await HitAsync(cache, db => db.Database.SqlQueryRaw<int>(sql).Cacheable().ToListAsync());
    }

    [Fact]
    public async Task Raw_SQL_that_reads_a_table_is_cached_by_CacheAllQueries()
    {
        await using var cache = new SecondLevelCache(c => c.CacheAllQueries());
        await MissAsync(cache, db => db.Database.SqlQueryRaw<int>("SELECT \"Id\" AS \"Value\" FROM products").ToListAsync());
        await HitAsync(cache, db => db.Database.SqlQueryRaw<int>("SELECT \"Id\" AS \"Value\" FROM products").ToListAsync());
    }

    [Fact]
    public async Task An_explanation_tells_why_a_probe_is_not_cached()
    {
        await using var cache = new SecondLevelCache(c => c.CacheAllQueries());
        await using var db = Open(cache);
        var explanation = db.Database.SqlQueryRaw<int>("VALUES (1)").ExplainCache();
        Assert.Equal(RefusalReason.NotRequested, explanation.Refusal?.Reason);
        Assert.Contains("no table", explanation.Refusal!.Detail, StringComparison.Ordinal);
    }

    private Task MakeViewAsync() => Database.ExecuteAsync("CREATE OR REPLACE VIEW nothing_behind_it AS SELECT 1 AS \"Value\"");
}
