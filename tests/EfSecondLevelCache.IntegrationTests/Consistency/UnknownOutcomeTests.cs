using EfSecondLevelCache.IntegrationTests.Support;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Time.Testing;

namespace EfSecondLevelCache.IntegrationTests.Consistency;

/// <summary>The connection breaks before the server's answer to a write is there: it may have been committed, and it may be yet.</summary>
public sealed class UnknownOutcomeTests(BlogDatabase database) : IClassFixture<BlogDatabase>, IAsyncLifetime
{
    private readonly FakeTimeProvider _time = new();
    private SecondLevelCache _cache = null!;
    private WireTap _tap = null!;

    public async ValueTask InitializeAsync()
    {
        await database.ResetAsync();
        _tap = new WireTap(database.ConnectionString);
        _cache = new SecondLevelCache(cache => cache
            .UseTimeProvider(_time).UnknownOutcomeTimeout(TimeSpan.FromSeconds(20)).DefaultTimeToLive(TimeSpan.FromDays(1)));
    }

    public async ValueTask DisposeAsync()
    {
        await _cache.DisposeAsync();
        await _tap.DisposeAsync();
    }

    public static TheoryData<string> Writes => ["SaveChanges", "several", "ExecuteUpdate", "ExecuteSql", "transaction"];

    [Theory]
    [MemberData(nameof(Writes))]
    public async Task What_such_a_write_changes_is_neither_served_nor_kept_for_a_while(string write)
    {
        Assert.Equal((false, true), (await IsHitAsync(), await IsHitAsync()));
        await FailAsync(write);

        Assert.False(await IsHitAsync());
        Assert.False(await IsHitAsync());
        _time.Advance(TimeSpan.FromSeconds(19));
        Assert.False(await IsHitAsync());

        _time.Advance(TimeSpan.FromSeconds(2));
        Assert.False(await IsHitAsync());
        Assert.True(await IsHitAsync());
    }

    [Fact]
    public async Task A_write_that_the_server_refuses_closes_nothing()
    {
        await IsHitAsync();
        await using (var db = Open())
        {
            db.Add(new Post { BlogId = 99, Title = "of no blog" });
            await Assert.ThrowsAsync<DbUpdateException>(() => db.SaveChangesAsync());
        }

        await IsHitAsync();
        Assert.True(await IsHitAsync());
    }

    [Fact]
    public async Task A_write_that_is_cancelled_in_time_closes_nothing()
    {
        await IsHitAsync();
        await using (var db = Open())
        {
            using var cancellation = new CancellationTokenSource();
            var sleeping = db.Database.ExecuteSqlRawAsync("""UPDATE posts SET "Likes" = 1 FROM pg_sleep(60)""", cancellation.Token);
            cancellation.CancelAfter(TimeSpan.FromMilliseconds(200));
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => sleeping);
        }

        await IsHitAsync();
        Assert.True(await IsHitAsync());
    }

    /// <summary>The server has executed it; its answer is held back, and then the connection is cut.</summary>
    private async Task FailAsync(string write)
    {
        var hold = write is "transaction" ? _tap.HoldAnswerTo(statement => statement == "COMMIT") : _tap.HoldAnswerTo("UPDATE posts");
        var writing = WriteAsync(write);
        await hold.Reached;
        await _tap.InterruptAsync();
        hold.Release();
        await Assert.ThrowsAnyAsync<Exception>(() => writing);
        _tap.Resume();
    }

    private async Task WriteAsync(string write)
    {
        await using var db = Open();
        switch (write)
        {
            case "SaveChanges":
                (await db.Posts.SingleAsync(p => p.Id == 7)).Likes++;
                await db.SaveChangesAsync();
                break;
            case "several":
                foreach (var post in await db.Posts.Where(p => p.BlogId == 1).ToListAsync())
                    post.Likes++;
                await db.SaveChangesAsync();
                break;
            case "ExecuteUpdate":
                await db.Posts.Where(p => p.Id == 7).ExecuteUpdateAsync(set => set.SetProperty(p => p.Likes, 9));
                break;
            case "ExecuteSql":
                await db.Database.ExecuteSqlRawAsync("""UPDATE posts SET "Likes" = 1 WHERE "Id" = 7""");
                break;
            default:
                await using (var transaction = await db.Database.BeginTransactionAsync())
                {
                    (await db.Posts.SingleAsync(p => p.Id == 7)).Likes++;
                    await db.SaveChangesAsync();
                    await transaction.CommitAsync();
                }

                break;
        }
    }

    private async Task<bool> IsHitAsync()
    {
        await using var db = Open();
        var hits = _cache.Statistics.Hits;
        await db.Posts.Where(p => p.Id == 7).Cacheable().ToListAsync();
        return _cache.Statistics.Hits > hits;
    }

    private BlogContext Open()
        => new(new DbContextOptionsBuilder<BlogContext>().UseNpgsql(_tap.ConnectionString).AddSecondLevelCache(_cache).Options);
}
