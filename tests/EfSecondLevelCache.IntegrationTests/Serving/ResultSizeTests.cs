using Microsoft.EntityFrameworkCore;

namespace EfSecondLevelCache.IntegrationTests.Serving;

public sealed class ResultSizeTests(ShopDatabase database) : ShopTests(database)
{
    [Fact]
    public async Task Empty_results_are_cached()
    {
        await using var cache = new SecondLevelCache();
        for (var i = 0; i < 2; i++)
        {
            await using var db = Open(cache);
            Func<Func<Task<bool>>, Task<bool>> from = i == 0 ? MissAsync : HitAsync;
            Assert.True(await from(async () => (await db.Products.Where(p => p.Id < 0).Cacheable().ToListAsync()).Count == 0));
            Assert.True(await from(async () => await db.Products.Cacheable().FirstOrDefaultAsync(p => p.Id == -1) is null));
            Assert.False(await from(() => db.Products.Where(p => p.Id == -2).Cacheable().AnyAsync()));
            Assert.True(await from(async () => await db.Products.Where(p => p.Id == -3).Cacheable().MaxAsync(p => (int?)p.Id) is null));
        }
    }

    [Theory]
    [InlineData(9, false)]
    [InlineData(10, true)]
    [InlineData(11, true)]
    public async Task A_result_of_more_than_MaxCachedRows_is_complete_and_not_kept(int most, bool kept)
    {
        await using var cache = new SecondLevelCache();
        Assert.Equal(10, await MissAsync(cache, ReadAsync));
        Assert.Equal(10, kept ? await HitAsync(cache, ReadAsync) : await MissAsync(cache, ReadAsync));
        Assert.Equal(kept ? 0 : 2, cache.Statistics.TooLarge);

        async Task<int> ReadAsync(ShopContext db)
            => (await db.Products.Where(p => p.CategoryId == 1).Cacheable(q => q.MaxCachedRows(most)).ToListAsync()).Count;
    }

    [Fact]
    public async Task MaxCachedRows_of_zero_keeps_empty_results_only()
    {
        await using var cache = new SecondLevelCache();
        await MissAsync(cache, db => db.Products.Where(p => p.Id == 1).Cacheable(q => q.MaxCachedRows(0)).ToListAsync());
        await MissAsync(cache, db => db.Products.Where(p => p.Id == 1).Cacheable(q => q.MaxCachedRows(0)).ToListAsync());
        await MissAsync(cache, db => db.Products.Where(p => p.Id == -1).Cacheable(q => q.MaxCachedRows(0)).ToListAsync());
        await HitAsync(cache, db => db.Products.Where(p => p.Id == -1).Cacheable(q => q.MaxCachedRows(0)).ToListAsync());
    }

    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(false, false)]
    public async Task A_result_of_more_than_MaxEntryBytes_streams_through_complete(bool isAsync, bool tracked)
    {
        await using var cache = new SecondLevelCache(c => c.MaxEntryBytes(1024));
        await using var uncached = Open(null);
        var expected = await Rows(uncached).ToListAsync();
        Assert.Equal(1600, expected.Count);

        for (var i = 1; i <= 2; i++)
        {
            await using var db = Open(cache);
            Assert.Equal(expected,
                await MissAsync(async () => isAsync ? await Rows(db).Cacheable().ToListAsync() : [.. Rows(db).Cacheable()]));
            Assert.Equal(i, cache.Statistics.TooLarge);
        }

        Assert.Equal(0, cache.Statistics.Entries);

        IQueryable<string> Rows(ShopContext db)
        {
            var products = tracked ? db.Products.AsTracking() : db.Products.AsNoTracking();
            return from a in products from b in products orderby a.Id, b.Id select a.Name + " / " + b.Name;
        }
    }

    [Fact]
    public async Task A_large_result_left_in_the_middle_frees_its_connection()
    {
        await using var cache = new SecondLevelCache(c => c.MaxEntryBytes(1024));
        await using var db = Open(cache);
        for (var i = 0; i < 3; i++)
        {
            var read = 0;
            await foreach (var product in db.Products.AsNoTracking().Cacheable().AsAsyncEnumerable())
            {
                if (++read == 35)
                    break;
            }

            foreach (var product in db.Products.AsNoTracking().Cacheable())
            {
                if (++read == 70)
                    break;
            }

            Assert.Equal(70, read);
        }

        Assert.Equal(40, await db.Products.NotCacheable().CountAsync());
    }

    [Fact]
    public async Task A_large_result_with_includes_and_split_queries_is_complete()
    {
        await using var cache = new SecondLevelCache(c => c.MaxEntryBytes(1024));
        foreach (var split in (bool[])[true, false])
        {
            await using var db = Open(cache);
            var categories = db.Categories.Include(c => c.Products).OrderBy(c => c.Id);
            var read = await (split ? categories.AsSplitQuery() : categories.AsSingleQuery()).Cacheable().ToListAsync();
            Assert.Equal([10, 10, 10, 10], read.Select(c => c.Products.Count));
        }
    }

    [Fact]
    public async Task The_bounds_on_bytes_and_entries_hold()
    {
        const long MaxBytes = 1 << 20;
        await using var cache = new SecondLevelCache(c => c.MaxBytes(MaxBytes).MaxEntries(100));
        await using var db = Open(cache);
        for (var i = 0; i < 300; i++)
        {
            await db.Products.AsNoTracking().Where(p => p.Id > -i).Cacheable().ToListAsync();
            Assert.InRange(cache.Statistics.Bytes, 1, MaxBytes);
            Assert.InRange(cache.Statistics.Entries, 1, 100);
        }

        Assert.True(cache.Statistics.Evictions > 0);
    }
}
