using System.Diagnostics;

namespace EfSecondLevelCache.Benchmarks.Queries;

/// <summary>What one operation takes.</summary>
internal readonly record struct Cost(double Nanoseconds, double Bytes);

/// <summary>
/// Times several ways in turns (A B C, B C A, ...) and takes medians, so that whatever else the machine does falls on all of them.
/// </summary>
internal static class InterleavedTiming
{
    /// <summary>Enough for the just-in-time compiler's last tier, which a busy machine delays.</summary>
    private const int WarmUpPasses = 3;

    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(0.7);

    /// <summary>Far below a scheduler's time slice, so that most turns are not interrupted.</summary>
    private static readonly TimeSpan Turn = TimeSpan.FromMilliseconds(0.5);

    /// <param name="ways">What to time.</param>
    /// <param name="rounds">How many times each has its turn.</param>
    /// <param name="single">Whether a turn is one operation, so that the median is the p50; else it is half a millisecond.</param>
    public static async Task<Cost[]> MeasureAsync(IReadOnlyList<Func<Task>> ways, int rounds, bool single)
    {
        var operations = new int[ways.Count];
        for (var pass = 0; pass < WarmUpPasses; pass++)
        {
            for (var way = 0; way < ways.Count; way++)
            {
                var (executed, clock) = (0, Stopwatch.StartNew());
                for (; clock.Elapsed < WarmUp; executed++)
                    await ways[way]();
                operations[way] = single ? 1 : (int)Math.Max(1, executed * (Turn / clock.Elapsed));
            }
        }

        var times = ways.Select(_ => new double[rounds]).ToArray();
        for (var round = 0; round < rounds; round++)
        {
            for (var turn = 0; turn < ways.Count; turn++)
            {
                var way = (round + turn) % ways.Count;
                // What the way before left behind (cold caches after a round trip) is not this one's.
                if (!single)
                    await TimeAsync(ways[way], operations[way] / 2);
                times[way][round] = await TimeAsync(ways[way], operations[way]);
            }
        }

        var costs = new Cost[ways.Count];
        for (var way = 0; way < ways.Count; way++)
            costs[way] = new Cost(Median(times[way]), await BytesAsync(ways[way]));
        return costs;
    }

    private static async Task<double> TimeAsync(Func<Task> way, int operations)
    {
        var start = Stopwatch.GetTimestamp();
        for (var i = 0; i < operations; i++)
            await way();
        return Stopwatch.GetElapsedTime(start).TotalNanoseconds / operations;
    }

    /// <summary>Of the whole process, because an operation that waits for the server goes on in another thread.</summary>
    private static async Task<double> BytesAsync(Func<Task> way)
    {
        const int Operations = 200;
        var bytes = new double[15];
        for (var turn = 0; turn < bytes.Length; turn++)
        {
            var before = GC.GetTotalAllocatedBytes(precise: true);
            for (var i = 0; i < Operations; i++)
                await way();
            bytes[turn] = (GC.GetTotalAllocatedBytes(precise: true) - before) / (double)Operations;
        }

        return Median(bytes);
    }

    private static double Median(double[] values)
    {
        Array.Sort(values);
        return values.Length % 2 == 1 ? values[values.Length / 2] : (values[values.Length / 2 - 1] + values[values.Length / 2]) / 2;
    }
}
