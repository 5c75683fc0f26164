using System.Linq.Expressions;
using EfSecondLevelCache.EntityFramework.Queries;
using EfSecondLevelCache.Planning;
using EfSecondLevelCache.Tests.Support;
using Microsoft.EntityFrameworkCore;

namespace EfSecondLevelCache.Tests.EntityFramework.Queries;

public sealed class CacheableRewriterTests : IDisposable
{
    private static readonly IQueryable<int> Numbers = new[] { 1 }.AsQueryable();

    private readonly NoServer _server = new();
    private readonly ShopContext _shop;

    public CacheableRewriterTests()
        => _shop = ShopContext.With(_ => { }, _server);

    public void Dispose() => _shop.Dispose();

    // On the expression tree.

    [Fact]
    public void A_call_becomes_the_query_tag_of_its_policy()
    {
        Assert.Equal(PolicyTag.Of(QueryCachePolicy.Default), TagOf(Rewritten(() => Numbers.Cacheable())));
        Assert.Equal(PolicyTag.Of(QueryCachePolicy.None), TagOf(Rewritten(() => Numbers.NotCacheable())));
        Assert.Equal(
            PolicyTag.Of(new QueryCachePolicy { TimeToLive = TimeSpan.FromMinutes(5) }),
            TagOf(Rewritten(() => Numbers.Cacheable(TimeSpan.FromMinutes(5)))));
        Assert.Equal(
            PolicyTag.Of(new QueryCachePolicy { Tags = ["menu"], MaxCachedRows = 3 }),
            TagOf(Rewritten(() => Numbers.Cacheable(q => q.Tag("menu").MaxCachedRows(3)))));
    }

    [Fact]
    public void What_stands_around_a_call_stays()
    {
        var rewritten = (MethodCallExpression)Rewritten(() => Numbers.Where(n => n > 1).Cacheable().Take(3));

        Assert.Equal(nameof(Queryable.Take), rewritten.Method.Name);
        var tag = (MethodCallExpression)rewritten.Arguments[0];
        Assert.Equal(PolicyTag.Of(QueryCachePolicy.Default), TagOf(tag));
        Assert.Equal(nameof(Queryable.Where), ((MethodCallExpression)tag.Arguments[0]).Method.Name);
    }

    [Fact]
    public void Every_call_is_rewritten_also_inside_of_subqueries()
    {
        var rewritten = Rewritten(
            () => Numbers.Cacheable().Where(n => Numbers.NotCacheable().Contains(n)).Cacheable(TimeSpan.FromMinutes(1)));

        Assert.DoesNotContain("Cacheable(", rewritten.ToString(), StringComparison.Ordinal);
        Assert.Equal(3, rewritten.ToString().Split("TagWith(").Length - 1);
    }

    [Fact]
    public void An_expression_without_a_call_is_handed_back_as_it_is()
    {
        Expression<Func<IQueryable<int>>> query = () => Numbers.Where(n => n > 1).TagWith("mine").Select(n => n + 1);

        Assert.Same(query.Body, new CacheableRewriter().QueryCompilationStarting(query.Body, null!));
    }

    [Fact]
    public void Values_that_are_known_when_the_query_is_compiled_may_be_computed()
    {
        var minutes = 3;

        Assert.Equal(
            PolicyTag.Of(new QueryCachePolicy { TimeToLive = TimeSpan.FromMinutes(4) }),
            TagOf(Rewritten(() => Numbers.Cacheable(TimeSpan.FromMinutes(minutes + 1)))));
        Assert.Equal(
            PolicyTag.Of(new QueryCachePolicy { TimeToLive = TimeSpan.FromMinutes(3) }),
            TagOf(Rewritten(() => Numbers.Cacheable(q => q.TimeToLive(TimeSpan.FromMinutes(minutes))))));
    }

