using BenchmarkDotNet.Attributes;
using EfSecondLevelCache.Benchmarks.Queries.Floors;
using Microsoft.EntityFrameworkCore;

namespace EfSecondLevelCache.Benchmarks.Queries;

/// <summary>
/// How much does <c>AddSecondLevelCache</c> cost a query that nobody asked to cache? An interceptor stands in for the server, because
/// a round trip varies by more than what is looked for; <see cref="NotCacheableOverLoopback"/> is the same with the server.
/// </summary>
[MemoryDiagnoser]
public class NotCacheable : IComparison
{
    private Func<Task<Product>> _without = null!;
    private Func<Task<Product>> _with = null!;

    [GlobalSetup]
    public async Task SetUpAsync()
    {
        await BenchmarkServer.FillAsync();
        _without = await QueryAsync(Configure(BenchmarkServer.Options()));
        _with = await QueryAsync(Configure(BenchmarkServer.Options()).AddSecondLevelCache());
    }

    public IReadOnlyList<(string Name, Func<Task> ExecuteAsync)> Ways =>
        [(QuickComparison.Plain, _without), (QuickComparison.Cached, _with)];

    [Benchmark(Baseline = true)]
    public Task<Product> WithoutTheCache() => _without();

    [Benchmark]
    public Task<Product> WithTheCache() => _with();

    private protected virtual DbContextOptionsBuilder<Catalog> Configure(DbContextOptionsBuilder<Catalog> options)
        => options.AddInterceptors(new InterceptorFloor());

    private static async Task<Func<Task<Product>>> QueryAsync(DbContextOptionsBuilder<Catalog> options)
    {
        var catalog = new Catalog(options.Options);
        await catalog.Database.OpenConnectionAsync();
        var query = EF.CompileAsyncQuery((Catalog c, int id) => c.Products.AsNoTracking().Single(product => product.Id == id));
        return () => query(catalog, 4711);
    }
}
