using EfSecondLevelCache.IntegrationTests.Support;
using Microsoft.EntityFrameworkCore;

namespace EfSecondLevelCache.IntegrationTests.Sources;

/// <summary>
/// Somebody writes elsewhere and takes a token. This node has the old row cached, and its source can be held back: with the token the old row is never
/// served, without it, it may be.
/// </summary>
public abstract class ReadYourWritesSpecification(SourceDatabase database) : ChangeSourceTests(database)
{
    private WireTap? _tap;

    private WireTap Tap => _tap ??= new WireTap(Database.ConnectionString);

    /// <summary>The source's connections go through the tap, those of the queries do not.</summary>
    protected string SourceConnectionString => Tap.ConnectionString;

    /// <summary>It sends none by itself while a test runs, so what is told in between is not known to be.</summary>
    protected static TimeSpan HeartbeatInterval => TimeSpan.FromMinutes(5);

    public override async ValueTask DisposeAsync()
    {
        _tap?.Unpause();
        await base.DisposeAsync();
        if (_tap is not null)
            await _tap.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task While_the_source_is_held_back_a_token_leads_to_the_database(bool async)
    {
        await CachedAsync("item 1");
        Tap.Pause();
        var token = await WriteAsync("new");

        Assert.Equal(("item 1", true), await ReadAsync(default, async));
        Assert.Equal(("new", false), await ReadAsync(token, async));
        Assert.Contains(nameof(RefusalReason.NotCaughtUp), await ExplainAsync(token));
        // Its result was not kept, and the old one is still there for who asks for nothing.
        Assert.Equal(("item 1", true), await ReadAsync(default, async));

        Tap.Unpause();
        await UntilAsync(async () => await ReadAsync(token, async) == ("new", true));
        Assert.Equal(("new", true), await ReadAsync(default, async));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_query_with_a_token_has_the_source_catch_up(bool async)
    {
        await CachedAsync("item 1");
        var token = await WriteAsync("new");

        // Nobody else sends a heartbeat; a machine under load may need more than one try.
        await UntilAsync(async () =>
        {
            Assert.Equal("new", (await ReadAsync(token, async)).Name);
            return Cache.Statistics.Fills == 2;
        });
        Assert.Equal(("new", true), await ReadAsync(token, async));
    }

    [Fact]
    public async Task A_token_of_a_transaction_stands_for_its_commit()
    {
        await CachedAsync("item 1");
        await using var writer = Database.Open(null);
        await using var transaction = await writer.Database.BeginTransactionAsync(TestContext.Current.CancellationToken);
        (await writer.Items.SingleAsync(i => i.Id == 1, TestContext.Current.CancellationToken)).Name = "new";
        await writer.SaveChangesAsync(TestContext.Current.CancellationToken);
        var token = await writer.Database.GetChangeTokenAsync(TestContext.Current.CancellationToken);

        // The source has told of everything that happened so far, and the commit did not.
        await CatchUpAsync();
        Assert.Equal(("item 1", false), await ReadAsync(token));
        Assert.Contains(nameof(RefusalReason.NotCaughtUp), await ExplainAsync(token));

        Tap.Pause();
        await transaction.CommitAsync(TestContext.Current.CancellationToken);
        Assert.Equal(("item 1", true), await ReadAsync(default));
        Assert.Equal(("new", false), await ReadAsync(token));

        Tap.Unpause();
        await UntilAsync(async () => await ReadAsync(token) == ("new", true));
    }

    [Fact]
    public async Task A_token_of_a_transaction_that_is_rolled_back_stands_for_nothing()
    {
        await CachedAsync("item 1");
        await using var writer = Database.Open(null);
        await using var transaction = await writer.Database.BeginTransactionAsync(TestContext.Current.CancellationToken);
        (await writer.Items.SingleAsync(i => i.Id == 1, TestContext.Current.CancellationToken)).Name = "new";
        await writer.SaveChangesAsync(TestContext.Current.CancellationToken);
        var token = await writer.Database.GetChangeTokenAsync(TestContext.Current.CancellationToken);
        await transaction.RollbackAsync(TestContext.Current.CancellationToken);

        await UntilAsync(async () => await ReadAsync(token) == ("item 1", true));
    }

    [Fact]
    public async Task A_token_of_another_database_or_from_before_a_failover_leads_to_the_database()
    {
        await CachedAsync("item 1");
        var token = await WriteAsync("new");
        await CatchUpAsync();
        Assert.Equal("new", (await ReadAsync(token)).Name);
        Assert.Equal(("new", true), await ReadAsync(token));

        foreach (var other in (ChangeToken[])[token with { Database = token.Database + 1 }, token with { Timeline = token.Timeline + 1 }])
        {
            Assert.Equal(("new", false), await ReadAsync(other));
            Assert.Contains("another database", await ExplainAsync(other));
        }
    }

    [Fact]
    public async Task A_forged_token_costs_no_more_than_the_database()
    {
        await CachedAsync("item 1");
        var token = await WriteAsync("new");
        Assert.Equal(("new", false), await ReadAsync(token with { Lsn = ulong.MaxValue }));
        Assert.Equal(("new", false), await ReadAsync(token with { Xid = ulong.MaxValue }));
    }

    [Fact]
    public async Task Inside_of_a_transaction_nobody_waits()
    {
        Tap.Pause();
        var token = await WriteAsync("new");
        await using var db = Open();
        await using var transaction = await db.Database.BeginTransactionAsync(TestContext.Current.CancellationToken);
        var explained = await db.ExplainCacheAsync(() => Query(db, token).ToListAsync());
        Assert.Equal(RefusalReason.InTransaction, Assert.Single(explained).Refusal?.Reason);
    }

    protected async Task CachedAsync(string name)
    {
        Assert.Equal((name, false), await ReadAsync(default));
        Assert.Equal((name, true), await ReadAsync(default));
    }

    /// <summary>By another process, which has no cache.</summary>
    private async Task<ChangeToken> WriteAsync(string name)
    {
        await using var writer = Database.Open(null);
        (await writer.Items.SingleAsync(i => i.Id == 1)).Name = name;
        await writer.SaveChangesAsync();
        // As a cookie would carry it.
        return ChangeToken.Parse((await writer.Database.GetChangeTokenAsync()).ToString());
    }

    private async Task<(string Name, bool WasHit)> ReadAsync(ChangeToken token, bool async = true)
    {
        var hits = Cache.Statistics.Hits;
        await using var db = Open();
        var item = async ? await Query(db, token).SingleAsync() : Query(db, token).Single();
        return (item.Name, Cache.Statistics.Hits > hits);
    }

    private async Task<string> ExplainAsync(ChangeToken token)
    {
        await using var db = Open();
        var executed = string.Join(Environment.NewLine, await db.ExplainCacheAsync(() => Query(db, token).ToListAsync()));
        Assert.Contains(nameof(RefusalReason.NotCaughtUp), $"{Query(db, token).ExplainCache()}");
        return executed;
    }

    private static IQueryable<Item> Query(SourceContext db, ChangeToken token)
        => db.Items.Where(i => i.Id == 1).Cacheable(q => q.NotOlderThan(token));
}

public sealed class ReadYourWritesByNotificationsTests(SourceDatabase database) : ReadYourWritesSpecification(database)
{
    protected override SecondLevelCacheOptionsBuilder Configure(SecondLevelCacheOptionsBuilder cache)
        => cache.UseNotifications(n => n.ConnectionString(SourceConnectionString).HeartbeatInterval(HeartbeatInterval)).MaxStaleness(TimeSpan.FromHours(1));
}

public sealed class ReadYourWritesByLogicalReplicationTests(SourceDatabase database) : ReadYourWritesSpecification(database)
{
    protected override SecondLevelCacheOptionsBuilder Configure(SecondLevelCacheOptionsBuilder cache)
        => cache.UseLogicalReplication(r => r.ConnectionString(SourceConnectionString).HeartbeatInterval(HeartbeatInterval))
            .MaxStaleness(TimeSpan.FromHours(1));
}

/// <summary>Commits become visible late there, and the decoded log tells of them before.</summary>
public sealed class ReadYourWritesBehindASlowStandbyTests
{
    [Theory]
    [InlineData(ChangeSourceKind.Notifications)]
    [InlineData(ChangeSourceKind.LogicalReplication)]
    public async Task Whoever_has_a_token_reads_what_was_written_or_later(ChangeSourceKind kind)
    {
        Assert.SkipWhen(PrivateCluster.FindBinaries() is null, "A cluster of its own needs the server's binaries.");
        await using var cluster = await PrivateCluster.StartAsync(PrivateCluster.FindBinaries()!);
        await SourceDatabase.CreateTablesAsync(cluster.ConnectionString);
        await using var cache = new SecondLevelCache(c => _ = kind is ChangeSourceKind.Notifications ? c.UseNotifications() : c.UseLogicalReplication());
        await using (var db = Open(cache))
        {
            db.Items.AddRange(Enumerable.Range(1, 3).Select(id => new Item { Id = id }));
            await db.SaveChangesAsync(TestContext.Current.CancellationToken);
            await db.Database.EnsureChangeCaptureAsync(TestContext.Current.CancellationToken);
            await cache.WaitUntilLiveAsync(TestContext.Current.CancellationToken);
        }

        await using var standby = await SlowStandby.StartAsync(cluster.ConnectionString);
        await SlowStandby.RequireAsync(cluster.ConnectionString);
        await Task.WhenAll(Enumerable.Range(1, 3).Select(id => Task.Run(() => WriteAndReadAsync(id))));
        Assert.NotEqual(0, cache.Statistics.Hits);
        await SlowStandby.RequireAsync(cluster.ConnectionString, required: false);

        async Task WriteAndReadAsync(int id)
        {
            for (var value = 1; value <= 60; value++)
            {
                await using var writer = Open(null);
                await writer.Items.Where(i => i.Id == id).ExecuteUpdateAsync(set => set.SetProperty(i => i.GroupId, value));
                var token = await writer.Database.GetChangeTokenAsync();
                for (var read = 0; read < 3; read++)
                {
                    await using var reader = Open(cache);
                    Assert.Equal(value, (await reader.Items.Where(i => i.Id == id).Cacheable(q => q.NotOlderThan(token)).SingleAsync()).GroupId);
                }
            }
        }

        SourceContext Open(SecondLevelCache? with)
        {
            var options = new DbContextOptionsBuilder<SourceContext>().UseNpgsql(cluster.ConnectionString);
            return new SourceContext((with is null ? options : options.AddSecondLevelCache(with)).Options);
        }
    }
}
