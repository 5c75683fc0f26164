using EfSecondLevelCache.Tests.Support;
using Microsoft.EntityFrameworkCore;

namespace EfSecondLevelCache.Tests.Planning;

/// <summary>What the cache's rules and the query's own words come to, seen through <c>ExplainCache</c>.</summary>
public class ResolvedPolicyTests
{
    private static readonly TimeSpan OneMinute = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan TwoMinutes = TimeSpan.FromMinutes(2);

    [Fact]
    public void Nothing_is_cached_that_nobody_asks_for()
    {
        using var shop = ShopContext.With(cache => cache.CacheQueriesOf<Order>());

        Assert.Equal(RefusalReason.NotRequested, shop.Products.ExplainCache().Refusal?.Reason);
    }

    [Fact]
    public void A_marked_query_takes_the_default_time_to_live_or_its_own()
    {
        using var shop = ShopContext.With(cache => cache.DefaultTimeToLive(OneMinute));

        Assert.Equal(OneMinute, shop.Products.Cacheable().ExplainCache().TimeToLive);
        Assert.Equal(TwoMinutes, shop.Products.Cacheable(TwoMinutes).ExplainCache().TimeToLive);
    }

    [Fact]
    public void CacheAllQueries_caches_what_is_not_marked()
    {
        using var shop = ShopContext.With(cache => cache.CacheAllQueries());

        Assert.True(shop.Products.ExplainCache().IsCacheable);
    }

    [Fact]
    public void CacheQueriesOf_caches_what_reads_the_entity_and_only_that()
    {
        using var shop = ShopContext.With(cache => cache.CacheQueriesOf<Product>(TwoMinutes));

        Assert.Equal(TwoMinutes, shop.Products.ExplainCache().TimeToLive);
        Assert.Equal(TwoMinutes, shop.Orders.Include(order => order.Product).ExplainCache().TimeToLive);
        Assert.Equal(TwoMinutes, shop.Orders.Where(order => shop.Products.Any(p => p.Id == order.ProductId)).ExplainCache().TimeToLive);
        Assert.False(shop.Orders.ExplainCache().IsCacheable);
    }

    [Fact]
    public void CacheQueriesOf_a_type_that_the_model_does_not_map_has_no_effect()
    {
        using var shop = ShopContext.With(cache => cache.CacheQueriesOf<ResolvedPolicyTests>());

        Assert.False(shop.Products.ExplainCache().IsCacheable);
    }

    [Fact]
    public void The_querys_own_time_to_live_goes_before_that_of_a_rule()
    {
        using var shop = ShopContext.With(cache => cache.CacheQueriesOf<Product>(TwoMinutes));

        Assert.Equal(OneMinute, shop.Products.Cacheable(OneMinute).ExplainCache().TimeToLive);
        Assert.Equal(TwoMinutes, shop.Products.Cacheable().ExplainCache().TimeToLive);
    }

    [Fact]
    public void The_last_rule_for_an_entity_counts()
    {
        using var shop = ShopContext.With(cache => cache.CacheQueriesOf<Product>(OneMinute).CacheQueriesOf<Product>(TwoMinutes));
        using var reset = ShopContext.With(
            cache => cache.DefaultTimeToLive(TwoMinutes).CacheQueriesOf<Product>(OneMinute).CacheQueriesOf<Product>());

        Assert.Equal(TwoMinutes, shop.Products.ExplainCache().TimeToLive);
        Assert.Equal(TwoMinutes, reset.Products.ExplainCache().TimeToLive);
    }

    [Fact]
    public void NeverCache_wins_over_everything()
    {
        using var shop = ShopContext.With(
            cache => cache.CacheAllQueries().CacheQueriesOf<Product>().NeverCache<Product>().CacheQueriesOf<Product>());

        Assert.Equal(RefusalReason.NeverCached, shop.Products.ExplainCache().Refusal?.Reason);
        Assert.Equal(RefusalReason.NeverCached, shop.Products.Cacheable().ExplainCache().Refusal?.Reason);
        var explanation = shop.Orders.Include(order => order.Product).ExplainCache();
        Assert.Contains("NeverCache<Product>()", explanation.ToString(), StringComparison.Ordinal);
        Assert.True(shop.Orders.ExplainCache().IsCacheable);
    }

