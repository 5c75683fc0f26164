using System.Diagnostics.Metrics;
using EfSecondLevelCache.Diagnostics;
using EfSecondLevelCache.Store;

namespace EfSecondLevelCache.Tests.Diagnostics;

public sealed class CacheMetricsTests
{
    [Fact]
    public void Every_counter_is_measured_by_its_tags()
    {
        var counters = new Counters();
        var store = new BoundedStore(1 << 20, 10, EvictionPolicy.Lru, TimeProvider.System);
        using var metrics = new CacheMetrics(counters, store);
        counters.Hits.Add(3);
        counters.Misses.Add(2);
        counters.Fills.Add(1);
        counters.Invalidations.Add(7);
        counters.StaleFillsPrevented.Add(4);
        counters.Refusals[(int)RefusalReason.InTransaction] = 5;
        counters.Removals[(int)RemovalCause.Evicted].Add(6);

        var measured = Measure();

        Assert.Equal(3, measured["ef_second_level_cache.lookups hit"]);
        Assert.Equal(2, measured["ef_second_level_cache.lookups miss"]);
        Assert.Equal(1, measured["ef_second_level_cache.fills"]);
        Assert.Equal(4, measured["ef_second_level_cache.stale_fills_prevented"]);
        Assert.Equal(5, measured["ef_second_level_cache.refusals InTransaction"]);
        Assert.Equal(6, measured["ef_second_level_cache.removals evicted"]);
        Assert.Equal(0, measured["ef_second_level_cache.removals cleared"]);
        Assert.Equal(7, measured["ef_second_level_cache.invalidations"]);
        Assert.Equal(0, measured["ef_second_level_cache.entries"]);
        Assert.Equal(0, measured["ef_second_level_cache.size"]);
        Assert.DoesNotContain("ef_second_level_cache.refusals Fault", measured.Keys);

        Dictionary<string, long> Measure()
        {
            var found = new Dictionary<string, long>();
            using var listener = new MeterListener();
            var meter = (Meter)typeof(CacheMetrics)
                .GetField("_meter", System.Reflection.BindingFlags.Instance | System.Reflection.BindingFlags.NonPublic)!.GetValue(metrics)!;
            listener.InstrumentPublished = (instrument, me) =>
            {
                if (ReferenceEquals(instrument.Meter, meter))
                    me.EnableMeasurementEvents(instrument);
            };
            listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) =>
                found[tags.IsEmpty ? instrument.Name : $"{instrument.Name} {tags[0].Value}"] = value);
            listener.Start();
            listener.RecordObservableInstruments();
            return found;
        }
    }
}
