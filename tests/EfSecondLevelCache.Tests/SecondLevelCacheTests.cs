using EfSecondLevelCache.Tests.Support;

namespace EfSecondLevelCache.Tests;

public class SecondLevelCacheTests
{
    [Fact]
    public async Task A_new_cache_is_empty_and_switched_on()
    {
        await using var cache = new SecondLevelCache();

        Assert.True(cache.Enabled);
        Assert.Empty(cache.Entries());
        Assert.Equal(0, cache.Statistics.Entries);
        Assert.Equal(0, cache.Statistics.HitRatio);
        Assert.Empty(cache.Statistics.RefusalsByReason);
    }

    [Fact]
    public void A_wrong_setting_is_an_error()
        => Assert.Throws<ArgumentOutOfRangeException>(() => new SecondLevelCache(cache => cache.MaxEntries(0)));

    [Fact]
    public async Task Invalidating_a_type_that_the_model_does_not_map_is_an_error_that_names_the_way_out()
    {
        await using var cache = new SecondLevelCache();
        using var shop = new ShopContext();

        var error = await Assert.ThrowsAsync<ArgumentException>(
            "context", async () => await cache.InvalidateAsync<SecondLevelCacheTests>(shop));

        Assert.Contains("InvalidateAsync<SecondLevelCacheTests>", error.Message, StringComparison.Ordinal);
        Assert.Contains("InvalidateTableAsync", error.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<ArgumentNullException>("context", async () => await cache.InvalidateAsync<Product>(null!));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData(" ")]
    public async Task Names_must_not_be_blank(string? name)
    {
        await using var cache = new SecondLevelCache();

        await Assert.ThrowsAnyAsync<ArgumentException>(async () => await cache.InvalidateTableAsync(name!));
        await Assert.ThrowsAnyAsync<ArgumentException>(async () => await cache.InvalidateTagAsync(name!));
    }

    [Fact]
    public async Task What_is_invalidated_is_counted()
    {
        await using var cache = new SecondLevelCache();
        using var shop = new ShopContext();

        await cache.InvalidateTableAsync("Products");
        await cache.InvalidateTableAsync("orders", "sales");
        await cache.InvalidateTagAsync("menu");
        await cache.InvalidateAsync<Order>(shop);
        await cache.ClearAsync();

        Assert.Equal(5, cache.Statistics.Invalidations);
    }

    [Fact]
    public async Task Disposing_twice_is_disposing_once()
    {
        var cache = new SecondLevelCache();

        await cache.DisposeAsync();
        await cache.DisposeAsync();

        Assert.True(cache.IsDisposed);
    }
}
