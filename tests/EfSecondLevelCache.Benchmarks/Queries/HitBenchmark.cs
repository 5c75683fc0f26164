using System.Text.Json;
using BenchmarkDotNet.Attributes;
using EfSecondLevelCache.Benchmarks.Queries.Floors;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage;
using Microsoft.Extensions.Caching.Memory;

namespace EfSecondLevelCache.Benchmarks.Queries;

/// <summary>
/// A query that has been asked before, answered by each way that there is. Every way has a context of its own and keeps it, and reads
/// without tracking, so that little but the way itself is timed.
/// </summary>
[MemoryDiagnoser]
public abstract class HitBenchmark<TResult> : IComparison
{
    private readonly MemoryCache _memory = new(new MemoryCacheOptions());
    private Func<Task<TResult>> _plain = null!;
    private Func<Task<TResult>> _commandFloor = null!;
    private Func<Task<TResult>> _interceptorFloor = null!;
    private Func<Task<TResult>> _byHand = null!;
    private Func<Task<TResult>> _cached = null!;
    private Func<Task<TResult>> _cachedByRule = null!;

    [GlobalSetup]
    public async Task SetUpAsync()
    {
        await BenchmarkServer.FillAsync();
        _plain = Query(new Catalog(BenchmarkServer.Options().Options));
        _commandFloor = Query(new Catalog(
            BenchmarkServer.Options().ReplaceService<IRelationalCommandBuilderFactory, CommandFloor>().Options));
        _interceptorFloor = Query(new Catalog(BenchmarkServer.Options().AddInterceptors(new InterceptorFloor()).Options));
        _cached = CacheableQuery(new Catalog(BenchmarkServer.Options().AddSecondLevelCache().Options));
        _cachedByRule = Query(new Catalog(BenchmarkServer.Options().AddSecondLevelCache(cache => cache.CacheAllQueries()).Options));
        _byHand = ByHand(_memory, _plain);

        var expected = JsonSerializer.Serialize(await _plain());
        foreach (var (name, way) in Ways)
        {
            // The first execution fills.
            for (var execution = 1; execution <= 2; execution++)
            {
                if (JsonSerializer.Serialize(await ((Func<Task<TResult>>)way)()) != expected)
                    throw new InvalidOperationException($"{GetType().Name}: the result of {name} (execution {execution}) is another.");
            }
        }
    }

    public IReadOnlyList<(string Name, Func<Task> ExecuteAsync)> Ways =>
    [
        (QuickComparison.Floor, _commandFloor),
        (QuickComparison.Cached, _cached),
        ("  by CacheAllQueries()", _cachedByRule),
        ("interceptor-level floor", _interceptorFloor),
        ("IMemoryCache by hand", _byHand),
        (QuickComparison.Plain, _plain),
    ];

    [Benchmark(Baseline = true)]
    public Task<TResult> CommandFloor() => _commandFloor();

    [Benchmark]
    public Task<TResult> SecondLevelCache() => _cached();

    /// <summary>Without <c>Cacheable()</c>, which is one more call in the query's expression, each time.</summary>
    [Benchmark]
    public Task<TResult> SecondLevelCacheByRule() => _cachedByRule();

    [Benchmark]
    public Task<TResult> InterceptorFloor() => _interceptorFloor();

    [Benchmark]
    public Task<TResult> MemoryCacheByHand() => _byHand();

    [Benchmark]
    public Task<TResult> PlainEf() => _plain();

    /// <summary>The query as it is written without a cache.</summary>
    private protected abstract Func<Task<TResult>> Query(Catalog catalog);

    /// <summary>The same, marked <c>Cacheable()</c>.</summary>
    private protected abstract Func<Task<TResult>> CacheableQuery(Catalog catalog);

    /// <summary>What an application does that keeps entities itself.</summary>
    private protected abstract Func<Task<TResult>> ByHand(IMemoryCache memory, Func<Task<TResult>> query);
}
