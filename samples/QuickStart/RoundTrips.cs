using System.Diagnostics.Metrics;

namespace QuickStart;

/// <summary>
/// Counts the commands that Npgsql sends, by its own metrics: below EF Core and below the cache, so nothing that either of them
/// sends to the database escapes it.
/// </summary>
internal sealed class RoundTrips : IDisposable
{
    private readonly MeterListener _listener = new();
    private long _count;

    public RoundTrips()
    {
        _listener.InstrumentPublished = static (instrument, listener) =>
        {
            if (instrument is { Meter.Name: "Npgsql", Name: "db.client.operation.duration" })
                listener.EnableMeasurementEvents(instrument);
        };
        _listener.SetMeasurementEventCallback<double>((_, _, _, _) => Interlocked.Increment(ref _count));
        _listener.Start();
    }

    public long Count => Interlocked.Read(ref _count);

    public void Dispose() => _listener.Dispose();
}
