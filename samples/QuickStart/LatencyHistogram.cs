using System.Diagnostics;
using System.Numerics;

namespace QuickStart;

/// <summary>Counts durations in buckets of at most 1.6 % width, so that millions of them take no memory and no sorting.</summary>
internal sealed class LatencyHistogram
{
    private const int BucketBits = 6;
    private readonly long[] _counts = new long[(65 - BucketBits) << BucketBits];

    public long Count { get; private set; }

    public void Add(long stopwatchTicks)
    {
        Count++;
        _counts[BucketOf(stopwatchTicks)]++;
    }

    public void Add(LatencyHistogram other)
    {
        Count += other.Count;
        for (var bucket = 0; bucket < _counts.Length; bucket++)
            _counts[bucket] += other._counts[bucket];
    }

    public TimeSpan Percentile(double percent)
    {
        var left = (long)Math.Ceiling(Count * percent / 100);
        for (var bucket = 0; bucket < _counts.Length; bucket++)
        {
            left -= _counts[bucket];
            if (left <= 0)
                return TimeSpan.FromSeconds(UpperEnd(bucket) / (double)Stopwatch.Frequency);
        }

        return TimeSpan.Zero;
    }

    // As in HdrHistogram: the position of the highest bit, then the next bits as they are.
    private static int BucketOf(long ticks)
    {
        var shift = Math.Max(0, BitOperations.Log2((ulong)ticks) - BucketBits);
        return (shift << BucketBits) + (int)(ticks >> shift);
    }

    private static long UpperEnd(int bucket)
    {
        var shift = Math.Max(0, (bucket >> BucketBits) - 1);
        return (((long)bucket - (shift << BucketBits) + 1) << shift) - 1;
    }
}
