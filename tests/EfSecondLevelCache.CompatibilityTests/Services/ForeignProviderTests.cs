using AutoMapper;
using AutoMapper.QueryableExtensions;
using LinqKit;
using LinqToDB.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore;

namespace EfSecondLevelCache.CompatibilityTests.Services;

/// <summary>Libraries that stand in front of EF Core's query provider, or read a query's expression for themselves.</summary>
public sealed class ForeignProviderTests(StoreDatabase database) : IClassFixture<StoreDatabase>
{
    [Fact]
    public async Task LinqToDB_executes_a_marked_query()
    {
        LinqToDBForEFTools.Initialize();
        await using var cache = new SecondLevelCache();
        await using var db = database.Open(cache);
        await using var plain = database.Open(null);
        IQueryable<Product> Query(IQueryable<Product> products) => products.Where(p => p.Price > 3).OrderBy(p => p.Id);
        var names = await Query(plain.Products).Select(p => p.Name).ToListAsync();

        Assert.Equal(names, Query(db.Products.Cacheable()).Select(p => p.Name).ToLinqToDB().ToList());
        Assert.Equal(names, Query(db.Products).Cacheable(TimeSpan.FromMinutes(1)).Select(p => p.Name).ToLinqToDB().ToList());
        Assert.Equal(names, Query(db.Products.Cacheable(q => q.Tag("x")).Cacheable()).NotCacheable().Select(p => p.Name).ToLinqToDB().ToList());
        Assert.Equal(names, Query(db.Products.Cacheable(q => q.VaryBy("x"))).Select(p => p.Name).ToLinqToDB().ToList());
        Assert.Equal(names, Query(db.Products).ToLinqToDB().Cacheable(q => q.VaryBy("x")).Select(p => p.Name).ToList());
        Assert.Equal(
            names,
            Query(db.Products).Where(p => db.Reviews.Cacheable().Any(r => r.ProductId == p.Id)).Select(p => p.Name).ToLinqToDB().ToList());
    }

    [Fact]
    public async Task LinqToDB_writes_by_a_marked_query()
    {
        LinqToDBForEFTools.Initialize();
        await using var cache = new SecondLevelCache();
        await using var db = database.Open(cache);

        Assert.Equal(0, LinqToDB.LinqExtensions.Delete(db.Products.Cacheable().Where(p => p.Id < 0).ToLinqToDB()));
    }

    [Fact]
    public async Task LinqToDB_finds_the_context_of_a_query()
    {
        await using var cache = new SecondLevelCache();
        await using var db = database.Open(cache);

        Assert.Same(db, LinqToDBForEFTools.Implementation.GetCurrentContext(db.Products.Cacheable()));
    }

    [Fact]
    public async Task What_a_query_of_LinqKit_says_of_its_caching_arrives()
    {
        await using var cache = new SecondLevelCache();
        for (var i = 0; i < 2; i++)
        {
            foreach (var value in new[] { "a", "b" })
            {
                await using var db = database.Open(cache);
                var cheap = PredicateBuilder.New<Product>(p => p.Price < 4);
                var query = db.Products.AsExpandable().Cacheable(q => q.VaryBy(value).Tag("kit")).Where(cheap).OrderBy(p => p.Id);
                Assert.Equal(3, (await query.ToListAsync()).Count);
                Assert.Equal(3, await query.CountAsync());
                Assert.Equal(3, query.ToList().Count);
            }
        }

        Assert.Equal(4, cache.Statistics.Entries);
        Assert.Equal(8, cache.Statistics.Hits);
        Assert.Equal(4, await InvalidatedByTagAsync(cache, "kit"));
    }

    [Fact]
    public async Task A_mark_of_LinqKit_s_query_may_stand_before_it_and_after_it()
    {
        await using var cache = new SecondLevelCache();
        await using var db = database.Open(cache);
        for (var i = 0; i < 2; i++)
        {
            Assert.Equal(9, (await db.Products.Cacheable(q => q.Tag("a")).AsExpandable().Where(p => p.Id > 0).ToListAsync()).Count);
            Assert.Equal(8, (await db.Products.AsExpandable().Where(p => p.Id > 1).Cacheable(TimeSpan.FromMinutes(1)).ToListAsync()).Count);
            Assert.Equal(7, (await db.Products.AsExpandable().NotCacheable().Where(p => p.Id > 2).Cacheable().ToListAsync()).Count);
            Assert.Equal(6, (await db.Products.AsExpandable().Include(p => p.Reviews).Where(p => p.Id > 3).Cacheable().ToListAsync()).Count);
        }

        Assert.Equal(3, cache.Statistics.Hits);
    }

    [Fact]
    public async Task A_projection_by_AutoMapper_is_cached_as_its_query_says()
    {
        var mapping = new MapperConfiguration(map => map.CreateMap<Product, ProductRow>());
        await using var cache = new SecondLevelCache();
        await using var plain = database.Open(null);
        var expected = await plain.Products.OrderBy(p => p.Id).ProjectTo<ProductRow>(mapping).ToListAsync();
        for (var i = 0; i < 2; i++)
        {
            await using var db = database.Open(cache);
            Assert.Equal(expected, await db.Products.OrderBy(p => p.Id).Cacheable().ProjectTo<ProductRow>(mapping).ToListAsync());
            Assert.Equal(expected, await db.Products.OrderBy(p => p.Id).ProjectTo<ProductRow>(mapping).Cacheable(q => q.VaryBy("x")).ToListAsync());
        }

        Assert.Equal(2, cache.Statistics.Hits);
    }

    private static async Task<long> InvalidatedByTagAsync(SecondLevelCache cache, string tag)
    {
        var before = cache.Entries().Count(entry => entry.Tags.Contains(tag));
        await cache.InvalidateTagAsync(tag);
        return before;
    }

    private sealed record ProductRow
    {
        public int Id { get; init; }
        public string? Name { get; init; }
        public string? CategoryName { get; init; }
    }
}
