using System.Diagnostics;
using System.Globalization;
using EfSecondLevelCache.Backplanes;
using EfSecondLevelCache.Backplanes.Postgres;
using EfSecondLevelCache.Benchmarks.Queries;
using EfSecondLevelCache.Redis;
using StackExchange.Redis;

namespace EfSecondLevelCache.Benchmarks.Nodes;

/// <summary>
/// How soon after SaveChanges has returned the result of the row is gone on the two other nodes, at a steady rate, and what the backplane costs
/// the writer. All nodes are in this process, which also writes; the messages go through the machine's network. The backplanes take turns, and what counts is
/// the median of their turns.
/// </summary>
internal static class Propagation
{
    /// <summary>Of a turn, each of another row.</summary>
    public const int Changes = 2_000;

    private const int PerSecond = 1_000;
    private const int Writers = 4;
    private const int Turns = 5;

    public static async Task<int> RunAsync()
    {
        CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
        await BenchmarkServer.FillAsync();
        await using var redis = Environment.GetEnvironmentVariable("ConnectionStrings__Redis") is { Length: > 0 } ? null : PrivateRedis.Start();
        var clusters = new List<Cluster>();
        try
        {
            clusters.Add(await Cluster.StartAsync("none", null));
            clusters.Add(await Cluster.StartAsync("peers, with a secret", node => Peer(node, 17_411)));
            clusters.Add(await Cluster.StartAsync("peers, synchronous", node => Peer(node, 17_421), synchronous: true));
            if ((redis?.Configuration ?? Environment.GetEnvironmentVariable("ConnectionStrings__Redis")) is { Length: > 0 } configuration)
                clusters.Add(await Cluster.StartAsync("Redis", _ => new RedisBackplaneSettings(ConfigurationOptions.Parse(configuration))));
            else
                Console.WriteLine("Redis: skipped, ConnectionStrings__Redis names no server and redis-server is not installed");
            clusters.Add(await Cluster.StartAsync("PostgreSQL", _ => new PostgresBackplaneSettings()));

            var turns = clusters.ToDictionary(cluster => cluster, _ => new List<Turn>());
            for (var turn = 0; turn <= Turns; turn++)
            {
                for (var i = 0; i < clusters.Count; i++)
                {
                    var cluster = clusters[(turn + i) % clusters.Count];
                    var measured = await MeasureAsync(cluster, turn);
                    // The first one is for the just-in-time compiler.
                    if (turn > 0)
                        turns[cluster].Add(measured);
                }
            }

            Print(clusters, turns);
        }
        finally
        {
            foreach (var cluster in clusters)
                await cluster.DisposeAsync();
        }

        return 0;
    }

    private static BackplaneFactory Peer(int node, int firstPort)
    {
        string[] endpoints = [.. Enumerable.Range(firstPort, 3).Select(port => $"127.0.0.1:{port}")];
        return PeerOptionsBuilder.Build(peers => peers.SharedSecret("correct horse battery staple").Listen(endpoints[node]).Members(endpoints));
    }

    private static async Task<Turn> MeasureAsync(Cluster cluster, int turn)
    {
        await cluster.FillAsync();
        var (called, returned) = (new long[Changes + 1], new long[Changes + 1]);
        using var due = new SemaphoreSlim(0);
        var next = 0;
        var start = Stopwatch.GetTimestamp();
        var pace = new Thread(() => Pace(due));
        pace.Start();
        await Task.WhenAll(Enumerable.Range(0, Writers).Select(_ => Task.Run(WriteAsync)));
        var seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        pace.Join();
        var left = await cluster.LeftAsync();
        var after = Enumerable.Range(1, Changes)
            .SelectMany(id => cluster.GoneAt(id).Where(gone => gone > 0).Select(gone => Stopwatch.GetElapsedTime(returned[id], gone).TotalMicroseconds))
            .Select(time => Math.Max(0, time)).Order().ToArray();
        var calls = Enumerable.Range(1, Changes).Select(id => Stopwatch.GetElapsedTime(called[id], returned[id]).TotalMicroseconds).Order().ToArray();
        return new Turn(
            At(after, 0.5),
            At(after, 0.99),
            (double)after.Count(time => time == 0) / Math.Max(1, after.Length),
            At(calls, 0.5),
            At(calls, 0.99),
            Changes / seconds,
            left);

        async Task WriteAsync()
        {
            while (true)
            {
                await due.WaitAsync();
                var id = Interlocked.Increment(ref next);
                if (id > Changes)
                    return;
                called[id] = Stopwatch.GetTimestamp();
                await cluster.WriteAsync(id, turn + 1);
                returned[id] = Stopwatch.GetTimestamp();
            }
        }
    }

