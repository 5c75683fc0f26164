using EfSecondLevelCache.Planning;
using EfSecondLevelCache.Tests.Support;
using Microsoft.EntityFrameworkCore;

namespace EfSecondLevelCache.Tests.Extensions;

public sealed class SecondLevelCacheQueryableExtensionsTests : IDisposable
{
    private static readonly TimeSpan OneMinute = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan TwoMinutes = TimeSpan.FromMinutes(2);

    private readonly ShopContext _shop = new();

    public void Dispose() => _shop.Dispose();

    [Fact]
    public void A_query_that_says_nothing_has_no_policy() => Assert.Null(_shop.Products.Plan().Policy);

    [Fact]
    public void Cacheable_asks_for_the_default() => Assert.Equal(QueryCachePolicy.Default, _shop.Products.Cacheable().Plan().Policy);

    [Fact]
    public void Cacheable_takes_a_time_to_live()
        => Assert.Equal(TwoMinutes, _shop.Products.Cacheable(TwoMinutes).Plan().Policy!.TimeToLive);

    [Fact]
    public void Cacheable_takes_settings()
    {
        var policy = _shop.Products
            .Cacheable(q => q.TimeToLive(TwoMinutes).Sliding(OneMinute).Tag("menu").DependsOn("x").MaxCachedRows(9))
            .Plan().Policy;

        Assert.Equal(
            new QueryCachePolicy
            {
                TimeToLive = TwoMinutes,
                Sliding = OneMinute,
                Tags = ["menu"],
                DependsOn = ["x"],
                MaxCachedRows = 9,
            },
            policy);
    }

    [Fact]
    public void NotCacheable_keeps_the_query_out() => Assert.True(_shop.Products.NotCacheable().Plan().Policy!.NotCacheable);

    [Fact]
    public void NotCacheable_wins_over_every_Cacheable()
    {
        Assert.True(_shop.Products.NotCacheable().Cacheable().Plan().Policy!.NotCacheable);
        Assert.True(_shop.Products.Cacheable(TwoMinutes).NotCacheable().Plan().Policy!.NotCacheable);
    }

    [Fact]
    public void A_query_that_is_marked_NotCacheable_explains_itself_so()
    {
        var explanation = _shop.Products.NotCacheable().ExplainCache();

        Assert.False(explanation.IsCacheable);
        Assert.Equal(RefusalReason.NeverCached, explanation.Refusal?.Reason);
    }

    [Fact]
    public void The_last_Cacheable_counts()
        => Assert.Equal(
            TwoMinutes, _shop.Products.Cacheable(OneMinute).Where(p => p.Id > 1).Cacheable(TwoMinutes).Plan().Policy!.TimeToLive);

    [Fact]
    public void The_last_Cacheable_counts_where_it_repeats_an_earlier_one()
        => Assert.Equal(
            OneMinute, _shop.Products.Cacheable(OneMinute).Cacheable(TwoMinutes).Cacheable(OneMinute).Plan().Policy!.TimeToLive);

    [Fact]
    public void It_works_anywhere_in_the_chain_and_applies_to_the_whole_query()
    {
        IQueryable[] queries =
        [
            _shop.Products.Cacheable().Where(p => p.Id > 1).OrderBy(p => p.Name).Select(p => p.Name).Take(3),
            _shop.Products.Where(p => p.Id > 1).OrderBy(p => p.Name).Select(p => p.Name).Take(3).Cacheable(),
            _shop.Products.Where(p => _shop.Orders.Cacheable().Any(o => o.ProductId == p.Id)).Select(p => p.Name),
            _shop.Products.Join(_shop.Orders.Cacheable(), p => p.Id, o => o.ProductId, (p, o) => p.Name),
            _shop.Products.Cacheable().GroupBy(p => p.Name).Select(g => new { g.Key, Count = g.Count() }),
            _shop.Orders.Include(o => o.Product).Cacheable().AsNoTracking(),
            _shop.Products.Select(p => p.Name).Union(_shop.Products.Cacheable().Select(p => p.Name)),
        ];

        Assert.All(queries, query => Assert.Equal(QueryCachePolicy.Default, PlanOf(query)?.Policy));

        static QueryPlan? PlanOf(IQueryable query)
        {
            using var command = query.CreateDbCommand();
            return PlansByText.Find(command.CommandText);
        }
    }

