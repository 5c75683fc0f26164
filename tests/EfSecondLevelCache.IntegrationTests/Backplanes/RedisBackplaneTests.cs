using EfSecondLevelCache.IntegrationTests.Support;
using EfSecondLevelCache.Redis;
using Microsoft.EntityFrameworkCore;
using StackExchange.Redis;

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

        await ToldAsync(node, "password");
        Assert.Equal(BackplaneState.Starting, node.Broadcast.Status.State);
    }

    [Fact]
    public async Task A_server_that_is_down_at_first_is_tried_again()
    {
        await _redis.StopAsync();
        var (a, b) = (await StartAsync(), await StartAsync());
        a.Publish("nobody hears this");
        await ToldAsync(a, _redis.Endpoint);

        await _redis.RunAsync();
        await HearEachOtherAsync();
        a.Publish("heard");

        await Eventually.TrueAsync(() => b.Tags.Contains("heard"));
    }

    /// <summary>Nothing is published meanwhile, so that no number tells.</summary>
    [Theory]
    [InlineData("resp2")]
    [InlineData("resp3")]
    public async Task A_subscription_that_was_lost_for_a_moment_is_a_flush(string protocol)
    {
        await using var node = new BackplaneNode(Settings($"{_redis.Configuration},protocol={protocol}"));
        await Eventually.TrueAsync(() => node.Broadcast.Status.State is BackplaneState.Live);
        node.CountFlushesFromNow();

        await using var killer = await ConnectionMultiplexer.ConnectAsync($"{_redis.Configuration},allowAdmin=true");
        foreach (var type in (string[])["pubsub", "normal"])
            await killer.GetDatabase().ExecuteAsync("CLIENT", "KILL", "TYPE", type, "SKIPME", "yes");

        await Eventually.TrueAsync(() => node.Flushes > 0);
        await Eventually.TrueAsync(() => node.Broadcast.Status.State is BackplaneState.Live);
    }

    [Fact]
    public async Task The_application_may_lend_its_connection()
    {
        await using var lent = await ConnectionMultiplexer.ConnectAsync($"{_redis.Configuration},channelPrefix=shop:");
        var other = new BackplaneNode(Settings($"{_redis.Configuration},channelPrefix=shop:eu:"));
        await using (other)
        {
            await using var node = new BackplaneNode(new SharedRedisBackplaneSettings(() => Task.FromResult<IConnectionMultiplexer>(lent), "eu:"));
            await Eventually.TrueAsync(() => node.Hears(other) && other.Hears(node));
            other.Publish("from the other");
            node.Publish("over the lent one");
            await Eventually.TrueAsync(() => other.Tags.Contains("over the lent one") && node.Tags.Contains("from the other"));
        }

        Assert.True(lent.IsConnected);
        Assert.Equal(RedisValue.Null, await lent.GetDatabase().StringGetAsync("nothing"));
    }

    [Fact]
    public async Task A_connection_that_can_not_be_lent_yet_is_asked_for_again()
    {
        await using var lent = await ConnectionMultiplexer.ConnectAsync(_redis.Configuration);
        var ready = false;
        await using var node = new BackplaneNode(new SharedRedisBackplaneSettings(
            () => Volatile.Read(ref ready) ? Task.FromResult<IConnectionMultiplexer>(lent) : throw new InvalidOperationException("not yet"), ""));
        await ToldAsync(node, "not yet");

        Volatile.Write(ref ready, true);

        await Eventually.TrueAsync(() => node.Broadcast.Status.State is BackplaneState.Live);
    }

    [Fact]
    public void Settings_are_equal_where_their_texts_are_and_do_not_tell_the_password()
    {
        Assert.Equal(Settings("redis,password=s3cret"), Settings("redis,password=s3cret"));
        Assert.NotEqual(Settings("redis,password=s3cret"), Settings("redis,password=other"));
        Assert.DoesNotContain("s3cret", $"{Settings("redis,password=s3cret")}", StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "configuration")]
    [InlineData("a:99999", "port")]
    [InlineData("password=s3cret", "names no server")]
    [InlineData("a,what=s3cret", "what")]
    [InlineData("a,ssl=s3cret", "ssl")]
    [InlineData("a,tunnel=s3cret", "tunnel")]
    public void A_configuration_that_is_not_understood_is_an_error_that_names_the_part(string configuration, string named)
    {
        var fault = Assert.ThrowsAny<ArgumentException>(() => new SecondLevelCache(cache => cache.UseRedis(configuration)));

        Assert.Contains(named, fault.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("s3cret", $"{fault}", StringComparison.Ordinal);
    }

    protected override Task<BackplaneFactory> FactoryAsync(int index) => Task.FromResult(Settings(_redis.Configuration));

    /// <summary>Nothing else is as final.</summary>
    protected override Task CutAsync() => _redis.StopAsync();

    protected override Task RestoreAsync() => _redis.RunAsync();

    private static BackplaneFactory Settings(string configuration) => new RedisBackplaneSettings(ConfigurationOptions.Parse(configuration));

    private static Task ToldAsync(BackplaneNode node, string what) => Eventually.TrueAsync(
        () => node.Broadcast.Status.Detail?.Contains(what, StringComparison.Ordinal) == true, () => $"{node.Broadcast.Status.Detail}");
}
