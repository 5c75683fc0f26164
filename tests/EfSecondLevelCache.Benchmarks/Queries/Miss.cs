using BenchmarkDotNet.Attributes;
using Microsoft.EntityFrameworkCore;

namespace EfSecondLevelCache.Benchmarks.Queries;

/// <summary>How much more does a query cost whose result must be read and kept? Each asks for a row that nobody asked for.</summary>
[MemoryDiagnoser]
public class Miss : IComparison
{
    private readonly Catalog _plain = new(BenchmarkServer.Options().Options);

    // Small, so that a result is gone when its row's turn comes again, and each fill makes room, as in a cache that has run for a while.
    private readonly Catalog _cached = new(BenchmarkServer.Options().AddSecondLevelCache(cache => cache.MaxEntries(1_000)).Options);
    private int _id;

    [GlobalSetup]
    public Task SetUpAsync() => BenchmarkServer.FillAsync();

    public IReadOnlyList<(string Name, Func<Task> ExecuteAsync)> Ways =>
        [(QuickComparison.Plain, PlainEf), (QuickComparison.Cached, SecondLevelCache)];

    [Benchmark(Baseline = true)]
    public Task<Product> PlainEf()
    {
        var id = NextId();
        return _plain.Products.AsNoTracking().SingleAsync(product => product.Id == id);
    }

    [Benchmark]
    public Task<Product> SecondLevelCache()
    {
        var id = NextId();
        return _cached.Products.AsNoTracking().Cacheable().SingleAsync(product => product.Id == id);
    }

    private int NextId() => 1 + _id++ % BenchmarkServer.Rows;
}
