using EfSecondLevelCache.Benchmarks;
using EfSecondLevelCache.IntegrationTests.Support;

namespace EfSecondLevelCache.Tests.Store;

/// <summary>
/// The hit ratios of real traces, in percent, at 1, 5 and 20 % of the trace's footprint: of its bytes where requests have sizes, else
/// of its distinct keys. A replay is deterministic; what moves a figure is a change of a policy, and then docs/eviction.md has to
/// follow.
/// </summary>
public class HitRatioTests
{
    [Theory]
    [InlineData("orm-busy-synthsize.k32s32", 83.2, 92.8, 97.4)]
    [InlineData("web12-synthsize.k32s32", 60.5, 76.1, 84.2)]
    [InlineData("libcachesim-cloudphysics.k32s32", 18.7, 24.3, 36.3)]
    [InlineData("web12.k32", 42.7, 65.8, 77.8)]
    [InlineData("arc-oltp.k32", 46.2, 61.1, 72.1)]
    [InlineData("corda-vault.k32", 33.3, 33.3, 33.3)]
    [InlineData("lirs-loop.k32", 0.2, 3.2, 15.4)]
    [InlineData("lirs-multi3.k32", 21.8, 39.7, 54.6)]
    [InlineData("lirs-2_pools.k32", 41.5, 51.9, 59.2)]
    public void Lfu_has_the_hit_ratio_that_is_told_of_it(string trace, double at1Percent, double at5Percent, double at20Percent)
        => Verify(EvictionPolicy.Lfu, trace, at1Percent, at5Percent, at20Percent);

    [Theory]
    [InlineData("web12-synthsize.k32s32", 41.4, 60.8, 76.1)]
    [InlineData("arc-oltp.k32", 42.2, 60.4, 72.1)]
    [InlineData("corda-vault.k32", 33.3, 33.3, 33.3)]
    public void Lru_has_the_hit_ratio_that_is_told_of_it(string trace, double at1Percent, double at5Percent, double at20Percent)
        => Verify(EvictionPolicy.Lru, trace, at1Percent, at5Percent, at20Percent);

    [Theory]
    [InlineData("web12-synthsize.k32s32", 44.5, 63.6, 78.2)]
    [InlineData("arc-oltp.k32", 46.4, 62.1, 72.6)]
    [InlineData("corda-vault.k32", 33.3, 33.3, 33.3)]
    public void S3Fifo_has_the_hit_ratio_that_is_told_of_it(string trace, double at1Percent, double at5Percent, double at20Percent)
        => Verify(EvictionPolicy.S3Fifo, trace, at1Percent, at5Percent, at20Percent);

    private static void Verify(EvictionPolicy policy, string file, params ReadOnlySpan<double> expected)
    {
        var trace = HitRateTrace.Read(SharedData.Find("traces", file + ".gz"));
        var (keys, footprint) = (trace.DistinctKeys, trace.Footprint);
        var isBoundInBytes = footprint > keys;
        ReadOnlySpan<double> fractions = [0.01, 0.05, 0.2];
        for (var i = 0; i < fractions.Length; i++)
        {
            var capacity = (long)((isBoundInBytes ? footprint : keys) * fractions[i]);

            var result = isBoundInBytes
                ? HitRateReplay.Run(trace, policy, maxBytes: capacity, maxEntries: int.MaxValue)
                : HitRateReplay.Run(trace, policy, maxBytes: long.MaxValue, maxEntries: (int)capacity);

            Assert.InRange(100 * result.HitRatio, expected[i] - 0.1, expected[i] + 0.1);
            Assert.InRange(result.MaxBytesSeen, 1, capacity);
        }
    }
}
