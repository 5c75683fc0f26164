using System.Collections.Concurrent;
using System.Diagnostics;
using EfSecondLevelCache.IntegrationTests.Sources;
using EfSecondLevelCache.Threading;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace EfSecondLevelCache.IntegrationTests.Compatibility;

/// <summary>What the cache does in the background has nothing of the request that happened to be the first.</summary>
public sealed class BackgroundContextTests(SourceDatabase database) : IClassFixture<SourceDatabase>
{
    private static readonly AsyncLocal<string?> Request = new();

    [Theory]
    [InlineData("notifications")]
    [InlineData("replication")]
    [InlineData("postgres")]
    [InlineData("peers from a table")]
    [InlineData("leases")]
    public async Task No_activity_of_the_background_belongs_to_the_first_request(string kind)
    {
        var application = $"background {kind}";
        var connectionString = new NpgsqlConnectionStringBuilder(database.ConnectionString) { ApplicationName = application }.ConnectionString;
        await using (var plain = database.Open(null))
        {
            await using var setUp = new SecondLevelCache(c => Configure(c, kind, connectionString));
            await using var db = database.Open(setUp, connectionString);
            if (kind is "notifications" or "replication")
                await db.Database.EnsureChangeCaptureAsync(TestContext.Current.CancellationToken);
        }

        var later = new ConcurrentQueue<string>();
        using var request = new Activity("the first request").Start();
        var isOver = false;
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == "Npgsql",
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
            ActivityStarted = activity =>
            {
                if (Volatile.Read(ref isOver) && (activity.TraceId == request.TraceId || Request.Value is not null))
                    later.Enqueue($"{activity.DisplayName} {activity.ParentId}");
            },
        };
        ActivitySource.AddActivityListener(listener);
        Request.Value = "the first request";
        await using var cache = new SecondLevelCache(c => Configure(c, kind, connectionString));
        await using (var db = database.Open(cache, connectionString))
            await db.Items.Where(i => i.Id == 1).Cacheable().ToListAsync(TestContext.Current.CancellationToken);
        await cache.WaitUntilLiveAsync(TestContext.Current.CancellationToken).WaitAsync(TimeSpan.FromSeconds(60));
        request.Stop();
        Request.Value = null;
        Volatile.Write(ref isOver, true);

        await Task.Delay(TimeSpan.FromSeconds(1.5), TestContext.Current.CancellationToken);
        Assert.Empty(later);
    }

    [Fact]
    public async Task A_backplane_and_its_heartbeat_know_nothing_of_the_first_request()
    {
        Request.Value = "the first request";
        var factory = new NotingFactory();
        await using var cache = new SecondLevelCache(c => c.UseBackplane(factory).MaxStaleness(TimeSpan.FromMilliseconds(200)));
        Request.Value = null;
        var seen = await factory.Seen.Task.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
        Assert.Null(seen);
    }

    [Fact]
    public async Task No_entry_to_background_work_takes_the_caller_along()
    {
        Request.Value = "the first request";
        var seen = new BlockingCollection<string?>();
        await BackgroundWork.RunOnThread("test", () => seen.Add(Request.Value));
        await BackgroundWork.RunOnPool(() =>
        {
            seen.Add(Request.Value);
            return Task.CompletedTask;
        });
        using var once = BackgroundWork.Delay(TimeProvider.System, TimeSpan.FromMilliseconds(1), _ => seen.Add(Request.Value));
        using var often = BackgroundWork.Repeat(TimeProvider.System, TimeSpan.FromMilliseconds(1), timer =>
        {
            timer.Dispose();
            seen.Add(Request.Value);
        });
        await using var beat = BackgroundWork.RepeatOnThread("test", TimeProvider.System, TimeSpan.FromMilliseconds(1), () => seen.Add(Request.Value));
        for (var entry = 0; entry < 5; entry++)
        {
            Assert.True(seen.TryTake(out var value, TimeSpan.FromSeconds(30)));
            Assert.Null(value);
        }

        Assert.Equal("the first request", Request.Value);
    }

    private static SecondLevelCacheOptionsBuilder Configure(SecondLevelCacheOptionsBuilder cache, string kind, string connectionString) => kind switch
    {
        "notifications" => cache.UseNotifications(n => n.HeartbeatInterval(TimeSpan.FromMilliseconds(100))),
        "replication" => cache.UseLogicalReplication(r => r.HeartbeatInterval(TimeSpan.FromMilliseconds(100))),
        "postgres" => cache.UsePostgresBackplane(),
        "leases" => cache.UsePostgresBackplane(connectionString).SynchronousWrites(connectionString, TimeSpan.FromMilliseconds(400)),
        _ => cache.UsePeers(p => p.Listen("127.0.0.1:0").MembersFromDatabase(connectionString)),
    };

    private sealed record NotingFactory : BackplaneFactory
    {
        public TaskCompletionSource<string?> Seen { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public override IBackplane Create(ILogger logger) => new NotingBackplane(Seen);
    }

    private sealed class NotingBackplane(TaskCompletionSource<string?> seen) : IBackplane
    {
        public string NodeName => "noting";

        public int MaxMessageBytes => 1 << 16;

        public BackplaneHealth Health => new(BackplaneState.Live, Dropped: 0);

        public void Start(IBackplaneReceiver receiver)
        {
        }

        public void Publish(ReadOnlyMemory<byte> message) => seen.TrySetResult(Request.Value);

        public ValueTask DisposeAsync() => default;
    }
}
