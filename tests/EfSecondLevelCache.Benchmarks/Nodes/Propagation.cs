using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using EfSecondLevelCache.Backplanes;
using EfSecondLevelCache.Backplanes.Peers;
using EfSecondLevelCache.Backplanes.Postgres;
using EfSecondLevelCache.Invalidation;
using EfSecondLevelCache.Querying.Planning.Predicates;
using EfSecondLevelCache.Redis;
using Microsoft.Extensions.Logging.Abstractions;
using StackExchange.Redis;

namespace EfSecondLevelCache.Benchmarks.Nodes;

/// <summary>
/// How long after a writer has published a change the other two nodes have processed it, at a steady rate, and what publishing costs the writer.
/// All nodes are in this process, the messages go through the machine's network.
/// </summary>
internal static class Propagation
{
    private const int PerSecond = 1_000;
    private const int Warmup = 2_000;
    private const int Measured = 10_000;

    public static async Task<int> RunAsync()
    {
        Console.WriteLine($"3 nodes, {PerSecond:N0} changes/s, {Measured:N0} changes; µs from the writer's call to the change being processed on another node");
        Console.WriteLine($"{"backplane",-22}{"p50",10}{"p99",10}{"max",10}{"writer p50",14}{"writer p99",12}{"flushes",10}");
        await MeasureAsync("peers, secret", Peers());
        if (Environment.GetEnvironmentVariable("ConnectionStrings__Demo") is { Length: > 0 } postgres)
            await MeasureAsync("PostgreSQL, NOTIFY", [.. Enumerable.Range(0, 3).Select(_ => new PostgresBackplaneSettings(postgres))]);
        else
            Console.WriteLine("PostgreSQL: skipped, ConnectionStrings__Demo names no server");
        if (Environment.GetEnvironmentVariable("ConnectionStrings__Redis") is { Length: > 0 } redis)
            await MeasureAsync("Redis, Pub/Sub", [.. Enumerable.Range(0, 3).Select(_ => new RedisBackplaneSettings(ConfigurationOptions.Parse(redis)))]);
        else
            Console.WriteLine("Redis: skipped, ConnectionStrings__Redis names no server");
        return 0;
    }

    private static BackplaneFactory[] Peers()
    {
        string[] endpoints = ["127.0.0.1:17411", "127.0.0.1:17412", "127.0.0.1:17413"];
        return [.. endpoints.Select(endpoint => PeerOptionsBuilder.Build(
            peers => peers.SharedSecret("correct horse battery staple").Listen(endpoint).Members(endpoints)))];
    }

    private static async Task MeasureAsync(string name, BackplaneFactory[] factories)
    {
        var publishedAt = new ConcurrentDictionary<ulong, long>();
        var (delays, calls, flushes) = (new ConcurrentBag<double>(), new List<double>(), 0);
        var nodes = new List<ChangeBroadcast>();
        foreach (var factory in factories)
            nodes.Add(new ChangeBroadcast(factory.Create(NullLogger.Instance), Arrived, () => Interlocked.Increment(ref flushes), new SecondLevelCacheOptions(), NullLogger.Instance));
        while (!nodes.All(node => node.Status is { State: BackplaneState.Live, Nodes.Count: 2 }))
            await Task.Delay(50);
        flushes = 0;

        var writer = new Thread(() => Publish(nodes[0], publishedAt, calls));
        writer.Start();
        writer.Join();
        await Task.Delay(1_000);
        foreach (var node in nodes)
            await node.DisposeAsync();

        var (all, own) = (delays.Order().ToArray(), calls.Order().ToArray());
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{name,-22}{At(all, 0.5),10:N0}{At(all, 0.99),10:N0}{At(all, 1),10:N0}{At(own, 0.5),14:N1}{At(own, 0.99),12:N1}{flushes,10}")
            + (all.Length == 2 * Measured ? "" : $"   only {all.Length:N0} of {2 * Measured:N0} arrived"));

        void Arrived(MessageContent content)
        {
            var change = ((RowsChanged)content).Changes.First().Rows![0].Columns[0].Hash;
            if (publishedAt.TryGetValue(change, out var at))
                delays.Add(Stopwatch.GetElapsedTime(at).TotalMicroseconds);
        }
    }

    private static void Publish(ChangeBroadcast node, ConcurrentDictionary<ulong, long> publishedAt, List<double> calls)
    {
        var start = Stopwatch.GetTimestamp();
        for (var i = 0; i < Warmup + Measured; i++)
        {
            while (Stopwatch.GetElapsedTime(start).TotalSeconds < (double)i / PerSecond)
                Thread.Yield(); // A sleep is a millisecond at least, the whole pause between two changes.
            var change = new TableChange(new TableName("public", "orders"))
            {
                Rows = [new RowImage([new ColumnImage("Id", ComparisonFamily.Integer, (ulong)i, false), new ColumnImage("CustomerId", ComparisonFamily.Integer, 7, false)])],
            };
            var at = Stopwatch.GetTimestamp();
            if (i >= Warmup)
                publishedAt[(ulong)i] = at;
            node.Publish(new RowsChanged("shop", [change]));
            if (i >= Warmup)
                calls.Add(Stopwatch.GetElapsedTime(at).TotalMicroseconds);
        }
    }

    private static double At(double[] sorted, double quantile) => sorted.Length == 0 ? 0 : sorted[Math.Min(sorted.Length - 1, (int)(quantile * sorted.Length))];
}
