using System.Diagnostics;
using EfSecondLevelCache.IntegrationTests.Support;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace EfSecondLevelCache.IntegrationTests.Sources;

/// <summary>A server that crashes and comes back: the slot is gone, and what was written meanwhile was told to nobody.</summary>
public sealed class ServerRestartTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData(ChangeSourceKind.Notifications)]
    [InlineData(ChangeSourceKind.LogicalReplication)]
    public async Task It_serves_again_by_itself_and_nothing_old(ChangeSourceKind kind)
    {
        var binaries = PrivateCluster.FindBinaries();
        Assert.SkipWhen(binaries is null, "A cluster of its own needs the server's binaries.");
        await using var cluster = await PrivateCluster.StartAsync(binaries!);
        // The application's own pool holds connections that the crash has broken.
        var connectionString = new NpgsqlConnectionStringBuilder(cluster.ConnectionString) { Pooling = false }.ConnectionString;
        await SourceDatabase.CreateTablesAsync(connectionString);
        await using var cache = new SecondLevelCache(c => _ = kind is ChangeSourceKind.Notifications ? c.UseNotifications() : c.UseLogicalReplication());
        await using var db = new SourceContext(
            new DbContextOptionsBuilder<SourceContext>().UseNpgsql(connectionString).AddSecondLevelCache(cache).Options);
        await db.Database.EnsureChangeCaptureAsync(TestContext.Current.CancellationToken);
        await cache.WaitUntilLiveAsync(TestContext.Current.CancellationToken);
        Assert.Equal(0, await CountAsync());
        Assert.Equal(0, await CountAsync());
        Assert.Equal(1, cache.Statistics.Hits);

        var watch = Stopwatch.StartNew();
        await cluster.RestartAsync(binaries!);
        await using (var connection = new NpgsqlConnection(connectionString))
        {
            await connection.OpenAsync(TestContext.Current.CancellationToken);
            await SourceDatabase.ExecuteAsync(connection, "INSERT INTO items VALUES (1, 1, 'after the restart')");
        }

        Assert.Equal(1, await CountAsync());
        await cache.WaitUntilLiveAsync(TestContext.Current.CancellationToken);
        output.WriteLine($"{kind}: live again {watch.Elapsed.TotalMilliseconds:F0} ms after the restart began");
        Assert.Equal(1, await CountAsync());
        Assert.Equal(1, await CountAsync());
        // It may have been live again before it was asked the first time.
        Assert.InRange(cache.Statistics.Hits, 2, 3);
        Assert.True(cache.Sources.Single().Reconnects > 0);

        Task<int> CountAsync() => db.Items.Cacheable().CountAsync(TestContext.Current.CancellationToken);
    }
}
