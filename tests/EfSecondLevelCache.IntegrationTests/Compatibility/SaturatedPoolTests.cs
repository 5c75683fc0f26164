using System.Diagnostics;
using EfSecondLevelCache.IntegrationTests.Sources;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace EfSecondLevelCache.IntegrationTests.Compatibility;

/// <summary>An application that keeps the pool's threads busy with hits still hears of changes, and still gets anything else done.</summary>
public abstract class SaturatedPoolTests(SourceDatabase database) : ChangeSourceTests(database)
{
    /// <summary>Of a few commits in a row. Behind the pool's queue one takes <c>MaxStaleness</c>, five seconds.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(3);

    [Fact]
    public Task A_change_is_heard_while_asynchronous_tasks_do_nothing_but_hit()
        => HearsChangesWhileAsync(async (db, end) =>
        {
            while (!end.IsCancellationRequested)
                await db.Items.Where(i => i.Id == 2).Cacheable().ToListAsync(CancellationToken.None);
        });

    [Fact]
    public Task A_change_is_heard_while_synchronous_tasks_do_nothing_but_hit()
        => HearsChangesWhileAsync((db, end) =>
        {
            while (!end.IsCancellationRequested)
                _ = db.Items.Where(i => i.Id == 2).Cacheable().ToList();
            return Task.CompletedTask;
        });

    [Fact]
    public async Task Other_work_goes_on_while_asynchronous_tasks_do_nothing_but_hit()
    {
        await GetAsync("item 2");
        var longest = TimeSpan.Zero;
        await SaturateAsync(
            async (db, end) =>
            {
                while (!end.IsCancellationRequested)
                    await db.Items.Where(i => i.Id == 2).Cacheable().ToListAsync(CancellationToken.None);
            },
            () =>
            {
                for (var attempt = 0; attempt < 5; attempt++)
                {
                    var queued = Stopwatch.GetTimestamp();
                    using var ran = new ManualResetEventSlim();
                    ThreadPool.QueueUserWorkItem(_ => ran.Set());
                    ran.Wait();
                    longest = Stopwatch.GetElapsedTime(queued) is var took && took > longest ? took : longest;
                }
            });
        Assert.True(longest < Limit, $"A work item waited for {longest}.");
    }

    private async Task HearsChangesWhileAsync(Func<SourceContext, CancellationToken, Task> hit)
    {
        await GetAsync("item 2");
        var took = new List<TimeSpan>();
        await SaturateAsync(hit, () =>
        {
            using var writer = new NpgsqlConnection(Database.ConnectionString);
            writer.Open();
            for (var commit = 0; commit < 5; commit++)
            {
                using (var db = Open())
                    _ = db.Items.Where(i => i.Id == 1).Cacheable().ToList();
                using (var command = new NpgsqlCommand($"UPDATE items SET name = 'changed {commit}' WHERE id = 1", writer))
                    command.ExecuteNonQuery();
                var committed = Stopwatch.GetTimestamp();
                while (Read() != $"changed {commit}")
                    Thread.Sleep(1);
                took.Add(Stopwatch.GetElapsedTime(committed));
            }
        });
        Assert.True(took.Order().ElementAt(took.Count / 2) < Limit, $"It took {string.Join(", ", took)}.");

        string Read()
        {
            using var db = Open();
            return db.Items.Where(i => i.Id == 1).Cacheable().Single().Name;
        }
    }

    /// <summary>
    /// Does something on a thread of its own while many more tasks than the pool has threads do nothing but hit. The pool gets one more thread in half
    /// a second, or none.
    /// </summary>
    private async Task SaturateAsync(Func<SourceContext, CancellationToken, Task> hit, Action measure)
    {
        using var end = new CancellationTokenSource();
        Task[] hitting = [.. Enumerable.Range(0, 20 * Environment.ProcessorCount).Select(_ => Task.Run(async () =>
        {
            await using var db = Open();
            await hit(db, end.Token);
        }))];
        var measuring = Task.Factory.StartNew(
            () =>
            {
                // Until they have the pool's threads.
                Thread.Sleep(200);
                try
                {
                    measure();
                }
                finally
                {
                    end.Cancel();
                }
            },
            CancellationToken.None,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default);
        await Task.WhenAll([.. hitting, measuring]);
    }
}

public sealed class SaturatedPoolWithNotificationsTests(SourceDatabase database) : SaturatedPoolTests(database)
{
    protected override SecondLevelCacheOptionsBuilder Configure(SecondLevelCacheOptionsBuilder cache) => cache.UseNotifications();
}

public sealed class SaturatedPoolWithReplicationTests(SourceDatabase database) : SaturatedPoolTests(database)
{
    protected override SecondLevelCacheOptionsBuilder Configure(SecondLevelCacheOptionsBuilder cache) => cache.UseLogicalReplication();
}