    [Fact]
    public void NotCacheable_wins_over_the_rules()
    {
        using var shop = ShopContext.With(cache => cache.CacheAllQueries().CacheQueriesOf<Product>());

        Assert.Equal(RefusalReason.NeverCached, shop.Products.NotCacheable().ExplainCache().Refusal?.Reason);
    }

    [Fact]
    public void An_explanation_names_the_tables_and_those_that_are_stated()
    {
        using var shop = ShopContext.With(_ => { });

        var explanation = shop.Orders.Include(order => order.Product)
            .Cacheable(q => q.DependsOn("price_list").DependsOn("Orders")).ExplainCache();

        Assert.Equal(["Orders", "Products[Id in the result]", "price_list"], explanation.Dependencies);
        Assert.Contains("Depends on Orders, Products[Id in the result], price_list.", explanation.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_query_that_was_compiled_for_one_cache_follows_the_rules_of_the_cache_that_executes_it()
    {
        using var never = ShopContext.With(cache => cache.NeverCache<Product>());
        using var all = ShopContext.With(cache => cache.CacheAllQueries().DefaultTimeToLive(TwoMinutes));

        for (var i = 0; i < 2; i++)
        {
            Assert.False(never.Products.ExplainCache().IsCacheable);
            Assert.Equal(TwoMinutes, all.Products.ExplainCache().TimeToLive);
        }
    }

    [Fact]
    public async Task A_cache_that_is_switched_off_or_disposed_refuses_and_says_so()
    {
        var cache = new SecondLevelCache();
        using var shop = ShopContext.With(cache);
        Assert.True(shop.Products.Cacheable().ExplainCache().IsCacheable);

        cache.Enabled = false;
        Assert.Equal(RefusalReason.Disabled, shop.Products.Cacheable().ExplainCache().Refusal?.Reason);

        cache.Enabled = true;
        Assert.True(shop.Products.Cacheable().ExplainCache().IsCacheable);

        await cache.DisposeAsync();
        Assert.Equal(RefusalReason.Disabled, shop.Products.Cacheable().ExplainCache().Refusal?.Reason);
    }

    [Fact]
    public void A_connection_interceptor_makes_the_session_unknown_unless_somebody_says_that_it_is_known()
    {
        using var unknown = ShopContext.With(_ => { }, new NoServer());
        using var uniform = ShopContext.With(cache => cache.UniformSessions(), new NoServer());
        using var varied = ShopContext.With(cache => cache.VaryBy(_ => "tenant"), new NoServer());

        Assert.Equal(RefusalReason.SessionStateUnknown, unknown.Products.Cacheable().ExplainCache().Refusal?.Reason);
        Assert.True(uniform.Products.Cacheable().ExplainCache().IsCacheable);
        Assert.True(varied.Products.Cacheable().ExplainCache().IsCacheable);
    }

    [Fact]
    public void A_connection_that_may_reach_a_standby_is_refused()
    {
        using var shop = new ShopContext(options => options.UseNpgsql("Host=one,two;Database=shop").AddSecondLevelCache());

        Assert.Equal(RefusalReason.MayReachStandby, shop.Products.Cacheable().ExplainCache().Refusal?.Reason);
    }

    [Fact]
    public void A_parameter_without_an_exact_form_is_refused()
    {
        using var shop = ShopContext.With(_ => { });
        var path = new NpgsqlTypes.NpgsqlPath(new NpgsqlTypes.NpgsqlPoint(1, 2));

        var explanation = shop.Products.FromSql($"SELECT * FROM \"Products\" WHERE {path} IS NOT NULL")
            .Cacheable(q => q.DependsOn("Products")).ExplainCache();

        Assert.Equal(RefusalReason.ParameterType, explanation.Refusal?.Reason);
        Assert.Contains("NpgsqlPath", explanation.ToString(), StringComparison.Ordinal);
    }
}
