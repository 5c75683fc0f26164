using EfSecondLevelCache.EntityFramework.Queries;
using EfSecondLevelCache.Tests.Support;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging;

namespace EfSecondLevelCache.Tests.EntityFramework.Queries;

public class CacheableExpressionTests
{
    [Fact]
    public void Equal_queries_with_equal_policies_are_compiled_once()
    {
        using var shop = new ShopContext();
        using var other = new ShopContext();

        Assert.Same(Query(shop, 1).Plan(), Query(other, 1).Plan());
        Assert.Same(Query(shop, 1).Plan(), Query(shop, 2).Plan());

        static IQueryable<Product> Query(ShopContext shop, int id) => shop.Products.Where(p => p.Id == id).Cacheable(q => q.Tag("menu"));
    }

    [Fact]
    public void Equal_queries_with_other_policies_are_compiled_apart()
    {
        using var shop = new ShopContext();
        var plans = new[]
        {
            shop.Products.Plan(),
            shop.Products.Cacheable().Plan(),
            shop.Products.NotCacheable().Plan(),
            shop.Products.Cacheable(TimeSpan.FromMinutes(1)).Plan(),
            shop.Products.Cacheable(TimeSpan.FromMinutes(2)).Plan(),
            shop.Products.Cacheable(q => q.Tag("a")).Plan(),
            shop.Products.Cacheable(q => q.Tag("b")).Plan(),
        };

        Assert.Distinct(plans.Select(plan => plan.Policy));
    }

    /// <summary>Directly, as EF Core looks at the hash first.</summary>
    [Fact]
    public void A_mark_is_equal_to_one_with_an_equal_policy_on_an_equal_query()
    {
        using var shop = new ShopContext();
        var one = Marked(shop.Products.Where(p => p.Id == 1), "a");
        var same = Marked(shop.Products.Where(p => p.Id == 1), "a");

        Assert.True(one.Equals(same));
        Assert.Equal(one.GetHashCode(), same.GetHashCode());
        Assert.False(one.Equals(Marked(shop.Products.Where(p => p.Id == 1), "b")));
        Assert.False(one.Equals(Marked(shop.Products.Where(p => p.Id == 2), "a")));
        Assert.False(one.Equals(one.Source));

        static CacheableExpression Marked(IQueryable<Product> query, string tag)
            => Assert.IsType<CacheableExpression>(query.Cacheable(q => q.Tag(tag)).Expression);
    }

    [Fact]
    public void Different_queries_with_equal_policies_are_compiled_apart()
    {
        using var shop = new ShopContext();

        Assert.NotEqual(
            shop.Products.Where(p => p.Id == 1).Cacheable().Plan().CommandText,
            shop.Products.Where(p => p.Id == 2).Cacheable().Plan().CommandText);
    }

    [Fact]
    public void A_query_is_written_to_the_log_with_its_mark()
    {
        var log = new List<string>();
        using var shop = new ShopContext(options => options
            .UseNpgsql(ShopContext.ConnectionString).AddSecondLevelCache().LogTo(log.Add, LogLevel.Debug));

        _ = shop.Products.Cacheable().Where(p => p.Name == "written to the log").Plan();

        Assert.Contains(log, line => line.Contains("Compiling query expression", StringComparison.Ordinal)
            && line.Contains("written to the log", StringComparison.Ordinal)
            && line.Contains(".Cacheable()", StringComparison.Ordinal));
    }

    [Fact]
    public void What_EF_Core_asks_of_a_querys_provider_it_gets_of_a_marked_one()
    {
        using var shop = new ShopContext();
        var marked = shop.Orders.Cacheable();

        Assert.Contains("INNER JOIN", marked.Include(order => order.Product).ToQueryString(), StringComparison.Ordinal);
        Assert.Contains("-- mine", marked.TagWith("mine").ToQueryString(), StringComparison.Ordinal);
        Assert.IsAssignableFrom<IAsyncEnumerable<Order>>(marked.AsNoTracking().AsAsyncEnumerable());
        Assert.Equal(QueryCachePolicy.Default, marked.OrderBy(order => order.Id).ThenBy(order => order.ProductId).Plan().Policy);
        Assert.Equal(QueryCachePolicy.Default, marked.IgnoreQueryFilters().AsSplitQuery().Select(order => order.Id).Plan().Policy);
    }

    [Fact]
    public void A_query_of_a_base_type_keeps_its_mark()
    {
        using var shop = new ShopContext();
        IQueryable<object> products = shop.Products;

        Assert.Equal(QueryCachePolicy.Default, products.Cacheable().Plan().Policy);
        Assert.Equal(QueryCachePolicy.Default, shop.Products.Cacheable().Cast<object>().Plan().Policy);
    }

    [Fact]
    public void A_marked_query_can_be_a_part_of_another_one()
    {
        using var shop = new ShopContext();
        var products = shop.Products.Cacheable(q => q.Tag("menu"));

        Assert.Equal(["menu"], shop.Orders.Where(order => products.Any(p => p.Id == order.ProductId)).Plan().Policy!.Tags);
        Assert.Equal(["menu"], shop.Orders.Select(order => products.Count(p => p.Id == order.ProductId)).Plan().Policy!.Tags);
        Assert.Equal(["menu"], shop.Orders.Join(products, o => o.ProductId, p => p.Id, (o, p) => p.Name).Plan().Policy!.Tags);
    }
}