    [Theory]
    [MemberData(nameof(SecondLevelCacheOptionsBuilderTests.BadTimes), MemberType = typeof(SecondLevelCacheOptionsBuilderTests))]
    public void A_time_to_live_out_of_its_range_is_an_error(TimeSpan time, string shown)
    {
        var error = Assert.Throws<ArgumentOutOfRangeException>("timeToLive", () => _shop.Products.Cacheable(time));

        Assert.StartsWith($"Cacheable is {shown}; give a time between 1 ms and 365 days", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Settings_must_be_given()
        => Assert.Throws<ArgumentNullException>("configure", () => _shop.Products.Cacheable((Action<QueryCachePolicyBuilder>)null!));

    // VaryBy

    [Fact]
    public void A_value_to_vary_by_is_a_parameter_of_the_query_and_not_of_its_command()
    {
        using var command = _shop.Products.Cacheable(q => q.VaryBy("de").Tag("menu")).CreateDbCommand();
        var plan = PlansByText.Find(command.CommandText)!;

        Assert.NotNull(plan.VaryByParameter);
        Assert.Equal(["menu"], plan.Policy!.Tags);
        Assert.Empty(command.Parameters);
        Assert.DoesNotContain("de", command.CommandText.Replace("Products", "", StringComparison.Ordinal), StringComparison.Ordinal);
    }

    [Fact]
    public void A_value_that_changes_from_call_to_call_does_not_compile_the_query_anew()
    {
        var plans = new[] { "a", "b", "" }.Select(value => _shop.Products.Cacheable(q => q.VaryBy(value)).Plan()).Distinct();

        Assert.Single(plans);
    }

    [Fact]
    public void A_query_that_varies_is_another_one_than_one_that_does_not()
    {
        Assert.Null(_shop.Products.Cacheable().Plan().VaryByParameter);
        Assert.NotNull(_shop.Products.Cacheable(q => q.VaryBy(null)).Plan().VaryByParameter);
    }

    [Fact]
    public void A_value_to_vary_by_goes_with_other_parameters()
    {
        var id = 5;
        using var command = _shop.Products.Cacheable(q => q.VaryBy("x")).Where(p => p.Id == id).CreateDbCommand();

        Assert.Single(command.Parameters);
        Assert.NotNull(PlansByText.Find(command.CommandText)!.VaryByParameter);
    }

    // NotOlderThan

    [Fact]
    public void A_token_is_a_parameter_of_the_query_and_neither_of_its_command_nor_of_its_plan()
    {
        var plans = new[] { 1UL, 2UL }.Select(lsn => _shop.Products.Cacheable(q => q.NotOlderThan(new ChangeToken { Lsn = lsn }).Tag("menu")).Plan())
            .Distinct().ToList();

        var plan = Assert.Single(plans);
        Assert.NotNull(plan.NotOlderThanParameter);
        Assert.Null(plan.VaryByParameter);
        Assert.Equal(["menu"], plan.Policy!.Tags);
        using var command = _shop.Products.Cacheable(q => q.NotOlderThan(default)).CreateDbCommand();
        Assert.Empty(command.Parameters);
    }

    [Fact]
    public void A_token_goes_with_a_value_to_vary_by()
    {
        var plan = _shop.Products.Cacheable(q => q.NotOlderThan(default).VaryBy("x")).Plan();

        Assert.NotNull(plan.NotOlderThanParameter);
        Assert.NotNull(plan.VaryByParameter);
        Assert.NotEqual(plan.NotOlderThanParameter, plan.VaryByParameter);
    }

    [Fact]
    public async Task Without_a_change_source_a_query_with_a_token_goes_to_the_database()
    {
        var server = new NoServer(("Id", typeof(int)), ("Name", typeof(string)));
        await using var cache = new SecondLevelCache(c => c.UniformSessions());
        using var shop = ShopContext.With(cache, server);

        var explained = Assert.Single(await shop.ExplainCacheAsync(
            () => shop.Products.Cacheable(q => q.NotOlderThan(new ChangeToken { Lsn = 1 })).ToListAsync()));
        Assert.Equal(RefusalReason.NotCaughtUp, explained.Refusal?.Reason);
        Assert.Equal(RefusalReason.NotCaughtUp, shop.Products.Cacheable(q => q.NotOlderThan(new ChangeToken { Lsn = 1 })).ExplainCache().Refusal?.Reason);
        Assert.Single(server.Commands);
    }

    [Fact]
    public void Inside_of_a_compiled_query_a_token_is_an_error_with_words()
    {
        var compiled = EF.CompileQuery((ShopContext shop) => shop.Products.Cacheable(q => q.NotOlderThan(default)).First());

        var fault = Assert.Throws<InvalidOperationException>(() => compiled(_shop));
        Assert.Contains("NotOlderThan", fault.Message, StringComparison.Ordinal);
    }

    // What is no query of EF Core's.

    [Fact]
    public void On_a_collection_in_memory_it_does_nothing()
    {
        var numbers = new[] { 1, 2, 3 }.AsQueryable();

        Assert.Equal([1, 2, 3], numbers.Cacheable());
        Assert.Equal([1, 2, 3], numbers.Cacheable(OneMinute));
        Assert.Equal([1, 2, 3], numbers.Cacheable(q => q.Tag("a").VaryBy("x")));
        Assert.Equal([1, 2, 3], numbers.NotCacheable());
    }

    [Fact]
    public void In_a_context_without_a_cache_a_marked_query_is_the_same_query()
    {
        using var without = ShopContext.WithoutCache();
        var plain = without.Products.ToQueryString();

        Assert.EndsWith(plain, without.Products.Cacheable().ToQueryString(), StringComparison.Ordinal);
        Assert.EndsWith(plain, without.Products.Cacheable(q => q.Tag("menu")).ToQueryString(), StringComparison.Ordinal);
        Assert.EndsWith(plain, without.Products.NotCacheable().ToQueryString(), StringComparison.Ordinal);
    }

    [Fact]
    public void In_a_context_without_a_cache_a_query_that_varies_is_the_same_query()
    {
        using var without = ShopContext.WithoutCache();

        Assert.EndsWith(
            without.Products.ToQueryString(), without.Products.Cacheable(q => q.VaryBy("de")).ToQueryString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_collection_in_memory_has_nothing_to_explain()
    {
        var error = Assert.Throws<InvalidOperationException>(() => new[] { 1 }.AsQueryable().ExplainCache());

        Assert.Contains("not an EF Core query", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_context_without_a_cache_has_nothing_to_explain()
    {
        using var without = ShopContext.WithoutCache();

        var error = Assert.Throws<InvalidOperationException>(() => without.Products.ExplainCache());

        Assert.Contains("AddSecondLevelCache()", error.Message, StringComparison.Ordinal);
    }
}
