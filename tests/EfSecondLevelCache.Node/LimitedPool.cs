using System.ComponentModel.DataAnnotations.Schema;
using System.Diagnostics;
using Microsoft.EntityFrameworkCore;

namespace EfSecondLevelCache.Node;

/// <summary>
/// A cold start of the cache: many callers at once, with and without await, in a process whose thread pool has a fixed size. Arguments: connection string, threads,
/// callers with await, callers without, whether there is a cache. Says how long it took.
/// </summary>
internal static class LimitedPool
{
    private static readonly TaskCompletionSource FirstIsUnderWay = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public static async Task RunAsync(string connectionString, int threads, int asynchronous, int synchronous, bool isCached)
    {
        ThreadPool.SetMinThreads(threads, threads);
        if (!ThreadPool.SetMaxThreads(threads, threads))
            throw new InvalidOperationException($"The thread pool can't have {threads} threads.");
        // Npgsql's own first connection is shared work too, with or without the cache.
        await using (var db = new Orders(connectionString, cache: null))
            db.All.Count();
        using var cache = isCached ? new SecondLevelCache() : null;
        var started = Stopwatch.GetTimestamp();
        var callers = Enumerable.Range(0, asynchronous).Select(_ => Task.Run(CountAsync)).ToList();
        // The first one waits for the database when the others come.
        if (asynchronous > 0)
            await FirstIsUnderWay.Task;
        callers.AddRange(Enumerable.Range(0, synchronous).Select(_ => Task.Run(Count)));
        foreach (var count in await Task.WhenAll(callers))
        {
            if (count != 20)
                throw new InvalidOperationException($"{count} orders");
        }

        Console.WriteLine($"{Stopwatch.GetElapsedTime(started).TotalMilliseconds:0} ms, {cache?.Statistics}");

        async Task<int> CountAsync()
        {
            await using var db = new Orders(connectionString, cache);
            var count = db.All.TagWith("second").Cacheable().CountAsync();
            FirstIsUnderWay.TrySetResult();
            return await count;
        }

        int Count()
        {
            using var db = new Orders(connectionString, cache);
            return db.All.TagWith("second").Cacheable().Count();
        }
    }

    private sealed class Orders(string connectionString, SecondLevelCache? cache) : DbContext
    {
        public DbSet<Order> All => Set<Order>();

        protected override void OnConfiguring(DbContextOptionsBuilder options)
        {
            // Who waits in vain waits for longer than the test.
            options.UseNpgsql(connectionString, npgsql => npgsql.CommandTimeout(600));
            if (cache is not null)
                options.AddSecondLevelCache(cache);
        }
    }

    [Table("orders")]
    private sealed class Order
    {
        public int Id { get; set; }
    }
}
