using System.Diagnostics;
using EfSecondLevelCache.IntegrationTests.Support;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace EfSecondLevelCache.IntegrationTests.Sources;

/// <summary>
/// A source that is lost stops what it stands for: nothing is served that was changed meanwhile, and the cache serves again by itself. How long that
/// took is reported, not asserted.
/// </summary>
public abstract class LostSourceSpecification(SourceDatabase database, ITestOutputHelper output) : ChangeSourceTests(database)
{
    private static readonly Func<SourceContext, Task<object?>> Item = async db => await db.Items.Where(i => i.Id == 1).Cacheable().ToListAsync();

    private WireTap? _tap;

    private WireTap Tap => _tap ??= new WireTap(Database.ConnectionString);

    /// <summary>The source's connections go through the tap, those of the queries do not.</summary>
    protected string SourceConnectionString => Tap.ConnectionString;

    protected abstract string OwnBackends { get; }

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        if (_tap is not null)
            await _tap.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public Task Its_backend_is_terminated() => RecoversAsync(
        () => Database.ExecuteAsync($"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {OwnBackends}"));

    [Fact]
    public Task Its_side_connection_is_terminated() => RecoversAsync(
        () => Database.ExecuteAsync(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'EfSecondLevelCache'"));

    [Fact]
    public Task Its_connections_break() => RecoversAsync(Tap.InterruptAsync, Tap.Resume);

    [Fact]
    public async Task Its_connections_fall_silent()
    {
        await UntilServedAsync();

        // The server's answers no longer come, and nobody tells so.
        Tap.Pause();
        await Database.ExecuteAsync("UPDATE items SET name = 'unheard' WHERE id = 1");
        await UntilAsync(async () => (await ExplainAsync(Item)).Contains(nameof(RefusalReason.SourceNotLive)));
        Assert.Contains("unheard", (await GetAsync(Item)).Result);

        Tap.Unpause();
        await UntilServedAsync();
        Assert.Contains("unheard", (await GetAsync(Item)).Result);
    }

    [Fact]
    public async Task Its_server_cannot_be_reached_at_the_start()
    {
        await Tap.InterruptAsync();
        await using var cache = CreateCache(c => Configure(c));
        await using var db = Database.Open(cache);
        await db.Items.Cacheable().CountAsync(TestContext.Current.CancellationToken);
        await UntilAsync(() => Task.FromResult(cache.Sources.Single().Fault is not null));
        Assert.Equal(ChangeSourceState.Starting, cache.Sources.Single().State);
        Assert.Equal([RefusalReason.SourceNotLive], cache.Statistics.RefusalsByReason.Keys);

        Tap.Resume();
        await cache.WaitUntilLiveAsync(TestContext.Current.CancellationToken);
        Assert.Equal(ChangeSourceState.Live, cache.Sources.Single().State);
    }

    [Fact]
    public async Task A_query_that_was_under_way_while_it_was_lost_is_not_kept()
    {
        await UntilServedAsync();
        await Cache.ClearAsync();
        var before = Cache.Statistics;
        await using var locking = new NpgsqlConnection(Database.ConnectionString);
        await locking.OpenAsync(TestContext.Current.CancellationToken);
        await SourceDatabase.ExecuteAsync(locking, "BEGIN; LOCK TABLE items");
        var slow = Task.Run(() => GetAsync(Item));
        await UntilAsync(() => Task.FromResult(Cache.Statistics.Misses > before.Misses));
        await Database.ExecuteAsync($"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {OwnBackends}");
        // A new slot waits for the transaction that holds the lock.
        await UntilAsync(() => Task.FromResult(Cache.Sources.Single() is { Reconnects: > 0 } now
            && (now.State is ChangeSourceState.Live || now.Kind is ChangeSourceKind.LogicalReplication)));
        await SourceDatabase.ExecuteAsync(locking, "COMMIT");
        await slow;
        Assert.Equal(before.Fills, Cache.Statistics.Fills);
    }

    /// <summary>Through the source's own loss and return, nothing older than the database is served.</summary>
    /// <param name="lose">What makes the source lost.</param>
    /// <param name="mend">What has to be done that it can come back.</param>
    protected async Task RecoversAsync(Func<Task> lose, Action? mend = null)
    {
        await UntilServedAsync();
        var before = Cache.Sources.Single();

        var watch = Stopwatch.StartNew();
        await lose();
        await UntilAsync(() => Task.FromResult(Cache.Sources.Single() is var now && (now.State is ChangeSourceState.Lost || now.Flushes > before.Flushes)));
        var noticed = watch.Elapsed;
        await Database.ExecuteAsync("UPDATE items SET name = 'meanwhile' WHERE id = 1");
        Assert.Contains("meanwhile", (await GetAsync(Item)).Result);

        mend?.Invoke();
        await UntilServedAsync();
        output.WriteLine($"noticed after {noticed.TotalMilliseconds:F0} ms, served again after {watch.Elapsed.TotalMilliseconds:F0} ms");
        Assert.Contains("meanwhile", (await GetAsync(Item)).Result);
        var after = Cache.Sources.Single();
        // PostgreSQL 18 does not end a stream whose publication is gone.
        Assert.True(after.Flushes > before.Flushes, $"{before} {after}");

        Assert.Equal("item 1", await RemovedByAsync("UPDATE items SET name = 'later' WHERE id = 1", "item 1", "item 2"));
    }

    private Task UntilServedAsync() => UntilAsync(async () => (await GetAsync(Item)).WasHit);
}

public sealed class LostNotificationsTests(SourceDatabase database, ITestOutputHelper output) : LostSourceSpecification(database, output)
{
    protected override string OwnBackends => "datname = current_database() AND query LIKE 'LISTEN second_level_cache%'";

    protected override SecondLevelCacheOptionsBuilder Configure(SecondLevelCacheOptionsBuilder cache)
        => cache.UseNotifications(n => n.ConnectionString(SourceConnectionString)).MaxStaleness(TimeSpan.FromSeconds(3));
}

public sealed class LostLogicalReplicationTests(SourceDatabase database, ITestOutputHelper output) : LostSourceSpecification(database, output)
{
    protected override string OwnBackends => "datname = current_database() AND backend_type = 'walsender'";

    protected override SecondLevelCacheOptionsBuilder Configure(SecondLevelCacheOptionsBuilder cache)
        => cache.UseLogicalReplication(r => r.ConnectionString(SourceConnectionString)).MaxStaleness(TimeSpan.FromSeconds(3));

    [Fact]
    public Task Its_slot_is_dropped() => RecoversAsync(() => Database.ExecuteAsync(
        """
        SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE database = current_database();
        """));

    [Fact]
    public async Task The_publication_is_dropped()
    {
        await RecoversAsync(
            async () =>
            {
                await Database.ExecuteAsync("DROP PUBLICATION second_level_cache");
                await Database.ExecuteAsync("UPDATE items SET name = 'unpublished' WHERE id = 2");
            },
            () =>
            {
                using var db = Open();
                db.Database.EnsureChangeCaptureAsync(TestContext.Current.CancellationToken).GetAwaiter().GetResult();
            });
    }
}
