using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace EfSecondLevelCache.IntegrationTests.Sources;

/// <summary>The write-ahead log, where of other columns than those of the key old values are not logged.</summary>
public class LogicalReplicationTests(SourceDatabase database) : ChangeSourceSpecification(database)
{
    protected override bool TellsOldValues => false;

    protected override string RemoveCaptureOfItems => "ALTER PUBLICATION second_level_cache DROP TABLE items";

    protected override SecondLevelCacheOptionsBuilder Configure(SecondLevelCacheOptionsBuilder cache) => cache.UseLogicalReplication();

    protected override SecondLevelCacheOptionsBuilder ConfigureUncaptured(SecondLevelCacheOptionsBuilder cache)
        => cache.UseLogicalReplication(r => r.CacheUncapturedTables());

    [Fact]
    public async Task Two_phase_commit()
    {
        Assert.Equal("", await RemovedByAsync(
            "BEGIN; UPDATE items SET name = 'changed' WHERE id = 1; PREPARE TRANSACTION 'two'", "item 1", "item 2"));
        Assert.Equal("item 1", await RemovedByAsync("COMMIT PREPARED 'two'", "item 1", "item 2"));
    }

    [Fact]
    public async Task A_table_without_replica_identity_is_not_published_and_not_cached()
    {
        await Database.ExecuteAsync("ALTER TABLE animals REPLICA IDENTITY NOTHING");
        await using var db = Open();
        await db.Database.RemoveChangeCaptureAsync(TestContext.Current.CancellationToken);
        await db.Database.EnsureChangeCaptureAsync(TestContext.Current.CancellationToken);
        try
        {
            await Cache.WaitUntilLiveAsync(TestContext.Current.CancellationToken);
            await Database.ExecuteAsync("UPDATE animals SET name = 'still allowed'");
            await CatchUpAsync();
            Assert.Contains(nameof(RefusalReason.NotCaptured), await ExplainAsync("animal 1"));
            Assert.Equal("item 1", await RemovedByAsync("UPDATE items SET name = 'changed' WHERE id = 1", "item 1", "item 2"));
        }
        finally
        {
            await Database.ExecuteAsync("ALTER TABLE animals REPLICA IDENTITY DEFAULT");
        }
    }

    [Fact]
    public async Task A_publication_of_some_rows_is_no_capture()
    {
        await Database.ExecuteAsync("ALTER PUBLICATION second_level_cache SET TABLE items WHERE (id < 3)");
        try
        {
            await CatchUpAsync();
            Assert.Contains(nameof(RefusalReason.NotCaptured), await ExplainAsync("item 1"));
        }
        finally
        {
            await Database.ExecuteAsync("DROP PUBLICATION second_level_cache");
        }
    }

    [Fact]
    public async Task Without_a_publication_it_says_what_to_do_and_goes_on_when_that_is_done()
    {
        await Database.ExecuteAsync("DROP PUBLICATION second_level_cache");
        await using var cache = CreateCache(c => Configure(c));
        await using var db = Database.Open(cache);
        await db.Items.Cacheable().CountAsync(TestContext.Current.CancellationToken);
        await UntilAsync(() => Task.FromResult(cache.Sources.Single().Fault is not null));
        Assert.Contains("EnsureChangeCaptureAsync", cache.Sources.Single().Fault!.Message);
        Assert.Equal(ChangeSourceState.Starting, cache.Sources.Single().State);

        await db.Database.EnsureChangeCaptureAsync(TestContext.Current.CancellationToken);
        await cache.WaitUntilLiveAsync(TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task A_slot_goes_with_the_cache()
    {
        await Cache.DisposeAsync();
        await using var connection = new NpgsqlConnection(Database.ConnectionString);
        await connection.OpenAsync(TestContext.Current.CancellationToken);
        await using var command = new NpgsqlCommand("SELECT count(*) FROM pg_replication_slots WHERE database = current_database()", connection);
        await UntilAsync(async () => (long)(await command.ExecuteScalarAsync())! == 0);
    }
}

/// <summary>With all old values in the log.</summary>
public sealed class FullReplicaIdentityTests(SourceDatabase database) : LogicalReplicationTests(database)
{
    protected override bool TellsOldValues => true;

    public override async ValueTask InitializeAsync()
    {
        await Database.ExecuteAsync(
            """
            ALTER TABLE items REPLICA IDENTITY FULL; ALTER TABLE parts REPLICA IDENTITY FULL; ALTER TABLE keyed REPLICA IDENTITY FULL;
            """);
        await base.InitializeAsync();
    }
}
