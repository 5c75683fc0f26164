using EfSecondLevelCache.Backplanes;
using EfSecondLevelCache.IntegrationTests.Consistency;
using EfSecondLevelCache.IntegrationTests.Support;
using Microsoft.EntityFrameworkCore;

namespace EfSecondLevelCache.IntegrationTests.Backplanes;

/// <summary>Two caches of one application, as two processes would have them.</summary>
public sealed class NodeTests(BlogDatabase database) : IClassFixture<BlogDatabase>, IAsyncLifetime
{
    private readonly InMemoryBackplane _backplane = new();
    private SecondLevelCache _here = null!;
    private SecondLevelCache _there = null!;

    public async ValueTask InitializeAsync()
    {
        await database.ResetAsync();
        _here = new SecondLevelCache(cache => cache.UseBackplane(_backplane));
        _there = new SecondLevelCache(cache => cache.UseBackplane(_backplane));
    }

    public async ValueTask DisposeAsync()
    {
        await _here.DisposeAsync();
        await _there.DisposeAsync();
    }

    [Fact]
    public async Task SaveChanges_removes_what_depends_on_the_row_on_every_node_and_nothing_else()
    {
        await WarmAsync();

        await using (var db = database.Open(_here))
        {
            (await db.Posts.SingleAsync(p => p.Id == 7, Cancelled)).Title = "new";
            await db.SaveChangesAsync(Cancelled);
        }

        Assert.Equal("new", (await PostThereAsync(7)).Title);
        Assert.True(await IsHitThereAsync(8));
        Assert.Equal(1, _there.Backplane!.Received);
        Assert.Equal(0, _there.Backplane.Flushes);
    }

    [Fact]
    public async Task A_commit_removes_on_every_node_and_a_rollback_on_none()
    {
        await WarmAsync();
        await using var db = database.Open(_here);
        await using (var transaction = await db.Database.BeginTransactionAsync(Cancelled))
        {
            await db.Posts.Where(p => p.Id == 7).ExecuteUpdateAsync(set => set.SetProperty(p => p.Title, "undone"), Cancelled);
            await transaction.RollbackAsync(Cancelled);
        }

        Assert.True(await IsHitThereAsync(7));

        await using (var transaction = await db.Database.BeginTransactionAsync(Cancelled))
        {
            await db.Posts.Where(p => p.Id == 7).ExecuteUpdateAsync(set => set.SetProperty(p => p.Title, "new"), Cancelled);
            Assert.True(await IsHitThereAsync(7));
            await transaction.CommitAsync(Cancelled);
        }

        Assert.Equal("new", (await PostThereAsync(7)).Title);
    }

    [Fact]
    public async Task A_transaction_that_the_application_ends_itself_is_told_when_its_connection_closes()
    {
        await WarmAsync();
        await using (var db = database.Open(_here))
        {
            await db.Database.OpenConnectionAsync(Cancelled);
            await using var transaction = await db.Database.GetDbConnection().BeginTransactionAsync(Cancelled);
            await db.Database.UseTransactionAsync(transaction, Cancelled);
            await db.Posts.Where(p => p.Id == 7).ExecuteUpdateAsync(set => set.SetProperty(p => p.Title, "new"), Cancelled);
            await transaction.CommitAsync(Cancelled);
        }

        Assert.Equal("new", (await PostThereAsync(7)).Title);
    }

    [Fact]
    public async Task What_the_application_invalidates_is_invalidated_on_every_node()
    {
        await WarmAsync();
        await _here.InvalidateTableAsync("blogs");
        Assert.True(await IsHitThereAsync(7));

        await _here.InvalidateTableAsync("posts");
        Assert.False(await IsHitThereAsync(7));
        Assert.True(await IsHitThereAsync(7));

        await _here.InvalidateTagAsync("posts");
        Assert.False(await IsHitThereAsync(7));

        await _here.ClearAsync();
        Assert.False(await IsHitThereAsync(7));
    }

    [Fact]
    public async Task A_cache_that_is_disposed_takes_nothing_from_the_others()
    {
        await WarmAsync();
        await _here.DisposeAsync();

        Assert.True(await IsHitThereAsync(7));
        Assert.Empty(_there.Backplane!.Nodes);
    }

    [Fact]
    public async Task DDL_on_one_node_is_seen_on_the_others()
    {
        await WarmAsync();
        await using (var db = database.Open(_here))
        {
            await db.Database.ExecuteSqlRawAsync("CREATE TABLE IF NOT EXISTS other (id int)", Cancelled);
        }

        Assert.False(await IsHitThereAsync(7));
    }

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    /// <summary>Both have what the tests read, and know the catalog.</summary>
    private async Task WarmAsync()
    {
        await using (var db = database.Open(_here))
            await db.Posts.Where(p => p.Id == 7).Cacheable().ToListAsync(Cancelled);
        foreach (var id in (int[])[7, 8])
        {
            await PostThereAsync(id);
            Assert.True(await IsHitThereAsync(id));
        }
    }

    private async Task<bool> IsHitThereAsync(int id)
    {
        var hits = _there.Statistics.Hits;
        await PostThereAsync(id);
        return _there.Statistics.Hits > hits;
    }

    private async Task<Post> PostThereAsync(int id)
    {
        await using var db = database.Open(_there);
        return await db.Posts.Where(p => p.Id == id).Cacheable(q => q.Tag("posts")).SingleAsync(Cancelled);
    }
}
