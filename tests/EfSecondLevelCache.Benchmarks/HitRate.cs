using System.Text.Json;

namespace EfSecondLevelCache.Benchmarks;

/// <summary>What share of the requests of a trace a policy serves within a bound.</summary>
internal static class HitRate
{
    private const string Usage =
        "usage: hit-rate --trace FILE [--policy lfu|lru|s3fifo] (--capacity-bytes N | --capacity-entries N)\n"
        + "FILE: .k32[.gz] (uint32 key) or .k32s32[.gz] (uint32 key, uint32 bytes), little-endian, no header";

    public static int Run(ReadOnlySpan<string> args)
    {
        string? file = null;
        var policy = EvictionPolicy.Lfu;
        var maxBytes = long.MaxValue;
        var maxEntries = int.MaxValue;
        var isBounded = false;
        for (var i = 0; i < args.Length; i += 2)
        {
            var value = i + 1 < args.Length ? args[i + 1] : "";
            switch (args[i])
            {
                case "--trace" when value != "":
                    file = value;
                    break;
                case "--policy" when Enum.TryParse(value, ignoreCase: true, out policy) && Enum.IsDefined(policy):
                    break;
                case "--capacity-bytes" when long.TryParse(value, out maxBytes) && maxBytes > 0:
                case "--capacity-entries" when int.TryParse(value, out maxEntries) && maxEntries > 0:
                    isBounded = true;
                    break;
                default:
                    return Fail($"{args[i]} {value}: not understood\n{Usage}");
            }
        }

        if (file is null || !isBounded)
            return Fail(Usage);
        if (!File.Exists(file))
            return Fail($"{file}: no such file");

        var result = HitRateReplay.Run(HitRateTrace.Read(file), policy, maxBytes, maxEntries);
        Console.WriteLine(JsonSerializer.Serialize(result, JsonSerializerOptions.Web));
        return 0;
    }

    private static int Fail(string message)
    {
        Console.Error.WriteLine(message);
        return 2;
    }
}
