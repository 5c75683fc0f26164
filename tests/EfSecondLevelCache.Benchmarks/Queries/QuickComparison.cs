using System.Globalization;

namespace EfSecondLevelCache.Benchmarks.Queries;

/// <summary>The verb <c>queries</c>: every question in one run and one table, with the targets beside what was measured.</summary>
internal static class QuickComparison
{
    public const string Floor = "command-level floor";
    public const string Cached = "EfSecondLevelCache";
    public const string Plain = "plain EF + Npgsql";

    public static async Task<int> RunAsync()
    {
        CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
        Console.WriteLine($"{"",-28}{"time",12}{"bytes",10}{"to floor",11}{"to plain",11}   target");
        try
        {
            await HitAsync("A hit: primary key by compiled query", new PrimaryKeyByCompiledQuery(), mostToFloor: 1.15);
            await HitAsync("A hit: primary key by LINQ", new PrimaryKeyByLinq(), mostToFloor: 1.10);
            await HitAsync("A hit: a page of 20 rows by LINQ", new PageOfTwentyRows(), mostToFloor: 1.10);
            await MissAsync();
            await NotCacheableAsync("Not cacheable, rows from an interceptor", new NotCacheable(), rounds: 3_000, single: false,
                (time, bytes) => Verdict($"{time:+0;-0} ns < 1,000 ns", time < 1_000)
                    + Verdict($", {bytes:+0;-0;0} B = 0 B", Math.Round(bytes) <= 0));

            // What is allocated here depends on which reads had to wait for the server.
            await NotCacheableAsync("Not cacheable, rows by loopback (p50)", new NotCacheableOverLoopback(), rounds: 4_000, single: true,
                (time, _) => Verdict($"{time:+0;-0} ns < 1,000 ns", time < 1_000));
        }
        finally
        {
            await BenchmarkServer.DropAsync();
        }

        return 0;
    }

    private static async Task HitAsync(string question, IComparison comparison, double mostToFloor)
    {
        var costs = await MeasureAsync(question, comparison, rounds: 1_500, single: false);
        var (floor, plain) = (costs[Floor], costs[Plain]);
        foreach (var (way, cost) in costs)
        {
            var target = way == Cached
                ? Verdict($"<= {mostToFloor:N2}x floor", cost.Nanoseconds <= floor.Nanoseconds * mostToFloor)
                    + Verdict($", {cost.Bytes - floor.Bytes:+0;-0} B <= +300 B", cost.Bytes <= floor.Bytes + 300)
                : "";
            Write(way, cost, $"{cost.Nanoseconds / floor.Nanoseconds:N2}x", $"{cost.Nanoseconds / plain.Nanoseconds:N4}x", target);
        }
    }

    private static async Task MissAsync()
    {
        var costs = await MeasureAsync("A miss, each of another row (p50)", new Miss(), rounds: 4_000, single: true);
        var (plain, cached) = (costs[Plain], costs[Cached]);
        Write(Plain, plain, "", "1.00x", "");
        Write(Cached, cached, "", $"{cached.Nanoseconds / plain.Nanoseconds:N3}x",
            Verdict("<= 1.05x plain", cached.Nanoseconds <= plain.Nanoseconds * 1.05));
    }

    private static async Task NotCacheableAsync(
        string question, IComparison comparison, int rounds, bool single, Func<double, double, string> judge)
    {
        var costs = await MeasureAsync(question, comparison, rounds, single);
        var (plain, cached) = (costs[Plain], costs[Cached]);
        Write("without the cache", plain, "", "1.00x", "");
        Write("with it, not asked for", cached, "", $"{cached.Nanoseconds / plain.Nanoseconds:N3}x",
            judge(cached.Nanoseconds - plain.Nanoseconds, cached.Bytes - plain.Bytes));
    }

    private static async Task<Dictionary<string, Cost>> MeasureAsync(string question, IComparison comparison, int rounds, bool single)
    {
        Console.WriteLine($"{Environment.NewLine}{question}");
        await comparison.SetUpAsync();
        var ways = comparison.Ways;
        var costs = await InterleavedTiming.MeasureAsync([.. ways.Select(way => way.ExecuteAsync)], rounds, single);
        return ways.Zip(costs).ToDictionary(pair => pair.First.Name, pair => pair.Second);
    }

    private static string Verdict(string target, bool met) => met ? $"{target} met" : $"{target} MISSED";

    private static void Write(string way, Cost cost, string toFloor, string toPlain, string target)
        => Console.WriteLine($"  {way,-26}{cost.Nanoseconds,9:N0} ns{cost.Bytes,8:N0} B{toFloor,11}{toPlain,11}   {target}".TrimEnd());
}
