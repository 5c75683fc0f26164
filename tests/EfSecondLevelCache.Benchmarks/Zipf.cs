namespace EfSecondLevelCache.Benchmarks;

/// <summary>Draws numbers from 1 on, of which the n-th is as frequent as 1 / n^skew; spread, so that neighbours are not alike.</summary>
internal sealed class Zipf
{
    private readonly double[] _cumulated;
    private readonly int[] _numbers;

    private Zipf(double[] cumulated, int[] numbers) => (_cumulated, _numbers) = (cumulated, numbers);

    public static Zipf Over(int count, double skew)
    {
        var cumulated = new double[count];
        var sum = 0.0;
        for (var i = 0; i < count; i++)
            cumulated[i] = sum += 1 / Math.Pow(i + 1, skew);
        var numbers = Enumerable.Range(1, count).ToArray();
        new Random(7).Shuffle(numbers);
        return new Zipf(cumulated, numbers);
    }

    public int Next(Random random)
    {
        var found = Array.BinarySearch(_cumulated, random.NextDouble() * _cumulated[^1]);
        return _numbers[Math.Min(found < 0 ? ~found : found, _numbers.Length - 1)];
    }
}
