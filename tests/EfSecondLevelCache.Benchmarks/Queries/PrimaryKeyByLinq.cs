using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Caching.Memory;

namespace EfSecondLevelCache.Benchmarks.Queries;

/// <summary>How much does a hit cost as most queries are written?</summary>
public class PrimaryKeyByLinq : HitBenchmark<Product>
{
    private readonly int _id = 4711;

    private protected override Func<Task<Product>> Query(Catalog catalog)
        => () => catalog.Products.AsNoTracking().SingleAsync(product => product.Id == _id);

    private protected override Func<Task<Product>> CacheableQuery(Catalog catalog)
        => () => catalog.Products.AsNoTracking().Cacheable().SingleAsync(product => product.Id == _id);

    private protected override Func<Task<Product>> ByHand(IMemoryCache memory, Func<Task<Product>> query)
        => async () => (await memory.GetOrCreateAsync($"product:{_id}", _ => query()))!;
}
