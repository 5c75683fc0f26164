using System.Diagnostics;
using System.Globalization;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace EfSecondLevelCache.Benchmarks;

/// <summary>
/// How long it takes from the writer's answer until nobody is served the old row any more, while tasks that do nothing but hit have the pool's threads,
/// and how long other work waits for one of these threads. Who measures has a thread of its own.
/// </summary>
internal static class SaturatedPool
{
    private const string Database = "second_level_cache_saturated";

    private static readonly (string Name, int Tasks, bool Async)[] Loads =
        [("quiet", 0, true), ("5 async", 5, true), ("10 async", 10, true), ("5 sync", 5, false)];

    private static string ConnectionString { get; set; } = "";

    public static int Run(string[] args)
    {
        // As on a machine that does nothing else: there the pool gets no more threads for seconds.
        ThreadPool.SetMaxThreads(Environment.ProcessorCount, Environment.ProcessorCount);
        var commits = args is [var given] ? int.Parse(given, CultureInfo.InvariantCulture) : 200;
        var server = Queries.BenchmarkServer.ConnectionString;
        ConnectionString = new NpgsqlConnectionStringBuilder(server) { Database = Database }.ConnectionString;
        Execute(server, $"DROP DATABASE IF EXISTS {Database} WITH (FORCE)");
        Execute(server, $"CREATE DATABASE {Database}");
        Execute(ConnectionString, "CREATE TABLE rows (id int PRIMARY KEY, value int NOT NULL); INSERT INTO rows VALUES (1, 0), (2, 0)");
        Console.WriteLine($"{"source",-20} {"load",-10} {"commits",8} {"p50",10} {"p99",10} {"longest",10}   other work: {"p50",10} {"p99",10}");
        foreach (var kind in (ChangeSourceKind[])[ChangeSourceKind.Notifications, ChangeSourceKind.LogicalReplication])
        {
            using var cache = Start(kind);
            foreach (var load in Loads)
                Measure(cache, kind, load, commits);
        }

        return 0;
    }

    private static SecondLevelCache Start(ChangeSourceKind kind)
    {
        var cache = new SecondLevelCache(
            c => _ = kind is ChangeSourceKind.Notifications ? c.UseNotifications() : c.UseLogicalReplication());
        using var db = Open(cache);
        db.Database.EnsureChangeCaptureAsync().GetAwaiter().GetResult();
        cache.WaitUntilLiveAsync().GetAwaiter().GetResult();
        return cache;
    }

    private static void Measure(SecondLevelCache cache, ChangeSourceKind kind, (string Name, int Tasks, bool Async) load, int commits)
    {
        using var end = new CancellationTokenSource();
        Task[] hitting = [.. Enumerable.Range(0, load.Tasks).Select(_ => Task.Run(() => load.Async ? HitAsync(cache, end.Token) : Hit(cache, end.Token)))];
        Thread.Sleep(500);
        var gone = new List<double>();
        var others = new List<double>();
        // Where it takes seconds, the first ones say enough.
        var until = Stopwatch.GetTimestamp() + (60 * Stopwatch.Frequency);
        using var writer = new NpgsqlConnection(ConnectionString);
        writer.Open();
        for (var commit = 1; commit <= commits && Stopwatch.GetTimestamp() < until; commit++)
        {
            var before = Read(cache);
            Execute(writer, "UPDATE rows SET value = value + 1 WHERE id = 1");
            var committed = Stopwatch.GetTimestamp();
            while (Read(cache) == before)
                Thread.Sleep(0);
            gone.Add(Stopwatch.GetElapsedTime(committed).TotalMilliseconds);

            if (!load.Async)
                continue;
            var queued = Stopwatch.GetTimestamp();
            using var ran = new ManualResetEventSlim();
            ThreadPool.QueueUserWorkItem(_ => ran.Set());
            ran.Wait(TimeSpan.FromSeconds(5));
            others.Add(Stopwatch.GetElapsedTime(queued).TotalMilliseconds);
        }

        end.Cancel();
        Task.WaitAll(hitting);
        Console.WriteLine(
            $"{kind,-20} {load.Name,-10} {gone.Count,8} {Percentile(gone, 50)} {Percentile(gone, 99)} {Percentile(gone, 100)}   "
            + (others.Count == 0 ? "" : $"{"",11} {Percentile(others, 50)} {Percentile(others, 99)}"));
    }

    private static async Task HitAsync(SecondLevelCache cache, CancellationToken end)
    {
        await using var db = Open(cache);
        while (!end.IsCancellationRequested)
            await db.Rows.Where(row => row.Id == 2).Cacheable().ToListAsync(CancellationToken.None);
    }

    private static Task Hit(SecondLevelCache cache, CancellationToken end)
    {
        using var db = Open(cache);
        while (!end.IsCancellationRequested)
            _ = db.Rows.Where(row => row.Id == 2).Cacheable().ToList();
        return Task.CompletedTask;
    }

    private static int Read(SecondLevelCache cache)
    {
        using var db = Open(cache);
        return db.Rows.Where(row => row.Id == 1).Cacheable().Single().Value;
    }

    private static RowContext Open(SecondLevelCache cache)
        => new(new DbContextOptionsBuilder().UseNpgsql(ConnectionString).AddSecondLevelCache(cache)
            .UseQueryTrackingBehavior(QueryTrackingBehavior.NoTracking).Options);

    private static string Percentile(List<double> values, int percent)
    {
        values.Sort();
        return $"{values[Math.Min(values.Count - 1, values.Count * percent / 100)],7:F2} ms";
    }

    private static void Execute(string connectionString, string sql)
    {
        using var connection = new NpgsqlConnection(connectionString);
        connection.Open();
        Execute(connection, sql);
    }

    private static void Execute(NpgsqlConnection connection, string sql)
    {
        using var command = new NpgsqlCommand(sql, connection);
        command.ExecuteNonQuery();
    }

    private sealed class RowContext(DbContextOptions options) : DbContext(options)
    {
        public DbSet<Row> Rows => Set<Row>();

        protected override void OnModelCreating(ModelBuilder modelBuilder)
        {
            modelBuilder.Entity<Row>().ToTable("rows");
            modelBuilder.Entity<Row>().Property(row => row.Id).HasColumnName("id");
            modelBuilder.Entity<Row>().Property(row => row.Value).HasColumnName("value");
        }
    }

    private sealed class Row
    {
        public int Id { get; set; }

        public int Value { get; set; }
    }
}