    /// <summary>A sleep is a millisecond at least, so a writer may be woken for two changes at once.</summary>
    private static void Pace(SemaphoreSlim due)
    {
        var start = Stopwatch.GetTimestamp();
        for (var released = 0; released < Changes + Writers;)
        {
            Thread.Sleep(1);
            var by = Math.Min(Changes + Writers, (int)(Stopwatch.GetElapsedTime(start).TotalSeconds * PerSecond));
            if (by > released)
                due.Release(by - released);
            released = by;
        }
    }

    private static void Print(List<Cluster> clusters, Dictionary<Cluster, List<Turn>> turns)
    {
        Console.WriteLine(
            $"3 nodes in one process, {Turns} turns of {Changes:N0} SaveChanges of one row; us from its return to the result being gone on another node");
        Console.WriteLine(
            $"{"",-22}{"p50",8}{"p99",9}{"gone before",13}{"SaveChanges p50",18}{"p99",9}"
            + $"{"to none",10}{"p99",7}{"per s",9}{"flushes",9}{"left",6}");
        var none = turns[clusters[0]];
        foreach (var cluster in clusters)
        {
            var own = turns[cluster];
            var propagation = own[0].Before is 0 && own[0].P99 is 0
                ? $"{"",30}"
                : $"{Median(own, t => t.P50),8:N0}{Median(own, t => t.P99),9:N0}{Median(own, t => t.Before),13:P0}";
            Console.WriteLine(
                $"{cluster.Name,-22}{propagation}{Median(own, t => t.Call50),18:N0}{Median(own, t => t.Call99),9:N0}"
                + $"{Ratio(t => t.Call50),10:N2}{Ratio(t => t.Call99),7:N2}{Median(own, t => t.PerSecond),9:N0}"
                + $"{cluster.Flushes,9}{own.Sum(t => t.Left),6}");

            // Of the same turn, in which the machine did the same beside.
            double Ratio(Func<Turn, double> figure) => MedianOf(own.Zip(none, (mine, without) => figure(mine) / figure(without)));
        }
    }

    private static double Median(IEnumerable<Turn> turns, Func<Turn, double> figure) => MedianOf(turns.Select(figure));

    private static double MedianOf(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return sorted[sorted.Length / 2];
    }

    private static double At(double[] sorted, double quantile) => sorted.Length == 0 ? 0 : sorted[Math.Min(sorted.Length - 1, (int)(quantile * sorted.Length))];

    /// <summary>Times in microseconds.</summary>
    /// <param name="P50">From the return of SaveChanges to the result being gone.</param>
    /// <param name="P99">The same.</param>
    /// <param name="Before">The share of results that were gone before SaveChanges had returned.</param>
    /// <param name="Call50">Of SaveChanges.</param>
    /// <param name="Call99">The same.</param>
    /// <param name="PerSecond">Changes, as far as the machine gave them.</param>
    /// <param name="Left">Results that were never removed.</param>
    private sealed record Turn(double P50, double P99, double Before, double Call50, double Call99, double PerSecond, int Left);
}
