using System.Collections.Immutable;
using EfSecondLevelCache.Tests.Support;
using Microsoft.EntityFrameworkCore;

namespace EfSecondLevelCache.Tests.Querying.Planning;

public class PlannedParametersTests
{
    /// <summary>EF Core sends each of them as an array of PostgreSQL's.</summary>
    [Theory]
    [InlineData("array")]
    [InlineData("list")]
    [InlineData("read-only list")]
    [InlineData("set")]
    [InlineData("sorted set")]
    [InlineData("immutable array")]
    [InlineData("lazy sequence")]
    [InlineData("sequence of texts")]
    [InlineData("set of texts")]
    public async Task A_query_for_a_collection_of_values_is_found_again(string kind)
    {
        var server = new NoServer(("Id", typeof(int)), ("Name", typeof(string)));
        await using var cache = new SecondLevelCache(c => c.UniformSessions());
        using var shop = ShopContext.With(cache, server);
        int[] array = [1, 2];
        List<int> list = [1, 2];
        IReadOnlyList<int> readOnly = list.AsReadOnly();
        HashSet<int> set = [1, 2];
        SortedSet<int> sorted = [1, 2];
        ImmutableArray<int> immutable = [1, 2];
        var lazily = list.Where(number => number > 0);
        IEnumerable<string> texts = new HashSet<string> { "a" };
        HashSet<string> setOfTexts = ["a"];

        var query = kind switch
        {
            "array" => shop.Products.Where(p => array.Contains(p.Id)),
            "list" => shop.Products.Where(p => list.Contains(p.Id)),
            "read-only list" => shop.Products.Where(p => readOnly.Contains(p.Id)),
            "set" => shop.Products.Where(p => set.Contains(p.Id)),
            "sorted set" => shop.Products.Where(p => sorted.Contains(p.Id)),
            "immutable array" => shop.Products.Where(p => immutable.Contains(p.Id)),
            "lazy sequence" => shop.Products.Where(p => lazily.Contains(p.Id)),
            "sequence of texts" => shop.Products.Where(p => texts.Contains(p.Name)),
            _ => shop.Products.Where(p => setOfTexts.Contains(p.Name)),
        };

        await query.Cacheable().ToListAsync(TestContext.Current.CancellationToken);
        await query.Cacheable().ToListAsync(TestContext.Current.CancellationToken);

        Assert.Empty(cache.Statistics.RefusalsByReason);
        Assert.Single(server.Commands);
    }
}
