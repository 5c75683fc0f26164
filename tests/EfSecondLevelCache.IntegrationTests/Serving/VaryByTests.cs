using Microsoft.EntityFrameworkCore;

namespace EfSecondLevelCache.IntegrationTests.Serving;

public sealed class VaryByTests(ShopDatabase database) : ShopTests(database)
{
    [Fact]
    public async Task Contexts_of_different_tenants_share_nothing()
    {
        await using var cache = new SecondLevelCache(c => c.VaryBy(db => ((ShopContext)db).Tenant));
        foreach (var tenant in (string?[])["north", "south", null, "", "north "])
        {
            await using var db = Open(cache, tenant: tenant);
            await MissAsync(() => db.Products.Cacheable().CountAsync());
            await using var again = Open(cache, tenant: tenant);
            await HitAsync(() => again.Products.Cacheable().CountAsync());
        }
    }

    [Fact]
    public async Task A_query_varies_by_its_own_value()
    {
        await using var cache = new SecondLevelCache();
        foreach (var culture in (string?[])["de", "en", null, ""])
        {
            await MissAsync(cache, db => db.Products.Cacheable(q => q.VaryBy(culture)).CountAsync());
            await HitAsync(cache, db => db.Products.Cacheable(q => q.VaryBy(culture)).CountAsync());
        }

        await MissAsync(cache, db => db.Products.Cacheable().CountAsync());
    }

    [Fact]
    public async Task The_cache_s_value_and_the_query_s_combine()
    {
        await using var cache = new SecondLevelCache(c => c.VaryBy(db => ((ShopContext)db).Tenant));
        foreach (var (tenant, culture) in ((string?, string?)[])[("a", "b"), ("b", "a"), ("ab", ""), ("", "ab"), ("ab", null),
            (null, "ab")])
        {
            await using var db = Open(cache, tenant: tenant);
            await MissAsync(() => db.Products.Cacheable(q => q.VaryBy(culture)).CountAsync());
            await HitAsync(() => db.Products.Cacheable(q => q.VaryBy(culture)).CountAsync());
        }
    }

    [Fact]
    public async Task A_value_that_changes_does_not_compile_the_query_anew()
    {
        await using var cache = new SecondLevelCache();
        var compilations = 0;
        for (var i = 0; i < 5; i++)
        {
            await using var db = Open(cache, o => o.LogTo(
                _ => compilations++, [Microsoft.EntityFrameworkCore.Diagnostics.CoreEventId.QueryCompilationStarting]));
            await db.Products.Where(p => p.Id < 30).Cacheable(q => q.VaryBy($"{i}")).CountAsync();
        }

        Assert.Equal(1, compilations);
    }

    [Fact]
    public async Task A_value_of_the_cache_that_throws_sends_the_query_to_the_database()
    {
        await using var cache = new SecondLevelCache(c => c.VaryBy(_ => throw new InvalidOperationException("no tenant here")));
        for (var i = 0; i < 2; i++)
        {
            Assert.Equal(40, await MissAsync(cache, db => db.Products.Cacheable().CountAsync()));
            Assert.Equal(40, await MissAsync(cache, db => Task.FromResult(db.Products.Cacheable().Count())));
        }

        Assert.Equal(4, cache.Statistics.RefusalsByReason[RefusalReason.Fault]);
    }
}
