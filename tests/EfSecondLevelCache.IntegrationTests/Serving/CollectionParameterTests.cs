using System.Collections.Immutable;
using Microsoft.EntityFrameworkCore;

namespace EfSecondLevelCache.IntegrationTests.Serving;

public sealed class CollectionParameterTests(ShopDatabase database) : ShopTests(database)
{
    private static readonly Dictionary<string, Func<IQueryable<Product>, IQueryable<Product>>> Queries = Make();

    public static TheoryData<string> Kinds => [.. Queries.Keys];

    /// <summary>EF Core sends each of them as an array of PostgreSQL's.</summary>
    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task A_query_for_a_collection_of_values_is_found_again(string kind)
    {
        await using var cache = new SecondLevelCache();

        Assert.Equal(2, await MissAsync(cache, db => Queries[kind](db.Products).Cacheable().CountAsync()));
        Assert.Equal(2, await HitAsync(cache, db => Queries[kind](db.Products).Cacheable().CountAsync()));
    }

    [Fact]
    public async Task A_token_is_no_part_of_the_key()
    {
        await using var cache = new SecondLevelCache();

        await MissAsync(cache, db => db.Products.Cacheable().CountAsync());
        await HitAsync(cache, db => db.Products.Cacheable(q => q.NotOlderThan(default)).CountAsync());
    }

    private static Dictionary<string, Func<IQueryable<Product>, IQueryable<Product>>> Make()
    {
        int[] array = [1, 2];
        List<int> list = [1, 2];
        IReadOnlyList<int> readOnly = list.AsReadOnly();
        HashSet<int> set = [1, 2];
        SortedSet<int> sorted = [1, 2];
        ImmutableArray<int> immutable = [1, 2];
        var lazily = list.Where(number => number > 0);
        IEnumerable<string> texts = new HashSet<string> { "Product 1", "Product 2" };
        HashSet<string> setOfTexts = ["Product 1", "Product 2"];
        return new()
        {
            ["array"] = products => products.Where(p => array.Contains(p.Id)),
            ["list"] = products => products.Where(p => list.Contains(p.Id)),
            ["read-only list"] = products => products.Where(p => readOnly.Contains(p.Id)),
            ["set"] = products => products.Where(p => set.Contains(p.Id)),
            ["sorted set"] = products => products.Where(p => sorted.Contains(p.Id)),
            ["immutable array"] = products => products.Where(p => immutable.Contains(p.Id)),
            ["lazy sequence"] = products => products.Where(p => lazily.Contains(p.Id)),
            ["sequence of texts"] = products => products.Where(p => texts.Contains(p.Name)),
            ["set of texts"] = products => products.Where(p => setOfTexts.Contains(p.Name)),
        };
    }
}
