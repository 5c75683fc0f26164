using System.Diagnostics;
using System.Net;
using EfSecondLevelCache.IntegrationTests.Support;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Time.Testing;
using Npgsql;

namespace EfSecondLevelCache.IntegrationTests.Sources;

/// <summary>
/// A primary, its streaming standby, and one address for both. Commits that the standby never got are lost when it is promoted: what was read of them
/// must not be served any more. How long that takes is reported, not asserted.
/// </summary>
public sealed class FailoverTests(ITestOutputHelper output) : IAsyncLifetime
{
    private static readonly string? Binaries = PrivateCluster.FindBinaries();

    private PrivateCluster _primary = null!;
    private TcpProxy _address = null!;
    private int _standbyPort;

    /// <summary>Of whichever is the primary.</summary>
    private string ConnectionString => To(_address.Endpoint.Port);

    public async ValueTask InitializeAsync()
    {
        Assert.SkipWhen(Binaries is null, "A cluster of its own needs the server's binaries.");
        _primary = await PrivateCluster.StartAsync(Binaries!);
        _standbyPort = await _primary.StartStandbyAsync(Binaries!);
        _address = new TcpProxy(new IPEndPoint(IPAddress.Loopback, _primary.Port));
        await SourceDatabase.CreateTablesAsync(ConnectionString);
        await ExecuteAsync(_primary.Port, "INSERT INTO items VALUES (1, 1, 'kept'), (2, 1, 'other')");
    }

    public async ValueTask DisposeAsync()
    {
        await _address.DisposeAsync();
        await _primary.DisposeAsync();
    }

    [Theory]
    [InlineData(ChangeSourceKind.Notifications)]
    [InlineData(ChangeSourceKind.LogicalReplication)]
    public async Task Nothing_of_a_lost_commit_is_served_and_the_source_goes_on(ChangeSourceKind kind)
    {
        await using var cache = new SecondLevelCache(c => Use(c, kind, ConnectionString));
        await LoseCommitsAsync(cache);
        var token = await TokenAsync();
        var before = cache.Sources.Single();

        var watch = Stopwatch.StartNew();
        await _primary.KillAsync(Binaries!);
        await PromoteAsync();
        await UntilAsync(() => cache.Sources.Single() is var now && (now.State is ChangeSourceState.Lost || now.Reconnects > before.Reconnects));
        var noticed = watch.Elapsed;
        Assert.Equal("kept", (await NameAsync(cache)).Name);

        await cache.WaitUntilLiveAsync(TestContext.Current.CancellationToken);
        Assert.Equal("kept", (await NameAsync(cache)).Name);
        await UntilAsync(async () => (await NameAsync(cache)).WasHit);
        output.WriteLine($"{kind}: noticed {noticed.TotalMilliseconds:F0} ms after the crash began, served again after {watch.Elapsed.TotalMilliseconds:F0} ms");

        // What a token from before stands for may be lost, or be another thing here.
        await using (var db = Open(cache))
        {
            Assert.Equal(RefusalReason.NotCaughtUp,
                db.Items.Where(i => i.Id == 1).Cacheable(q => q.NotOlderThan(token)).ExplainCache().Refusal?.Reason);
        }

        await ExecuteAsync(_standbyPort, "UPDATE items SET name = 'later' WHERE id = 1");
        await UntilAsync(async () => (await NameAsync(cache)).Name == "later");
    }

    [Theory]
    [InlineData(ChangeSourceKind.Notifications)]
    [InlineData(ChangeSourceKind.LogicalReplication)]
    public async Task A_source_that_still_talks_to_the_old_primary_is_noticed(ChangeSourceKind kind)
    {
        var time = new FakeTimeProvider();
        await using var cache = new SecondLevelCache(
            c => Use(c, kind, To(_primary.Port)).UseTimeProvider(time).MaxStaleness(TimeSpan.FromMinutes(10)).DefaultTimeToLive(TimeSpan.FromDays(1)));
        await LoseCommitsAsync(cache);

        await PromoteAsync();
        // When the catalog is compared next, by a query that misses.
        time.Advance(TimeSpan.FromSeconds(11));
        await ReadAnotherAsync(cache);
        Assert.Equal("kept", (await NameAsync(cache)).Name);
        await ExecuteAsync(_standbyPort, "UPDATE items SET name = 'later' WHERE id = 1");
        Assert.Equal("later", (await NameAsync(cache)).Name);

        await UntilAsync(() => cache.Sources.Single() is { State: ChangeSourceState.Lost, Fault: not null });
        Assert.Contains("failover", cache.Sources.Single().Fault!.Message);
        await ExecuteAsync(_standbyPort, "UPDATE items SET name = 'still later' WHERE id = 1");
        Assert.Equal("still later", (await NameAsync(cache)).Name);
    }

