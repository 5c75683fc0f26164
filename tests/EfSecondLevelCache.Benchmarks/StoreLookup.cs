using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Text.Json;
using EfSecondLevelCache.Store;
using Microsoft.Extensions.Caching.Memory;

namespace EfSecondLevelCache.Benchmarks;

/// <summary>
/// What a hit costs in the bounded store (time to live and two dependencies checked) beside a bare ConcurrentDictionary and a
/// MemoryCache with a size limit, and what an entry of each takes. Each value names the key to look for next, so that a look-up
/// has to end before the next one starts, as it is with queries. The three take turns, round by round, so that whatever else the
/// machine does meets all of them; each one's best round counts.
/// </summary>
internal static class StoreLookup
{
    /// <summary>Short against the time slices of the scheduler, so that a busy machine leaves some rounds undisturbed.</summary>
    private const int HitsPerRound = 1 << 14;

    private const int Rounds = 2_000;

    public static int Run(ReadOnlySpan<string> args)
    {
        var entries = 10_000;
        if (args is not [] and not ["--entries", _] || args is ["--entries", var value] && !(int.TryParse(value, out entries) && entries > 0))
        {
            Console.Error.WriteLine("usage: store [--entries N]");
            return 2;
        }

        var circle = Enumerable.Range(0, entries).Select(i => new LookupKey(i % 100, i)).ToArray();
        new Random(1).Shuffle(circle);
        ILookup[] lookups = [new DictionaryLookup(circle), new BoundedStoreLookup(circle), new MemoryCacheLookup(circle)];
        for (var round = 0; round < Rounds; round++)
        {
            foreach (var lookup in lookups)
                lookup.Report.NsPerHit = Math.Min(lookup.Report.NsPerHit, NsPerHit(lookup));
        }

        for (var round = 0; round < Rounds / 10; round++)
        {
            foreach (var lookup in lookups)
                lookup.Report.NsPerHitOfTwoThreads = Math.Min(lookup.Report.NsPerHitOfTwoThreads, NsPerHitOfTwoThreads(lookup));
        }

        foreach (var lookup in lookups)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            lookup.Follow(HitsPerRound);
            lookup.Report.BytesPerHit = (double)(GC.GetAllocatedBytesForCurrentThread() - before) / HitsPerRound;
        }

        Console.WriteLine($"{"",-22}{"ns/hit",8}{"ratio",8}{"B/hit",8}{"2 threads",11}{"B/entry",9}");
        foreach (var lookup in lookups)
        {
            var report = lookup.Report;
            Console.WriteLine($"{lookup.Name,-22}{report.NsPerHit,8:0.0}{report.NsPerHit / lookups[0].Report.NsPerHit,8:0.00}"
                + $"{report.BytesPerHit,8:0.0}{report.ScalingAtTwoThreads,10:0.00}x{report.BytesPerEntry,9:0}");
        }

        Console.WriteLine($"{"",-22}{"ns/fill",8}{"",16}{"2 threads",11}");
        var fills = Enum.GetValues<EvictionPolicy>().ToDictionary(policy => policy, StoreFill.Run);
        foreach (var (policy, (one, two)) in fills)
            Console.WriteLine($"{policy,-22}{one,8:0}{"",16}{one / two,10:0.00}x");

