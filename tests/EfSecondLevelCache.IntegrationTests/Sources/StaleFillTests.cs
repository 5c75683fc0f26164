using EfSecondLevelCache.IntegrationTests.Support;

namespace EfSecondLevelCache.IntegrationTests.Sources;

/// <summary>No result is kept that is older than a change that was told, however close the two come to each other.</summary>
public sealed class StaleFillTests(SourceDatabase database, ITestOutputHelper output) : IClassFixture<SourceDatabase>
{
    /// <summary>Long enough to find some without the rule; raise it for a soak.</summary>
    private static readonly TimeSpan Duration = TimeSpan.FromSeconds(
        double.TryParse(Environment.GetEnvironmentVariable("EFSLC_HAMMER_SECONDS"), out var seconds) ? seconds : 3);

    [Fact]
    public Task Notifications_on_a_plain_server() => HasNoneAsync(database.ConnectionString, cache => cache.UseNotifications());

    [Fact]
    public Task Logical_replication_on_a_plain_server() => HasNoneAsync(database.ConnectionString, cache => cache.UseLogicalReplication());

    [Fact]
    public async Task Behind_a_slow_synchronous_standby()
    {
        Assert.SkipWhen(PrivateCluster.FindBinaries() is null, "A cluster of its own needs the server's binaries.");
        await using var cluster = await PrivateCluster.StartAsync(PrivateCluster.FindBinaries()!);
        await SourceDatabase.CreateTablesAsync(cluster.ConnectionString);
        await using var standby = await SlowStandby.StartAsync(cluster.ConnectionString);
        await SlowStandby.RequireAsync(cluster.ConnectionString);

        await HasNoneAsync(cluster.ConnectionString, cache => cache.UseNotifications());
        await HasNoneAsync(cluster.ConnectionString, cache => cache.UseLogicalReplication());

        // What the rule is for.
        var without = new StaleFillHammer(cluster.ConnectionString, cache => cache.UseLogicalReplication(r => r.WithoutSnapshotRule()));
        await without.RunAsync(Duration);
        Report(without);
        Assert.NotEqual(0, without.Stale);
        await SlowStandby.RequireAsync(cluster.ConnectionString, required: false);
    }

    private async Task HasNoneAsync(string connectionString, Action<SecondLevelCacheOptionsBuilder> configure)
    {
        var hammer = new StaleFillHammer(connectionString, configure);
        await hammer.RunAsync(Duration);
        Report(hammer);
        Assert.Equal((0, 0), (hammer.Stale, hammer.WrongAtTheEnd));
        Assert.NotEqual(0, hammer.Hits);
    }

    private void Report(StaleFillHammer hammer)
        => output.WriteLine($"{hammer.Reads} reads, {hammer.Hits} hits, {hammer.Stale} stale, {hammer.WrongAtTheEnd} wrong at the end, "
            + $"{hammer.FillsPrevented} stale fills prevented");
}
