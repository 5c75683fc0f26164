using System.Diagnostics.Metrics;
using EfSecondLevelCache.Store;

namespace EfSecondLevelCache.Diagnostics;

/// <summary>
/// Every instrument of a cache, on the meter <c>EfSecondLevelCache</c>. They are read from the counters when somebody collects, so that nothing is
/// paid for them while nobody does. Names follow OpenTelemetry's conventions.
/// </summary>
internal sealed class CacheMetrics : IDisposable
{
    public const string MeterName = "EfSecondLevelCache";

    private readonly Meter _meter = new(MeterName);

    public CacheMetrics(Counters counters, BoundedStore store)
    {
        try
        {
            CreateInstruments(counters, store);
        }
        catch (Exception)
        {
            // A listener of the application's, which is told of each instrument; what it did not take it does not get.
        }
    }

    public void Dispose()
    {
        try
        {
            _meter.Dispose();
        }
        catch (Exception)
        {
            // The same.
        }
    }

    private void CreateInstruments(Counters counters, BoundedStore store)
    {
        _meter.CreateObservableCounter(
            "ef_second_level_cache.lookups",
            () => (Measurement<long>[])
            [
                new(counters.Hits.Value, new KeyValuePair<string, object?>("result", "hit")),
                new(counters.Misses.Value, new KeyValuePair<string, object?>("result", "miss")),
            ],
            "{command}", "Cacheable commands, by whether the cache had their result");
        _meter.CreateObservableCounter(
            "ef_second_level_cache.refusals",
            () => Enum.GetValues<RefusalReason>()
                .Select(reason => new Measurement<long>(
                    Volatile.Read(ref counters.Refusals[(int)reason]), new KeyValuePair<string, object?>("reason", reason.ToString())))
                .Where(measurement => measurement.Value > 0),
            "{command}", "Commands that were to be cached and could not be");
        _meter.CreateObservableCounter(
            "ef_second_level_cache.fills", () => counters.Fills.Value, "{result}", "Results that were read from the database and kept");
        _meter.CreateObservableCounter(
            "ef_second_level_cache.stale_fills_prevented",
            () => counters.StaleFillsPrevented.Value,
            "{result}", "Results that were not kept because what they were read from changed meanwhile");
        _meter.CreateObservableCounter(
            "ef_second_level_cache.removals",
            () => Enum.GetValues<RemovalCause>().Select(cause => new Measurement<long>(
                counters.Removals[(int)cause].Value, new KeyValuePair<string, object?>("cause", cause.ToString().ToLowerInvariant()))),
            "{result}", "Results that left the cache");
        _meter.CreateObservableCounter(
            "ef_second_level_cache.invalidations", () => counters.Invalidations.Value, "{change}", "Changes that were processed");
        _meter.CreateObservableUpDownCounter(
            "ef_second_level_cache.entries", () => (long)store.Count, "{result}", "Results that are kept");
        _meter.CreateObservableUpDownCounter("ef_second_level_cache.size", () => store.Bytes, "By", "The memory that they take");
    }
}
