using System.Diagnostics;
using EfSecondLevelCache;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;

namespace QuickStart;

/// <summary>One of the queries that the readers send.</summary>
/// <param name="Name">How the report calls it.</param>
/// <param name="Share">How many of the queries are of this kind, 0 to 1.</param>
/// <param name="Execute">Takes the context and a rank of popularity.</param>
internal sealed record ShopQuery(string Name, double Share, Func<Shop, int, Task> Execute);

/// <summary>Readers that ask for popular things more often than for others, each one query after the other.</summary>
internal sealed class Workload(ShopSize size, int readers, IReadOnlyList<ShopQuery> queries)
{
    private readonly ZipfDistribution _popularity = new(size.Products);

    public IReadOnlyList<ShopQuery> Queries => queries;

    /// <param name="options">Whether the contexts have the cache is all that differs from one run to another.</param>
    /// <param name="duration">How long the readers go on.</param>
    /// <param name="progress">Called some times a second.</param>
    /// <param name="cancellationToken">Ends the run early.</param>
    public async Task<Measurement> RunAsync(
        DbContextOptions<Shop> options, TimeSpan duration, Action<double, string> progress, CancellationToken cancellationToken)
    {
        // What AddDbContextPool does in a web application: a context for each request, from a pool.
        var contexts = new PooledDbContextFactory<Shop>(options);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using var roundTrips = new RoundTrips();
        var cache = CacheOf(contexts);

        var before = cache?.Statistics;
        var allocatedBefore = GC.GetTotalAllocatedBytes(precise: true);
        var clock = Stopwatch.StartNew();
        var running = Enumerable.Range(0, readers).Select(_ => queries.Select(_ => new LatencyHistogram()).ToArray()).ToArray();
        var tasks = running
            .Select((latencies, reader) => Task.Run(() => ReadAsync(contexts, latencies, new Random(reader), stop.Token)))
            .ToArray();

        stop.CancelAfter(duration);
        while (!stop.IsCancellationRequested)
        {
            await Task.Delay(100, CancellationToken.None);
            var queriesSoFar = running.Sum(latencies => latencies.Sum(latency => latency.Count));
            progress(clock.Elapsed / duration, $"{queriesSoFar / clock.Elapsed.TotalSeconds:N0} queries/s");
        }

        await Task.WhenAll(tasks);
        cancellationToken.ThrowIfCancellationRequested();
        return new Measurement(
            clock.Elapsed,
            [.. queries.Select((_, query) => Merge(running.Select(latencies => latencies[query])))],
            GC.GetTotalAllocatedBytes(precise: true) - allocatedBefore,
            roundTrips.Count,
            HitRatio(before, cache?.Statistics));
    }

    private static SecondLevelCache? CacheOf(PooledDbContextFactory<Shop> contexts)
    {
        using var shop = contexts.CreateDbContext();
        return shop.Database.GetSecondLevelCache();
    }

    private static double HitRatio(CacheStatistics? before, CacheStatistics? after)
    {
        if (before is null || after is null)
            return 0;
        var (hits, misses) = (after.Hits - before.Hits, after.Misses - before.Misses);
        return (double)hits / (hits + misses);
    }

    private async Task ReadAsync(
        PooledDbContextFactory<Shop> contexts, LatencyHistogram[] latencies, Random random, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            var query = Choose(random.NextDouble());
            var rank = _popularity.Next(random);

            var start = Stopwatch.GetTimestamp();
            await using (var shop = await contexts.CreateDbContextAsync(CancellationToken.None))
                await queries[query].Execute(shop, rank);
            latencies[query].Add(Stopwatch.GetTimestamp() - start);

            // A hit never waits; without this a reader would keep its thread, as no web application does between requests.
            await Task.Yield();
        }
    }

    private int Choose(double point)
    {
        var query = 0;
        while (query < queries.Count - 1 && (point -= queries[query].Share) >= 0)
            query++;
        return query;
    }

    private static LatencyHistogram Merge(IEnumerable<LatencyHistogram> parts)
    {
        var whole = new LatencyHistogram();
        foreach (var part in parts)
            whole.Add(part);
        return whole;
    }
}
