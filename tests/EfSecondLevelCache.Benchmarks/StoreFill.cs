using System.Diagnostics;
using EfSecondLevelCache.Store;

namespace EfSecondLevelCache.Benchmarks;

/// <summary>What it costs to keep a result in a full store, where each fill makes others leave: the time under the store's lock.</summary>
internal static class StoreFill
{
    private const int Entries = 100_000;
    private const int FillsPerRound = 1_000;
    private const int Rounds = 1_000;

    /// <summary>Nanoseconds of the best round, by one thread, and by two over the fills of both.</summary>
    public static (double OneThread, double TwoThreads) Run(EvictionPolicy policy)
    {
        var store = new BoundedStore(Entries * 1_024L, int.MaxValue, policy, TimeProvider.System);
        var key = 0L;
        for (; key < 2 * Entries; key++)
            store.Add(new Entry(key));

        double one = double.MaxValue, two = double.MaxValue;
        for (var round = 0; round < Rounds; round++)
            one = Math.Min(one, Fill(store, ref key));
        for (var round = 0; round < Rounds / 10; round++)
        {
            using var start = new Barrier(2);
            var others = key + FillsPerRound;
            var other = new Thread(() =>
            {
                start.SignalAndWait();
                Fill(store, ref others);
            });
            other.Start();
            start.SignalAndWait();
            var from = Stopwatch.GetTimestamp();
            Fill(store, ref key);
            other.Join();
            two = Math.Min(two, Stopwatch.GetElapsedTime(from).TotalNanoseconds / (2 * FillsPerRound));
            key = others;
        }

        return (one, two);
    }

    private static double Fill(BoundedStore store, ref long key)
    {
        var from = Stopwatch.GetTimestamp();
        for (var i = 0; i < FillsPerRound; i++)
            store.Add(new Entry(key++));
        return Stopwatch.GetElapsedTime(from).TotalNanoseconds / FillsPerRound;
    }

    private sealed class Entry(long key)
        : StoreEntry((ulong)key * 0x9E37_79B9_7F4A_7C15, bytes: 512 + key % 1_024, cost: 300, expiresAt: long.MaxValue, sliding: 0)
    {
        private readonly long _key = key;

        public override bool IsUpToDate => true;

        public override bool HasSameKeyAs(StoreEntry other) => ((Entry)other)._key == _key;
    }
}
