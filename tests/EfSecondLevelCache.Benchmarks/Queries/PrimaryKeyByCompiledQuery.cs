using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Caching.Memory;

namespace EfSecondLevelCache.Benchmarks.Queries;

/// <summary>How much does a hit cost where EF Core itself costs the least?</summary>
public class PrimaryKeyByCompiledQuery : HitBenchmark<Product>
{
    private readonly int _id = 4711;

    private protected override Func<Task<Product>> Query(Catalog catalog)
    {
        var query = EF.CompileAsyncQuery((Catalog c, int id) => c.Products.AsNoTracking().Single(product => product.Id == id));
        return () => query(catalog, _id);
    }

    private protected override Func<Task<Product>> CacheableQuery(Catalog catalog)
    {
        var query = EF.CompileAsyncQuery((Catalog c, int id) => c.Products.AsNoTracking().Cacheable().Single(product => product.Id == id));
        return () => query(catalog, _id);
    }

    private protected override Func<Task<Product>> ByHand(IMemoryCache memory, Func<Task<Product>> query)
        => async () => (await memory.GetOrCreateAsync($"product:{_id}", _ => query()))!;
}
