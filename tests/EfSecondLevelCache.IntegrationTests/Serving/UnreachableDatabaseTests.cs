using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace EfSecondLevelCache.IntegrationTests.Serving;

public sealed class UnreachableDatabaseTests(ShopDatabase database) : ShopTests(database)
{
    [Fact]
    public async Task Hits_need_no_connection_of_an_exhausted_pool()
    {
        await using var cache = new SecondLevelCache();
        var connectionString = new NpgsqlConnectionStringBuilder(Tap.ConnectionString) { MaxPoolSize = 1, Timeout = 1 }.ConnectionString;
        await using (var db = Open(cache, connectionString: connectionString))
            await db.Products.Cacheable().CountAsync();

        await using var holder = Open(cache, connectionString: connectionString);
        await holder.Database.OpenConnectionAsync();
        await using var reader = Open(cache, connectionString: connectionString);
        Assert.Equal(40, await reader.Products.Cacheable().CountAsync());
        Assert.Equal(40, reader.Products.Cacheable().Count());

        // And the pool is indeed exhausted.
        await Assert.ThrowsAnyAsync<Exception>(() => reader.Products.NotCacheable().CountAsync());
    }

    [Fact]
    public async Task Hits_are_served_while_the_database_is_unreachable()
    {
        await using var cache = new SecondLevelCache();
        await using (var db = Open(cache))
            await ReadAsync(db);

        await Tap.InterruptAsync();
        try
        {
            NpgsqlConnection.ClearAllPools();
            await using var db = Open(cache);
            Assert.Equal(40, await ReadAsync(db));
            Assert.Equal(40, db.Products.Include(p => p.Category).AsSplitQuery().Cacheable().ToList().Count);
            await Assert.ThrowsAnyAsync<Exception>(() => db.Products.NotCacheable().CountAsync());
        }
        finally
        {
            Tap.Resume();
        }

        static async Task<int> ReadAsync(ShopContext db)
        {
            Assert.NotNull(await db.Products.Cacheable().FirstOrDefaultAsync(p => p.Id == 5));
            Assert.Equal(4, (await db.Categories.Include(c => c.Products).AsSplitQuery().Cacheable().ToListAsync()).Count);
            return (await db.Products.Include(p => p.Category).AsSplitQuery().Cacheable().ToListAsync()).Count;
        }
    }

    [Fact]
    public async Task A_miss_that_fails_is_not_cached()
    {
        await using var cache = new SecondLevelCache();
        await using var db = Open(cache);
        await Tap.InterruptAsync();
        try
        {
            await Assert.ThrowsAnyAsync<Exception>(() => db.Products.Cacheable().CountAsync());
            Assert.ThrowsAny<Exception>(() => db.Products.Cacheable().Count());
        }
        finally
        {
            Tap.Resume();
        }

        Assert.Equal(40, await MissAsync(() => db.Products.Cacheable().CountAsync()));
        Assert.Equal(40, await HitAsync(() => db.Products.Cacheable().CountAsync()));
    }

    [Fact]
    public async Task A_query_that_PostgreSQL_rejects_fails_as_without_the_cache_and_leaves_nothing()
    {
        await using var cache = new SecondLevelCache();
        for (var i = 0; i < 2; i++)
        {
            await using var db = Open(cache);
            var e = await Assert.ThrowsAsync<PostgresException>(() => db.Products.Where(p => 1 / (p.Id - 5) == 7).Cacheable()
                .ToListAsync());
            Assert.Equal(PostgresErrorCodes.DivisionByZero, e.SqlState);
        }

        Assert.Equal(0, cache.Statistics.Entries);
    }
}
