using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Caching.Memory;

namespace EfSecondLevelCache.Benchmarks.Queries;

/// <summary>How much does a hit of several rows cost?</summary>
public class PageOfTwentyRows : HitBenchmark<List<Product>>
{
    private readonly int _category = 47;

    private protected override Func<Task<List<Product>>> Query(Catalog catalog)
        => () => Page(catalog.Products.AsNoTracking()).ToListAsync();

    private protected override Func<Task<List<Product>>> CacheableQuery(Catalog catalog)
        => () => Page(catalog.Products.AsNoTracking().Cacheable()).ToListAsync();

    private protected override Func<Task<List<Product>>> ByHand(IMemoryCache memory, Func<Task<List<Product>>> query)
        => async () => (await memory.GetOrCreateAsync($"page:{_category}", _ => query()))!;

    private IQueryable<Product> Page(IQueryable<Product> products)
        => products.Where(product => product.CategoryId == _category).OrderBy(product => product.Id).Take(20);
}
