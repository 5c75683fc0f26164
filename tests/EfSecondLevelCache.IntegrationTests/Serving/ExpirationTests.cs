using EfSecondLevelCache.IntegrationTests.Support;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Time.Testing;

namespace EfSecondLevelCache.IntegrationTests.Serving;

public sealed class ExpirationTests(ShopDatabase database) : ShopTests(database)
{
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(1);

    private readonly FakeTimeProvider _clock = new();

    [Fact]
    public async Task A_result_is_served_until_its_time_to_live_has_passed()
    {
        await using var cache = CreateCache();
        await MissAsync(cache, ReadAsync);
        _clock.Advance(TimeSpan.FromSeconds(30) - Tick);
        await HitAsync(cache, ReadAsync);
        _clock.Advance(Tick);
        await MissAsync(cache, ReadAsync);
        await HitAsync(cache, ReadAsync);

        static Task<int> ReadAsync(ShopContext db) => db.Products.Cacheable(TimeSpan.FromSeconds(30)).CountAsync();
    }

    [Fact]
    public async Task Serving_a_result_does_not_prolong_its_time_to_live()
    {
        await using var cache = CreateCache();
        await MissAsync(cache, ReadAsync);
        for (var i = 0; i < 9; i++)
        {
            _clock.Advance(TimeSpan.FromSeconds(3));
            await HitAsync(cache, ReadAsync);
        }

        _clock.Advance(TimeSpan.FromSeconds(3));
        await MissAsync(cache, ReadAsync);

        static Task<int> ReadAsync(ShopContext db) => db.Products.Cacheable(TimeSpan.FromSeconds(30)).CountAsync();
    }

    [Fact]
    public async Task Without_a_time_to_live_of_its_own_a_result_lives_ten_minutes()
    {
        await using var cache = CreateCache();
        await MissAsync(cache, db => db.Products.Cacheable().CountAsync());
        _clock.Advance(TimeSpan.FromMinutes(10) - Tick);
        await HitAsync(cache, db => db.Products.Cacheable().CountAsync());
        _clock.Advance(Tick);
        await MissAsync(cache, db => db.Products.Cacheable().CountAsync());
    }

    [Fact]
    public async Task The_default_time_to_live_and_that_of_a_rule_can_be_set()
    {
        await using var cache = CreateCache(c => c.DefaultTimeToLive(TimeSpan.FromSeconds(5))
            .CacheQueriesOf<Order>(TimeSpan.FromSeconds(9)));
        await MissAsync(cache, db => db.Products.Cacheable().CountAsync());
        await MissAsync(cache, db => db.Orders.CountAsync());
        _clock.Advance(TimeSpan.FromSeconds(5));
        await MissAsync(cache, db => db.Products.Cacheable().CountAsync());
        await HitAsync(cache, db => db.Orders.CountAsync());
        _clock.Advance(TimeSpan.FromSeconds(4));
        await MissAsync(cache, db => db.Orders.CountAsync());
    }

    [Fact]
    public async Task A_query_s_own_time_to_live_wins_over_a_rule_s()
    {
        await using var cache = CreateCache(c => c.CacheQueriesOf<Order>(TimeSpan.FromSeconds(9)));
        await MissAsync(cache, db => db.Orders.Cacheable(TimeSpan.FromSeconds(2)).CountAsync());
        _clock.Advance(TimeSpan.FromSeconds(2));
        await MissAsync(cache, db => db.Orders.Cacheable(TimeSpan.FromSeconds(2)).CountAsync());
    }

    [Fact]
    public async Task A_sliding_result_expires_when_it_is_idle()
    {
        await using var cache = CreateCache();
        await MissAsync(cache, ReadAsync);
        _clock.Advance(TimeSpan.FromSeconds(10) - Tick);
        await HitAsync(cache, ReadAsync);
        _clock.Advance(TimeSpan.FromSeconds(10) - Tick);
        await HitAsync(cache, ReadAsync);
        _clock.Advance(TimeSpan.FromSeconds(10));
        await MissAsync(cache, ReadAsync);

        static Task<int> ReadAsync(ShopContext db)
            => db.Products.Cacheable(q => q.TimeToLive(TimeSpan.FromMinutes(5)).Sliding(TimeSpan.FromSeconds(10))).CountAsync();
    }

    [Theory]
    [InlineData(60)]
    [InlineData(null)]
    public async Task A_sliding_result_never_outlives_the_time_to_live(int? seconds)
    {
        await using var cache = CreateCache(c => c.DefaultTimeToLive(TimeSpan.FromSeconds(60)));
        await MissAsync(cache, ReadAsync);
        for (var i = 0; i < 11; i++)
        {
            _clock.Advance(TimeSpan.FromSeconds(5));
            await HitAsync(cache, ReadAsync);
        }

        _clock.Advance(TimeSpan.FromSeconds(5));
        await MissAsync(cache, ReadAsync);

        Task<int> ReadAsync(ShopContext db) => db.Products.Cacheable(q =>
        {
            q.Sliding(TimeSpan.FromSeconds(10));
            if (seconds is not null)
                q.TimeToLive(TimeSpan.FromSeconds(seconds.Value));
        }).CountAsync();
    }

    [Fact]
    public async Task A_compiled_query_has_its_time_to_live()
    {
        await using var cache = CreateCache();
        var count = EF.CompileAsyncQuery((ShopContext db) => db.Products.Cacheable(TimeSpan.FromSeconds(7)).Count());
        var sliding = EF.CompileAsyncQuery((ShopContext db) => db.Orders.Cacheable(q => q.Sliding(TimeSpan.FromSeconds(3))).Count());
        await MissAsync(cache, db => count(db));
        await MissAsync(cache, db => sliding(db));
        _clock.Advance(TimeSpan.FromSeconds(3));
        await HitAsync(cache, db => count(db));
        await MissAsync(cache, db => sliding(db));
        _clock.Advance(TimeSpan.FromSeconds(4));
        await MissAsync(cache, db => count(db));
    }

    [Fact]
    public async Task Expired_results_are_counted()
    {
        await using var cache = CreateCache();
        await MissAsync(cache, db => db.Products.Cacheable(TimeSpan.FromSeconds(1)).CountAsync());
        _clock.Advance(TimeSpan.FromSeconds(1));
        await MissAsync(cache, db => db.Products.Cacheable(TimeSpan.FromSeconds(1)).CountAsync());
        Assert.Equal(1, cache.Statistics.Expirations);
    }

    private SecondLevelCache CreateCache(Action<SecondLevelCacheOptionsBuilder>? configure = null)
        => new(cache =>
        {
            cache.UseTimeProvider(_clock);
            configure?.Invoke(cache);
        });
}
