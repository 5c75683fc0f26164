using EfSecondLevelCache.Backplanes;
using EfSecondLevelCache.IntegrationTests.Support;
using EfSecondLevelCache.Redis;
using EfSecondLevelCache.Redis.Resp;
using Microsoft.EntityFrameworkCore;

namespace EfSecondLevelCache.IntegrationTests.Backplanes;

public sealed class RedisBackplaneTests : BackplaneSpecification
{
    private RedisServerProcess _redis = null!;

    public override async ValueTask InitializeAsync() => _redis = await RedisServerProcess.StartAsync();

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        if (_redis is not null)
            await _redis.DisposeAsync();
    }

    [Fact]
    public async Task Nodes_with_another_prefix_or_database_are_another_application()
    {
        var node = await StartAsync();
        await using var other = new BackplaneNode(Settings($"{_redis.Configuration},channelPrefix=other:"));
        await using var third = new BackplaneNode(Settings($"{_redis.Configuration},defaultDatabase=3"));
        await Eventually.TrueAsync(() => other.Broadcast.Status.State is BackplaneState.Live && third.Broadcast.Status.State is BackplaneState.Live);
        await HearEachOtherAsync();

        other.Publish("other");
        third.Publish("third");
        var late = await StartAsync();
        await HearEachOtherAsync();
        late.Publish("ours");

        await Eventually.TrueAsync(() => node.Tags.Count > 0);
        Assert.Equal(["ours"], node.Tags);
    }

    [Fact]
    public async Task A_wrong_password_costs_nobody_a_query_and_is_told()
    {
        await using var node = new BackplaneNode(Settings($"{_redis.Endpoint},user=app,password=wrong"));

        node.Publish("nobody hears this");

        await Eventually.TrueAsync(() => node.Broadcast.Status.Detail?.Contains("WRONGPASS", StringComparison.Ordinal) == true);
        Assert.Equal(BackplaneState.Starting, node.Broadcast.Status.State);
    }

    [Fact]
    public async Task A_key_has_a_value_for_some_time()
    {
        await using var connection = new RespConnection(RedisServer.Parse($"{_redis.Configuration},defaultDatabase=2"));
        var value = new byte[1 << 20];
        Random.Shared.NextBytes(value);
        var cancelled = TestContext.Current.CancellationToken;

        Assert.Null(await connection.GetAsync("key", cancelled));
        await connection.SetAsync("key", value, TimeSpan.FromMinutes(1), cancelled);
        Assert.Equal(value, await connection.GetAsync("key", cancelled));
        await connection.DeleteAsync("key", cancelled);
        Assert.Null(await connection.GetAsync("key", cancelled));
        await connection.SetAsync("key", "\r\n$-1"u8.ToArray(), TimeSpan.FromMilliseconds(1), cancelled);
        await Eventually.TrueAsync(async () => await connection.GetAsync("key", cancelled) is null);
    }

    [Fact]
    public async Task A_connection_works_again_when_Redis_does()
    {
        await using var connection = new RespConnection(RedisServer.Parse(_redis.Configuration));
        var cancelled = TestContext.Current.CancellationToken;
        await connection.SetAsync("key", new byte[1], TimeSpan.FromMinutes(1), cancelled);

        await _redis.StopAsync();
        await Assert.ThrowsAnyAsync<Exception>(() => connection.GetAsync("key", cancelled));
        await _redis.RunAsync();

        Assert.Null(await connection.GetAsync("key", cancelled));
    }

    [Theory]
    [InlineData("localhost", "localhost", 6379)]
    [InlineData("redis:7000,abortConnect=false", "redis", 7000)]
    [InlineData("[::1]:7000", "::1", 7000)]
    public void The_configuration_is_that_of_StackExchange_Redis(string configuration, string host, int port)
    {
        var server = RedisServer.Parse($"{configuration},user=a,password=b=c,ssl=true,defaultDatabase=5");

        Assert.Equal((host, port, "a", "b=c", true, 5), (server.Host, server.Port, server.User, server.Password, server.Tls, server.Database));
        Assert.DoesNotContain("b=c", $"{server}", StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("a:1,b:2")]
    [InlineData("a:99999")]
    [InlineData("a,what=ever")]
    [InlineData("a,ssl=maybe")]
    public void A_configuration_that_is_not_understood_is_an_error(string configuration)
        => Assert.ThrowsAny<ArgumentException>(() => new SecondLevelCache(cache => cache.UseRedis(configuration)));

    protected override Task<BackplaneFactory> FactoryAsync(int index) => Task.FromResult(Settings(_redis.Configuration));

    /// <summary>Nothing else is as final.</summary>
    protected override Task CutAsync() => _redis.StopAsync();

    protected override Task RestoreAsync() => _redis.RunAsync();

    private static BackplaneFactory Settings(string configuration)
    {
        var server = RedisServer.Parse(configuration);
        return new RedisBackplaneSettings(server, Connect: null, server.ChannelPrefix);
    }
}
