using System.Data;
using Microsoft.EntityFrameworkCore;

namespace EfSecondLevelCache.IntegrationTests.Consistency;

public sealed class AllowInTransactionsTests(BlogDatabase database) : IClassFixture<BlogDatabase>, IAsyncLifetime
{
    private readonly SecondLevelCache _cache = new(cache => cache.AllowInTransactions());

    public async ValueTask InitializeAsync() => await database.ResetAsync();

    public ValueTask DisposeAsync() => _cache.DisposeAsync();

    [Fact]
    public async Task A_transaction_that_has_written_nothing_is_served_and_fills()
    {
        await using var db = database.Open(_cache);
        await ReadAsync(db);
        await using var transaction = await db.Database.BeginTransactionAsync();
        Assert.True(await IsHitAsync(db));

        await _cache.ClearAsync();
        Assert.False(await IsHitAsync(db));
        await using var other = database.Open(_cache);
        Assert.True(await IsHitAsync(other));
    }

    [Fact]
    public async Task From_its_first_write_on_it_goes_to_the_database()
    {
        await using var db = database.Open(_cache);
        await ReadAsync(db);
        await using (var transaction = await db.Database.BeginTransactionAsync())
        {
            (await db.Posts.SingleAsync(p => p.Id == 7)).Likes = 50;
            await db.SaveChangesAsync();
            Assert.False(await IsHitAsync(db));
            Assert.False(await IsHitAsync(db));
            await using var other = database.Open(_cache);
            Assert.True(await IsHitAsync(other));
            await transaction.CommitAsync();
        }

        Assert.False(await IsHitAsync(db));
        Assert.True(await IsHitAsync(db));
    }

    [Theory]
    [InlineData(IsolationLevel.RepeatableRead)]
    [InlineData(IsolationLevel.Serializable)]
    public async Task One_that_sees_another_state_than_everybody_always_goes_to_the_database(IsolationLevel level)
    {
        await using var db = database.Open(_cache);
        await ReadAsync(db);
        await using var transaction = await db.Database.BeginTransactionAsync(level);

        Assert.False(await IsHitAsync(db));
    }

    [Fact]
    public async Task One_that_the_application_may_write_in_itself_goes_to_the_database()
    {
        await using var db = database.Open(_cache);
        await ReadAsync(db);
        await db.Database.OpenConnectionAsync();
        await using var transaction = await db.Database.GetDbConnection().BeginTransactionAsync(TestContext.Current.CancellationToken);
        await db.Database.UseTransactionAsync(transaction);

        Assert.False(await IsHitAsync(db));
    }

    private static async Task ReadAsync(BlogContext db) => await db.Posts.AsNoTracking().Where(p => p.Id == 7).Cacheable().ToListAsync();

    private async Task<bool> IsHitAsync(BlogContext db)
    {
        var hits = _cache.Statistics.Hits;
        await ReadAsync(db);
        return _cache.Statistics.Hits > hits;
    }
}