    [Fact]
    public async Task Without_a_source_everything_goes_when_the_catalog_is_compared()
    {
        var time = new FakeTimeProvider();
        await using var cache = new SecondLevelCache(c => c.UseTimeProvider(time).DefaultTimeToLive(TimeSpan.FromDays(1)));
        await LoseCommitsAsync(cache);

        await _primary.KillAsync(Binaries!);
        await PromoteAsync();
        time.Advance(TimeSpan.FromSeconds(11));
        await ReadAnotherAsync(cache);
        Assert.Equal("kept", (await NameAsync(cache)).Name);
        Assert.Equal(("kept", true), await NameAsync(cache));
    }

    private static SecondLevelCacheOptionsBuilder Use(SecondLevelCacheOptionsBuilder cache, ChangeSourceKind kind, string connectionString)
        => kind is ChangeSourceKind.Notifications
            ? cache.UseNotifications(n => n.ConnectionString(connectionString))
            : cache.UseLogicalReplication(r => r.ConnectionString(connectionString));

    // A pool would hold connections to the old primary.
    private static string To(int port) => $"Host=127.0.0.1;Port={port};Username=postgres;Database=postgres;Pooling=false";

    /// <summary>Lets the standby fall behind, commits to the primary alone, and has a row of that cached.</summary>
    private async Task LoseCommitsAsync(SecondLevelCache cache)
    {
        await using (var db = Open(cache))
        {
            if (cache.Options.ChangeSource is not null)
                await db.Database.EnsureChangeCaptureAsync(TestContext.Current.CancellationToken);
            Assert.Equal("kept", (await NameAsync(cache)).Name);
            await cache.WaitUntilLiveAsync(TestContext.Current.CancellationToken);
        }

        var end = await AskAsync(_primary.Port, "SELECT pg_current_wal_insert_lsn()::text");
        await UntilAsync(async () => await AskAsync(_standbyPort, $"SELECT (pg_last_wal_replay_lsn() >= '{end}')::text") == "true");
        await ExecuteAsync(_standbyPort, "ALTER SYSTEM SET primary_conninfo = ''");
        await ExecuteAsync(_standbyPort, "SELECT pg_reload_conf()");
        await UntilAsync(async () => await AskAsync(_primary.Port, "SELECT count(*)::text FROM pg_stat_replication WHERE application_name = 'walreceiver'") == "0");

        // Many, so that the new primary does not reach their numbers soon.
        for (var i = 0; i < 200; i++)
            await ExecuteAsync(_primary.Port, "UPDATE items SET name = 'lost' WHERE id = 1");
        if (cache.Options.ChangeSource is null)
            await cache.ClearAsync();
        await UntilAsync(async () => await NameAsync(cache) == ("lost", true));
    }

    private async Task PromoteAsync()
    {
        await ExecuteAsync(_standbyPort, "SELECT pg_promote()");
        _address.Target = new IPEndPoint(IPAddress.Loopback, _standbyPort);
        _address.Cut();
        _address.Restore();
    }

    private async Task<ChangeToken> TokenAsync()
    {
        await using var db = Open(null);
        return await db.Database.GetChangeTokenAsync();
    }

    private async Task<(string Name, bool WasHit)> NameAsync(SecondLevelCache cache)
    {
        var hits = cache.Statistics.Hits;
        await using var db = Open(cache);
        var item = await db.Items.Where(i => i.Id == 1).Cacheable().SingleAsync();
        return (item.Name, cache.Statistics.Hits > hits);
    }

    private async Task ReadAnotherAsync(SecondLevelCache cache)
    {
        await using var db = Open(cache);
        await db.Items.Where(i => i.Id == 2).Cacheable().SingleAsync();
    }

    private SourceContext Open(SecondLevelCache? cache)
    {
        var options = new DbContextOptionsBuilder<SourceContext>().UseNpgsql(ConnectionString);
        return new SourceContext((cache is null ? options : options.AddSecondLevelCache(cache)).Options);
    }

    private static async Task ExecuteAsync(int port, string sql)
    {
        await using var connection = new NpgsqlConnection(To(port));
        await connection.OpenAsync();
        await SourceDatabase.ExecuteAsync(connection, sql);
    }

    private static async Task<string?> AskAsync(int port, string sql)
    {
        await using var connection = new NpgsqlConnection(To(port));
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        return (string?)await command.ExecuteScalarAsync();
    }

    private static Task UntilAsync(Func<bool> condition) => UntilAsync(() => Task.FromResult(condition()));

    private static async Task UntilAsync(Func<Task<bool>> condition)
    {
        for (var attempt = 0; !await condition(); attempt++)
        {
            Assert.True(attempt < 2_000, "This did not come.");
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }
    }
}
