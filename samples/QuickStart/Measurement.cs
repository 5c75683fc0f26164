namespace QuickStart;

/// <summary>What one run of the workload took.</summary>
internal sealed class Measurement
{
    public Measurement(TimeSpan elapsed, IReadOnlyList<LatencyHistogram> latencies, long allocatedBytes, long roundTrips, double hitRatio)
    {
        Latencies = latencies;
        foreach (var latency in latencies)
            Latency.Add(latency);
        QueriesPerSecond = Latency.Count / elapsed.TotalSeconds;
        BytesPerQuery = (double)allocatedBytes / Latency.Count;
        RoundTrips = roundTrips;
        HitRatio = hitRatio;
    }

    /// <summary>By query, in the workload's order.</summary>
    public IReadOnlyList<LatencyHistogram> Latencies { get; }

    public LatencyHistogram Latency { get; } = new();

    public long Queries => Latency.Count;

    public double QueriesPerSecond { get; }

    public double BytesPerQuery { get; }

    public long RoundTrips { get; }

    /// <summary>0 without a cache.</summary>
    public double HitRatio { get; }
}
