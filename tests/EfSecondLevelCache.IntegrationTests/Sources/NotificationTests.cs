using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace EfSecondLevelCache.IntegrationTests.Sources;

/// <summary>Triggers that notify.</summary>
public sealed class NotificationTests(SourceDatabase database) : ChangeSourceSpecification(database)
{
    protected override string RemoveCaptureOfItems => "SELECT second_level_cache.remove_capture('items')";

    protected override SecondLevelCacheOptionsBuilder Configure(SecondLevelCacheOptionsBuilder cache) => cache.UseNotifications();

    protected override SecondLevelCacheOptionsBuilder ConfigureUncaptured(SecondLevelCacheOptionsBuilder cache)
        => cache.UseNotifications(n => n.CacheUncapturedTables());

    [Fact]
    public async Task A_trigger_that_is_disabled_is_no_capture()
    {
        await Database.ExecuteAsync("ALTER TABLE items DISABLE TRIGGER second_level_cache_update");
        await CatchUpAsync();
        Assert.Contains(nameof(RefusalReason.NotCaptured), await ExplainAsync("item 1"));
    }

    /// <summary>Also between two heartbeats, when all is as before at the second one.</summary>
    [Fact]
    public async Task A_trigger_that_was_disabled_for_a_moment_removes_everything()
        => Assert.Equal("item 1, item 2", await RemovedByAsync(
            """
            ALTER TABLE items DISABLE TRIGGER second_level_cache_update;
            UPDATE items SET name = 'untold' WHERE id = 1;
            ALTER TABLE items ENABLE ALWAYS TRIGGER second_level_cache_update
            """,
            "item 1",
            "item 2"));

    [Fact]
    public async Task A_column_that_was_renamed_does_not_fail_the_write()
    {
        await Database.ExecuteAsync("ALTER TABLE items RENAME group_id TO team");
        try
        {
            await Database.ExecuteAsync("UPDATE items SET name = 'changed' WHERE id = 1");
        }
        finally
        {
            await Database.ExecuteAsync("ALTER TABLE items RENAME team TO group_id");
        }
    }

    [Fact]
    public async Task What_nobody_understands_removes_everything()
        => Assert.Equal("item 1, part 1, animal 1", await RemovedByAsync("NOTIFY second_level_cache, 'hello'", "item 1", "part 1", "animal 1"));

    [Fact]
    public async Task A_script_does_the_same()
    {
        await using var db = Open();
        await db.Database.RemoveChangeCaptureAsync(TestContext.Current.CancellationToken);
        await Database.ExecuteAsync(db.Database.GenerateChangeCaptureScript());
        await CatchUpAsync();
        Assert.Equal("item 1", await RemovedByAsync("UPDATE items SET name = 'changed' WHERE id = 1", "item 1", "item 2"));
    }

    [Fact]
    public async Task Two_phase_commit_is_refused_by_PostgreSQL()
    {
        var fault = await Assert.ThrowsAsync<PostgresException>(
            () => Database.ExecuteAsync("BEGIN; UPDATE items SET name = 'changed' WHERE id = 1; PREPARE TRANSACTION 'two'"));
        Assert.Contains("NOTIFY", fault.MessageText);
    }
}
