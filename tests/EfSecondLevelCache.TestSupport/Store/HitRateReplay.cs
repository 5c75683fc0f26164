using System.Diagnostics;
using System.IO.Compression;
using System.Runtime.InteropServices;
using EfSecondLevelCache.Store;

namespace EfSecondLevelCache.Benchmarks;

/// <summary>
/// A trace of requests. In the file, which may be gzipped: little-endian, no header; <c>.k32</c> holds a uint32 key for each
/// request, <c>.k32s32</c> a uint32 key and a uint32 size in bytes. Where there are no sizes, each is 1.
/// </summary>
internal sealed class HitRateTrace(uint[] keys, uint[] sizes)
{
    public ReadOnlySpan<uint> Keys => keys;

    public ReadOnlySpan<uint> Sizes => sizes;

    public int DistinctKeys => keys.Distinct().Count();

    /// <summary>The bytes of all distinct keys.</summary>
    public long Footprint => keys.Zip(sizes).DistinctBy(request => request.First).Sum(request => (long)request.Second);

    public static HitRateTrace Read(string path)
    {
        using var file = File.OpenRead(path);
        using var bytes = new MemoryStream();
        if (path.EndsWith(".gz", StringComparison.OrdinalIgnoreCase))
        {
            using var unzipped = new GZipStream(file, CompressionMode.Decompress);
            unzipped.CopyTo(bytes);
        }
        else
        {
            file.CopyTo(bytes);
        }

        var values = MemoryMarshal.Cast<byte, uint>(bytes.GetBuffer().AsSpan(0, (int)bytes.Length));
        var hasSizes = path.Contains(".k32s32", StringComparison.OrdinalIgnoreCase);
        var requests = values.Length / (hasSizes ? 2 : 1);
        var keys = new uint[requests];
        var sizes = new uint[requests];
        for (var i = 0; i < requests; i++)
        {
            keys[i] = hasSizes ? values[2 * i] : values[i];
            sizes[i] = hasSizes ? Math.Max(1, values[2 * i + 1]) : 1;
        }

        return new HitRateTrace(keys, sizes);
    }
}

/// <summary>What replaying a trace against a store showed. Ratios are between 0 and 1.</summary>
internal sealed record HitRateResult(
    long Requests,
    long Hits,
    double HitRatio,
    double ByteHitRatio,
    long Evictions,
    long MaxBytesSeen,
    double NsPerRequest);

/// <summary>Asks a store for each key of a trace, and adds what is not found. Every entry costs the same to make.</summary>
internal static class HitRateReplay
{
    public static HitRateResult Run(HitRateTrace trace, EvictionPolicy policy, long maxBytes, int maxEntries)
    {
        var evictions = 0L;
        var store = new BoundedStore(maxBytes, maxEntries, policy, TimeProvider.System,
            (_, cause) => evictions += cause == RemovalCause.Evicted ? 1 : 0);
        long hits = 0, hitBytes = 0, bytes = 0, maxBytesSeen = 0;
        var start = Stopwatch.GetTimestamp();
        for (var i = 0; i < trace.Keys.Length; i++)
        {
            var key = trace.Keys[i];
            bytes += trace.Sizes[i];
            if (store.Find(new TraceProbe(key)) is not null)
            {
                hits++;
                hitBytes += trace.Sizes[i];
            }
            else
            {
                store.Add(new TraceEntry(key, trace.Sizes[i]));
                maxBytesSeen = Math.Max(maxBytesSeen, store.Bytes);
            }
        }

        var elapsed = Stopwatch.GetElapsedTime(start);
        return new HitRateResult(
            trace.Keys.Length,
            hits,
            (double)hits / Math.Max(1, trace.Keys.Length),
            (double)hitBytes / Math.Max(1, bytes),
            evictions,
            maxBytesSeen,
            elapsed.TotalNanoseconds / Math.Max(1, trace.Keys.Length));
    }

    /// <summary>Keys are dense small integers: spread them, as the hash of a query key is.</summary>
    private static ulong HashOf(uint key)
    {
        var hash = (key + 0x9E37_79B9_7F4A_7C15) * 0xBF58_476D_1CE4_E5B9;
        hash = (hash ^ (hash >> 27)) * 0x94D0_49BB_1331_11EB;
        return hash ^ (hash >> 31);
    }

    private sealed class TraceEntry(uint key, uint bytes) : StoreEntry(HashOf(key), bytes, cost: 1, expiresAt: long.MaxValue, sliding: 0)
    {
        public uint Key { get; } = key;

        public override bool IsUpToDate => true;

        public override bool HasSameKeyAs(StoreEntry other) => ((TraceEntry)other).Key == Key;
    }

    private readonly ref struct TraceProbe(uint key) : IStoreProbe
    {
        private readonly uint _key = key;

        public ulong Hash { get; } = HashOf(key);

        public bool Matches(StoreEntry entry) => ((TraceEntry)entry).Key == _key;
    }
}
