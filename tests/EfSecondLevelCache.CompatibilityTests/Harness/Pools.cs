using System.Diagnostics.Metrics;

namespace EfSecondLevelCache.CompatibilityTests.Harness;

/// <summary>What Npgsql tells of its connection pools.</summary>
internal static class Pools
{
    /// <summary>How many connections of the pools to a port are in use; a leaked one is idle for the server, and in use for the pool.</summary>
    public static long Used(int port)
    {
        long used = 0;
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, self) =>
        {
            if (instrument.Meter.Name == "Npgsql" && instrument.Name == "db.client.connection.count")
                self.EnableMeasurementEvents(instrument);
        };
        listener.SetMeasurementEventCallback<int>((_, count, tags, _) =>
        {
            if (Tag(tags, "db.client.connection.state") == "used"
                && Tag(tags, "db.client.connection.pool.name").Contains($"Port={port};", StringComparison.OrdinalIgnoreCase))
            {
                used += count;
            }
        });
        listener.Start();
        listener.RecordObservableInstruments();
        return used;
    }

    private static string Tag(ReadOnlySpan<KeyValuePair<string, object?>> tags, string name)
    {
        foreach (var (key, value) in tags)
        {
            if (key == name)
                return $"{value}";
        }

        return "";
    }
}
