namespace QuickStart;

/// <summary>
/// Ranks drawn as people ask for things: rank k (from 0) with a probability proportional to 1 / (k + 1)^0.99, the skew of the YCSB
/// benchmark.
/// </summary>
internal sealed class ZipfDistribution
{
    private const double Skew = 0.99;
    private readonly double[] _cumulative;

    public ZipfDistribution(int ranks)
    {
        _cumulative = new double[ranks];
        var sum = 0.0;
        for (var rank = 0; rank < ranks; rank++)
            _cumulative[rank] = sum += Math.Pow(rank + 1, -Skew);
    }

    public int Next(Random random)
    {
        var position = Array.BinarySearch(_cumulative, random.NextDouble() * _cumulative[^1]);
        return position < 0 ? ~position : position;
    }
}
