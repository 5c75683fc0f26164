using System.Net;
using EfSecondLevelCache.IntegrationTests.Backplanes;
using EfSecondLevelCache.IntegrationTests.Serving;
using EfSecondLevelCache.IntegrationTests.Support;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace EfSecondLevelCache.IntegrationTests.Compatibility;

/// <summary>Nobody waits for ever for a cache that is disposed, for a source that is lost, or for nodes that are silent.</summary>
public sealed class DisposalTests(ShopDatabase database) : ShopTests(database)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task Waiting_until_a_disposed_cache_is_live_is_an_error()
    {
        var cache = new SecondLevelCache(c => c.UseNotifications());
        await UseAsync(cache);
        await cache.DisposeAsync();

        await Assert.ThrowsAsync<ObjectDisposedException>(() => cache.WaitUntilLiveAsync().WaitAsync(Patience));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Disposing_ends_the_wait_until_the_cache_is_live(bool isAsync)
    {
        // Nobody listens there.
        var cache = new SecondLevelCache(c => c.UseNotifications(n => n.ConnectionString($"Host=127.0.0.1;Port={TcpProxy.FreePort()}")));
        await UseAsync(cache);
        var waiting = cache.WaitUntilLiveAsync();
        await Task.Delay(100);
        Assert.False(waiting.IsCompleted);

        if (isAsync)
            await cache.DisposeAsync();
        else
            cache.Dispose();

        await Assert.ThrowsAsync<ObjectDisposedException>(() => waiting.WaitAsync(Patience));
    }

    [Fact]
    public async Task The_token_ends_the_wait_until_the_cache_is_live()
    {
        await using var cache = new SecondLevelCache(c => c.UseNotifications(n => n.ConnectionString($"Host=127.0.0.1;Port={TcpProxy.FreePort()}")));
        await UseAsync(cache);
        using var cancellation = new CancellationTokenSource(100);

        var error = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cache.WaitUntilLiveAsync(cancellation.Token).WaitAsync(Patience));

        Assert.Equal(cancellation.Token, error.CancellationToken);
    }

    [Fact]
    public async Task Installing_the_capture_does_not_wait_for_a_source_that_is_lost()
    {
        var settings = new NpgsqlConnectionStringBuilder(Tap.ConnectionString);
        await using var wire = new TcpProxy(new IPEndPoint(IPAddress.Parse(settings.Host!), settings.Port));
        (settings.Host, settings.Port) = ($"{wire.Endpoint.Address}", wire.Endpoint.Port);
        await using var cache = new SecondLevelCache(c => c
            .MaxStaleness(TimeSpan.FromSeconds(4)).UseNotifications(n => n.ConnectionString(settings.ConnectionString)));
        await using var db = Open(cache);
        await db.Products.Cacheable().CountAsync();
        await db.Database.EnsureChangeCaptureAsync();
        await cache.WaitUntilLiveAsync().WaitAsync(Patience);

        // Its heartbeat is under way, and does not come back; the next one never begins.
        wire.Hold();
        await Task.Delay(1500);

        await db.Database.EnsureChangeCaptureAsync().WaitAsync(Patience);
        await db.Database.RemoveChangeCaptureAsync().WaitAsync(Patience);
    }

    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(false, false)]
    public async Task Who_disposes_of_a_cache_at_the_same_time_returns_when_it_is_done(bool firstIsAsync, bool secondIsAsync)
    {
        var backplane = new SlowBackplane();
        var cache = new SecondLevelCache(c => c.UseBackplane(backplane));
        var first = Task.Run(() => DisposeAsync(firstIsAsync));
        await backplane.IsClosing.Task.WaitAsync(Patience);

        var second = Task.Run(() => DisposeAsync(secondIsAsync));
        await Task.Delay(200);
        Assert.False(second.IsCompleted);

        backplane.MayClose.SetResult();
        await Task.WhenAll(first, second).WaitAsync(Patience);
        Assert.Equal(1, backplane.Closed);
        await DisposeAsync(isAsync: true).WaitAsync(Patience);

        async Task DisposeAsync(bool isAsync)
        {
            if (isAsync)
                await cache.DisposeAsync();
            else
                cache.Dispose();
        }
    }

    [Fact]
    public async Task A_thread_is_not_kept_for_ever_by_a_backplane_that_does_not_close()
    {
        var backplane = new SlowBackplane();
        var cache = new SecondLevelCache(c => c.UseBackplane(backplane));

        await Task.Run(cache.Dispose).WaitAsync(Patience);

        backplane.MayClose.SetResult();
        await cache.DisposeAsync().AsTask().WaitAsync(Patience);
    }

    private async Task UseAsync(SecondLevelCache cache)
    {
        await using var db = Open(cache);
        await db.Products.Cacheable().CountAsync();
    }

    private sealed record SlowBackplane : BackplaneFactory, IBackplane
    {
        public TaskCompletionSource IsClosing { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TaskCompletionSource MayClose { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public int Closed { get; private set; }

        public string NodeName => "slow";

        public int MaxMessageBytes => 64 << 10;

        public BackplaneHealth Health => new(BackplaneState.Live);

        public override IBackplane Create(ILogger logger) => this;

        public void Start(IBackplaneReceiver receiver)
        {
        }

        public void Publish(ReadOnlyMemory<byte> message)
        {
        }

        public async ValueTask DisposeAsync()
        {
            IsClosing.TrySetResult();
            await MayClose.Task;
            Closed++;
        }
    }
}
