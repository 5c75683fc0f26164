using System.Collections.Concurrent;
using EfSecondLevelCache.Store;

namespace EfSecondLevelCache.Tests.Store;

/// <summary>Several threads at once, from seeds: what they are told has to be linearizable, and the structure whole afterwards.</summary>
public class StoreConcurrencyTests
{
    [Theory]
    [EveryPolicy]
    public void Whatever_threads_do_at_once_can_have_happened_one_after_the_other(EvictionPolicy policy)
    {
        for (var seed = 0; seed < 30; seed++)
        {
            var history = new StoreHistory();
            // Few keys, so that threads meet; the smallest table, so that it grows while they do; room for two thirds of them.
            var keys = 20 + 20 * (seed % 10);
            var store = new BoundedStore(keys * 20, int.MaxValue, policy, TimeProvider.System, history.OnRemoved);
            Run(threads: 4, thread => Work(store, history, keys, new Random(seed * 100 + thread)));

            history.Verify();
            StoreStructure.Verify(store);
        }
    }

    [Theory]
    [EveryPolicy]
    public void No_bound_is_exceeded_at_any_moment(EvictionPolicy policy)
    {
        const int MaxBytes = 100_000;
        const int MaxEntries = 700;
        var store = new BoundedStore(MaxBytes, MaxEntries, policy, TimeProvider.System);
        var seen = new ConcurrentBag<(long Bytes, int Entries)>();
        var isDone = false;
        var watcher = new Thread(() =>
        {
            var (mostBytes, mostEntries) = (0L, 0);
            while (!Volatile.Read(ref isDone))
                (mostBytes, mostEntries) = (Math.Max(mostBytes, store.Bytes), Math.Max(mostEntries, store.Count));
            seen.Add((mostBytes, mostEntries));
        });
        watcher.Start();
        Run(threads: 3, thread =>
        {
            var random = new Random(thread);
            for (var i = 0; i < 100_000; i++)
            {
                // Mostly small, so that now the one bound binds and now the other; some that fill half of the store.
                var bytes = random.Next(100) == 0 ? random.Next(MaxBytes / 2) : random.Next(i / 10_000 % 2 == 0 ? 100 : 1_000);
                var key = random.Next(5_000);
                if (store.Find(key) is not { } entry)
                    store.Add(new TestEntry(key, 1 + bytes));
                else if (random.Next(10) == 0)
                    store.Add(new TestEntry(key, 1 + bytes));
                else if (random.Next(50) == 0)
                    store.Remove(entry, RemovalCause.Invalidated);
                // On a busy machine the watcher may sleep through one of the two kinds of load.
                if (i % 1_000 == 999)
                    seen.Add((store.Bytes, store.Count));
            }
        });
        Volatile.Write(ref isDone, true);
        watcher.Join();

        Assert.InRange(seen.Max(moment => moment.Bytes), MaxBytes / 2, MaxBytes);
        Assert.InRange(seen.Max(moment => moment.Entries), MaxEntries / 2, MaxEntries);
        StoreStructure.Verify(store);
    }

    private static void Work(BoundedStore store, StoreHistory history, int keys, Random random)
    {
        var mine = new List<TestEntry>();
        for (var i = 0; i < 1_000; i++)
        {
            var key = random.Next(keys);
            switch (random.Next(1_000))
            {
                case < 600:
                    history.Find(store, key);
                    break;
                case < 850:
                    mine.Add(new TestEntry(key, bytes: random.Next(1, 60)));
                    history.Add(store, mine[^1]);
                    break;
                case < 920 when mine.Count > 0:
                    history.Remove(store, mine[random.Next(Math.Max(0, mine.Count - 10), mine.Count)]);
                    break;
                case < 980 when mine.Count > 0:
                    history.Invalidate(mine[random.Next(Math.Max(0, mine.Count - 10), mine.Count)]);
                    break;
                case < 990:
                    history.Sweep(store);
                    break;
                case < 992:
                    history.Clear(store);
                    break;
            }
        }
    }

    private static void Run(int threads, Action<int> work)
    {
        using var start = new Barrier(threads);
        var failures = new List<Exception>();
        var workers = Enumerable.Range(0, threads).Select(thread => new Thread(() =>
        {
            start.SignalAndWait();
            try
            {
                work(thread);
            }
            catch (Exception exception)
            {
                lock (failures)
                    failures.Add(exception);
            }
        })).ToList();
        workers.ForEach(worker => worker.Start());
        workers.ForEach(worker => worker.Join());
        Assert.Empty(failures);
    }
}
