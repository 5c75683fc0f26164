using System.Diagnostics;
using EfSecondLevelCache.CompatibilityTests.Harness;
using EfSecondLevelCache.CompatibilityTests.Shop;
using EfSecondLevelCache.IntegrationTests.Support;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace EfSecondLevelCache.CompatibilityTests.Hosting;

/// <summary>Applications whose thread pool has no thread to spare. Each run is a process of its own: the pool belongs to the process.</summary>
public sealed class LimitedThreadPoolTests(PostgresServer server)
{
    /// <summary>The most threads that the pool may have, in hexadecimal.</summary>
    private const string Threads = "8";

    [Fact]
    public async Task Nothing_waits_for_a_thread_that_is_waiting()
    {
        var start = new ProcessStartInfo(
            "dotnet", [typeof(LimitedThreadPoolTests).Assembly.Location, "-noColor", "-explicit", "only", "-class", typeof(LimitedThreadPoolScenarios).FullName!])
        {
            RedirectStandardOutput = true,
            Environment =
            {
                ["DOTNET_ThreadPool_ForceMaxWorkerThreads"] = Threads,
                ["EFSLC_TEST_CONNECTION"] = server.ConnectionString,
            },
        };
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        try
        {
            await process.WaitForExitAsync().WaitAsync(TimeSpan.FromMinutes(6));
        }
        catch (TimeoutException)
        {
            process.Kill(entireProcessTree: true);
            Assert.Fail($"It did not end:\n{await output}");
        }

        Assert.True(process.ExitCode == 0, await output);
        Assert.Matches("Total: [1-9]", await output);
    }
}

/// <summary>Run by <see cref="LimitedThreadPoolTests"/> alone.</summary>
public sealed class LimitedThreadPoolScenarios(PostgresServer server) : ScenarioTests<LimitedThreadPoolScenarios>(server), IScenarios
{
    public static bool AreExplicit => true;

    public static Scenarios All { get; } = new Scenarios<ShopContext>("shop", ShopContext.SeedAsync)
    {
        {
            "eighty synchronous queries at a cold start", Expect.Concurrent, async app =>
            {
                var counts = await Task.WhenAll(Enumerable.Range(0, 80).Select(_ => Task.Run(() =>
                {
                    using var db = app.Open<ShopContext>();
                    return app.Cached(db.Products.Where(p => p.Stock > 10 + app.Pass)).Count();
                })));
                app.Saw("counts", counts);
            }
        },
        {
            "synchronous queries behind asynchronous ones, which the server keeps waiting", Expect.Concurrent, async app =>
            {
                var held = new ManualResetEventSlim();
                var holder = new Thread(() => Hold(app, held));
                holder.Start();
                held.Wait();
                Task<int> CountAsync(int shape)
                {
                    var db = app.Open<ShopContext>();
                    return app.Cached(db.Tags.Where(t => t.Id > (app.Pass * 10) + shape)).CountAsync();
                }

                // As many as there are threads wait for who can't go on without a thread.
                Task<int>[] leaders = [.. Enumerable.Range(0, 4).Select(CountAsync)];
                await Task.Delay(100);
                var followers = Enumerable.Range(0, 40).Select(i => Task.Run(() =>
                {
                    using var db = app.Open<ShopContext>();
                    var shape = i % 4;
                    return app.Cached(db.Tags.Where(t => t.Id > (app.Pass * 10) + shape)).Count();
                })).ToArray();
                app.Saw("counts", await Task.WhenAll(leaders.Concat(followers)));
                holder.Join();
            }
        },
        {
            "synchronous queries among asynchronous ones", Expect.Concurrent, async app =>
            {
                var counts = await Task.WhenAll(Enumerable.Range(0, 60).Select(i => Task.Run(async () =>
                {
                    await using var db = app.Open<ShopContext>();
                    var query = app.Cached(db.Products.Where(p => p.Stock > 20 + (i % 3)));
                    return i % 2 == 0 ? await query.CountAsync() : query.Count();
                })));
                app.Saw("counts", counts);
            }
        },
        {
            "synchronous waits for asynchronous queries", Expect.Concurrent, async app =>
            {
                var counts = await Task.WhenAll(Enumerable.Range(0, 6).Select(i => Task.Run(() =>
                {
                    using var db = app.Open<ShopContext>();
                    return app.Cached(db.Products.Where(p => p.Stock > 30 + i)).CountAsync().GetAwaiter().GetResult();
                })));
                app.Saw("counts", counts);
            }
        },
        {
            "synchronous writes and reads", Expect.Concurrent, async app =>
            {
                var rows = await Task.WhenAll(Enumerable.Range(0, 40).Select(i => Task.Run(() =>
                {
                    using var db = app.Open<ShopContext>();
                    app.Cached(db.Counters.Where(c => c.Id == 1)).Count();
                    return db.Products.Where(p => p.Id == 1 + (i % 9)).ExecuteUpdate(s => s.SetProperty(p => p.Stock, 7));
                })));
                app.Saw("rows", rows);
            }
        },
    };

    /// <summary>Keeps who reads the tags waiting, from a thread that is not of the pool.</summary>
    private static void Hold(App app, ManualResetEventSlim held)
    {
        using var connection = new NpgsqlConnection(app.DirectConnectionString);
        connection.Open();
        using var transaction = connection.BeginTransaction();
        using var command = new NpgsqlCommand("""LOCK TABLE "Tags" IN ACCESS EXCLUSIVE MODE""", connection, transaction);
        command.ExecuteNonQuery();
        held.Set();
        Thread.Sleep(1000);
    }
}