        Console.WriteLine(JsonSerializer.Serialize(
            new
            {
                Lookups = lookups.ToDictionary(lookup => lookup.Name, lookup => lookup.Report),
                NsPerFill = fills.ToDictionary(fill => fill.Key.ToString(), fill => fill.Value.OneThread),
            },
            JsonSerializerOptions.Web));
        return 0;
    }

    private static double NsPerHit(ILookup lookup)
    {
        var from = Stopwatch.GetTimestamp();
        lookup.Follow(HitsPerRound);
        return Stopwatch.GetElapsedTime(from).TotalNanoseconds / HitsPerRound;
    }

    /// <summary>The wall clock's, over the hits of both.</summary>
    private static double NsPerHitOfTwoThreads(ILookup lookup)
    {
        using var start = new Barrier(2);
        var other = new Thread(() =>
        {
            start.SignalAndWait();
            lookup.Follow(HitsPerRound);
        });
        other.Start();
        start.SignalAndWait();
        var from = Stopwatch.GetTimestamp();
        lookup.Follow(HitsPerRound);
        other.Join();
        return Stopwatch.GetElapsedTime(from).TotalNanoseconds / (2 * HitsPerRound);
    }

    private interface ILookup
    {
        string Name { get; }

        Report Report { get; }

        /// <summary>Looks for a key, for the one that its value names, and so on; throws at a miss.</summary>
        void Follow(int hits);
    }

    private sealed class Report(double bytesPerEntry)
    {
        public double NsPerHit { get; set; } = double.MaxValue;

        public double NsPerHitOfTwoThreads { get; set; } = double.MaxValue;

        /// <summary>How many times the hits of one thread two of them have.</summary>
        public double ScalingAtTwoThreads => NsPerHit / NsPerHitOfTwoThreads;

        public double BytesPerHit { get; set; }

        /// <summary>With a key of 16 bytes and a value of 32, or of 16 in the entry itself.</summary>
        public double BytesPerEntry { get; } = bytesPerEntry;
    }

    /// <summary>As in a query key: which query, and its parameter.</summary>
    private readonly record struct LookupKey(long Plan, long Parameter)
    {
        public ulong Hash
        {
            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            get
            {
                var hash = ((ulong)Plan * 0x9E37_79B9_7F4A_7C15) ^ ((ulong)Parameter * 0xBF58_476D_1CE4_E5B9);
                return hash ^ (hash >> 31);
            }
        }

        public override int GetHashCode() => (int)Hash;
    }

    private sealed record Value(LookupKey Next);

    private sealed class DictionaryLookup : ILookup
    {
        private readonly ConcurrentDictionary<LookupKey, Value> _dictionary = new();
        private readonly LookupKey _first;

        public DictionaryLookup(LookupKey[] circle)
        {
            _first = circle[0];
            Report = new Report(BytesPer(circle, (key, next) => _dictionary[key] = new Value(next)));
        }

        public string Name => "ConcurrentDictionary";

        public Report Report { get; }

        public void Follow(int hits)
        {
            for (var key = _first; hits > 0; hits--)
                key = _dictionary.TryGetValue(key, out var value) ? value.Next : throw new KeyNotFoundException(Name);
        }
    }

    private sealed class BoundedStoreLookup : ILookup
    {
        private readonly BoundedStore _store = new(1L << 30, 1 << 24, EvictionPolicy.Lfu, TimeProvider.System);
        private readonly long[] _versions = new long[1 << 20];
        private readonly LookupKey _first;

        public BoundedStoreLookup(LookupKey[] circle)
        {
            var random = new Random(2);
            _first = circle[0];
            Report = new Report(BytesPer(circle, (key, next) => _store.Add(new Entry(
                key, next, _versions, random.Next(16), random.Next(_versions.Length), _store.Clock.Now + 86_400_000))));
        }

        public string Name => "BoundedStore";

        public Report Report { get; }

        public void Follow(int hits)
        {
            for (var key = _first; hits > 0; hits--)
                key = _store.Find(new Probe(key)) is { } entry ? Unsafe.As<Entry>(entry).Next : throw new KeyNotFoundException(Name);
        }

        private sealed class Entry(LookupKey key, LookupKey next, long[] versions, int table, int row, long expiresAt)
            : StoreEntry(key.Hash, bytes: 256, cost: 300, expiresAt, sliding: 0)
        {
            private readonly long _asOf = Volatile.Read(ref versions[table]);

            public LookupKey Key { get; } = key;

            public LookupKey Next { get; } = next;

            public override bool IsUpToDate => Volatile.Read(ref versions[table]) <= _asOf && Volatile.Read(ref versions[row]) <= _asOf;

            public override bool HasSameKeyAs(StoreEntry other) => ((Entry)other).Key == Key;
        }

        private readonly ref struct Probe(LookupKey key) : IStoreProbe
        {
            private readonly LookupKey _key = key;

            public ulong Hash { get; } = key.Hash;

            public bool Matches(StoreEntry entry) => Unsafe.As<Entry>(entry).Key == _key;
        }
    }

    private sealed class MemoryCacheLookup : ILookup
    {
        private readonly MemoryCache _cache = new(new MemoryCacheOptions { SizeLimit = 1L << 30 });
        private readonly LookupKey _first;

        public MemoryCacheLookup(LookupKey[] circle)
        {
            _first = circle[0];
            Report = new Report(BytesPer(circle, (key, next) => _cache.Set(key, new Value(next),
                new MemoryCacheEntryOptions { Size = 256, AbsoluteExpirationRelativeToNow = TimeSpan.FromDays(1) })));
        }

        public string Name => "MemoryCache";

        public Report Report { get; }

        public void Follow(int hits)
        {
            for (var key = _first; hits > 0; hits--)
                key = _cache.TryGetValue(key, out Value? value) ? value!.Next : throw new KeyNotFoundException(Name);
        }
    }

    private static double BytesPer(LookupKey[] circle, Action<LookupKey, LookupKey> add)
    {
        var before = GC.GetTotalMemory(forceFullCollection: true);
        for (var i = 0; i < circle.Length; i++)
            add(circle[i], circle[(i + 1) % circle.Length]);
        return (double)(GC.GetTotalMemory(forceFullCollection: true) - before) / circle.Length;
    }
}