    [Fact]
    public void A_wrong_value_is_the_same_error_as_outside_of_a_compiled_query()
    {
        var error = Assert.Throws<ArgumentOutOfRangeException>("timeToLive", () => Rewritten(() => Numbers.Cacheable(TimeSpan.Zero)));

        Assert.StartsWith("Cacheable is 00:00:00", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void VaryBy_is_an_error_that_names_the_way_out()
    {
        var error = Assert.Throws<InvalidOperationException>(() => Rewritten(() => Numbers.Cacheable(q => q.VaryBy("de"))));

        Assert.Contains("VaryBy is not available inside of EF.CompileQuery", error.Message, StringComparison.Ordinal);
        Assert.Contains("VaryBy(context => ...)", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ExplainCache_is_no_part_of_a_query()
    {
        Expression<Func<QueryCacheExplanation>> query = () => Numbers.ExplainCache();

        var error = Assert.Throws<InvalidOperationException>(() => new CacheableRewriter().QueryCompilationStarting(query.Body, null!));

        Assert.Contains("ExplainCache can't be part of a query expression", error.Message, StringComparison.Ordinal);
    }

    // Through EF Core.

    [Fact]
    public void A_compiled_query_bears_its_policy_and_PostgreSQL_does_not_see_it()
    {
        var plain = EF.CompileQuery((ShopContext shop, int id) => shop.Products.Where(p => p.Id == id));
        _ = plain(_shop, 1).ToList();
        var text = _server.Commands[^1];
        Assert.Null(_server.Plan.Policy);

        var cacheable = EF.CompileQuery(
            (ShopContext shop, int id) => shop.Products.Where(p => p.Id == id).Cacheable(TimeSpan.FromMinutes(5)));
        _ = cacheable(_shop, 1).ToList();

        Assert.Equal(text, _server.Commands[^1]);
        Assert.Equal(TimeSpan.FromMinutes(5), _server.Plan.Policy!.TimeToLive);
    }

    [Fact]
    public async Task Compiled_queries_of_every_kind_bear_their_policy()
    {
        var expected = new QueryCachePolicy { Tags = ["menu"], MaxCachedRows = 3 };

        var first = EF.CompileQuery((ShopContext shop) => shop.Products.Cacheable(q => q.Tag("menu").MaxCachedRows(3)).FirstOrDefault());
        _ = first(_shop);
        Assert.Equal(expected, _server.Plan.Policy);

        var firstAsync = EF.CompileAsyncQuery(
            (ShopContext shop, int id) => shop.Products.Cacheable(q => q.Tag("menu").MaxCachedRows(3)).FirstOrDefault(p => p.Id == id));
        _ = await firstAsync(_shop, 1);
        Assert.Equal(expected, _server.Plan.Policy);

        var all = EF.CompileAsyncQuery(
            (ShopContext shop) => shop.Orders.Include(o => o.Product).Cacheable(q => q.Tag("menu").MaxCachedRows(3)));
        Assert.Empty(await all(_shop).ToListAsync(TestContext.Current.CancellationToken));
        Assert.Equal(expected, _server.Plan.Policy);
    }

    [Fact]
    public void NotCacheable_in_a_subquery_of_a_compiled_query_keeps_it_out()
    {
        var query = EF.CompileQuery(
            (ShopContext shop) => shop.Products.Where(p => shop.Orders.NotCacheable().Any(o => o.ProductId == p.Id)));

        _ = query(_shop).ToList();

        Assert.Equal(QueryCachePolicy.None, _server.Plan.Policy);
    }

    [Fact]
    public void Settings_from_outside_of_a_compiled_query_are_those_of_its_first_execution()
    {
        var minutes = 3;
        var query = EF.CompileQuery((ShopContext shop) => shop.Products.Cacheable(TimeSpan.FromMinutes(minutes)));

        _ = query(_shop).ToList();

        Assert.Equal(TimeSpan.FromMinutes(3), _server.Plan.Policy!.TimeToLive);
    }

    [Fact]
    public void A_time_to_live_that_is_a_parameter_of_the_compiled_query_is_an_error_that_names_the_way_out()
    {
        var query = EF.CompileQuery((ShopContext shop, TimeSpan timeToLive) => shop.Products.Cacheable(timeToLive));

        AssertNeedsKnownSettings(() => query(_shop, TimeSpan.FromMinutes(1)).ToList());
    }

    [Fact]
    public void A_time_to_live_that_is_computed_from_a_parameter_of_the_compiled_query_is_the_same_error()
    {
        var query = EF.CompileQuery((ShopContext shop, int minutes) => shop.Products.Cacheable(TimeSpan.FromMinutes(minutes)));

        AssertNeedsKnownSettings(() => query(_shop, 1).ToList());
    }

    [Fact]
    public void Settings_that_use_a_parameter_of_the_compiled_query_are_the_same_error()
    {
        var query = EF.CompileQuery((ShopContext shop, string tag) => shop.Products.Cacheable(q => q.Tag(tag)));

        AssertNeedsKnownSettings(() => query(_shop, "menu").ToList());
    }

    [Fact]
    public void VaryBy_in_a_compiled_query_is_an_error()
    {
        var query = EF.CompileQuery((ShopContext shop) => shop.Products.Cacheable(q => q.VaryBy("de")));

        Assert.Throws<InvalidOperationException>(() => query(_shop).ToList());
    }

    private static void AssertNeedsKnownSettings(Action execute)
    {
        var error = Assert.Throws<InvalidOperationException>(execute);
        Assert.Contains("needs settings that are known when the query is compiled", error.Message, StringComparison.Ordinal);
        Assert.Contains("Cacheable(TimeSpan.FromMinutes(5))", error.Message, StringComparison.Ordinal);
    }

    private static Expression Rewritten(Expression<Func<IQueryable<int>>> query)
        => new CacheableRewriter().QueryCompilationStarting(query.Body, null!);

    private static string TagOf(Expression expression)
    {
        var call = Assert.IsAssignableFrom<MethodCallExpression>(expression);
        Assert.Equal(nameof(EntityFrameworkQueryableExtensions.TagWith), call.Method.Name);
        return (string)Assert.IsType<ConstantExpression>(call.Arguments[1]).Value!;
    }
}
