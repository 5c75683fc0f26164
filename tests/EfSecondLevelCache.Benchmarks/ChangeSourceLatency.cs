using System.Diagnostics;
using System.Globalization;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace EfSecondLevelCache.Benchmarks;

/// <summary>
/// How long somebody else's commit takes to arrive at a cache, alone and beside other transactions, whether each one does, and what it costs those
/// who write: without a source, with notifications, with logical replication.
/// </summary>
internal static class ChangeSourceLatency
{
    private const string Database = "second_level_cache_sources";
    private const int OtherTransactions = 2_000;

    private static string ConnectionString { get; set; } = "";

    public static async Task<int> RunAsync(string[] args)
    {
        var writes = args is [var given] ? int.Parse(given, CultureInfo.InvariantCulture) : 10_000;
        await CreateDatabaseAsync();
        Console.WriteLine($"{"source",-20} {"p50",9} {"p99",9} {"lost",5}   beside {OtherTransactions}/s: {"p50",7} {"p99",9}   writes/s by 1, 8 clients");
        foreach (var kind in (ChangeSourceKind?[])[null, ChangeSourceKind.Notifications, ChangeSourceKind.LogicalReplication])
        {
            await using var cache = await StartAsync(kind);
            var latency = "";
            if (cache is not null)
            {
                var (idle, lost) = await MeasureAsync(cache, writes);
                using var end = new CancellationTokenSource();
                var others = Enumerable.Range(0, 4).Select(_ => Task.Run(() => DisturbAsync(OtherTransactions / 4, end.Token))).ToArray();
                var (loaded, _) = await MeasureAsync(cache, writes / 5);
                await end.CancelAsync();
                await Task.WhenAll(others);
                latency = $"{Percentile(idle, 50)} {Percentile(idle, 99)} {lost,5}   {"",16} {Percentile(loaded, 50)} {Percentile(loaded, 99)}";
            }

            Console.WriteLine($"{kind?.ToString() ?? "none",-20} {latency,-70} {await ThroughputAsync(1),8:F0} {await ThroughputAsync(8),8:F0}");
            if (kind is not null)
            {
                await using var db = new RowContext(Options(cache));
                await db.Database.RemoveChangeCaptureAsync();
            }
        }

        return 0;
    }

    private static async Task CreateDatabaseAsync()
    {
        var server = Queries.BenchmarkServer.ConnectionString;
        ConnectionString = new NpgsqlConnectionStringBuilder(server) { Database = Database }.ConnectionString;
        await ExecuteAsync(server, $"DROP DATABASE IF EXISTS {Database} WITH (FORCE)");
        await ExecuteAsync(server, $"CREATE DATABASE {Database}");
        await ExecuteAsync(
            ConnectionString,
            """
            CREATE TABLE rows (id int PRIMARY KEY, value int NOT NULL); INSERT INTO rows SELECT i, 0 FROM generate_series(1, 10000) i;
            CREATE TABLE others (id int PRIMARY KEY, value int NOT NULL); INSERT INTO others SELECT i, 0 FROM generate_series(1, 10000) i;
            """);
    }

    private static async Task<SecondLevelCache?> StartAsync(ChangeSourceKind? kind)
    {
        if (kind is null)
            return null;
        var cache = new SecondLevelCache(
            c => _ = kind is ChangeSourceKind.Notifications ? c.UseNotifications() : c.UseLogicalReplication());
        await using var db = new RowContext(Options(cache));
        await db.Database.EnsureChangeCaptureAsync();
        await cache.WaitUntilLiveAsync();
        return cache;
    }

    private static DbContextOptions Options(SecondLevelCache? cache)
    {
        var options = new DbContextOptionsBuilder().UseNpgsql(ConnectionString);
        return (cache is null ? options : options.AddSecondLevelCache(cache)).Options;
    }

    /// <summary>From the writer's own answer to the moment at which the change was processed; zero where that came first.</summary>
    private static async Task<(List<double> Microseconds, long Lost)> MeasureAsync(SecondLevelCache cache, int writes)
    {
        var source = cache.ActiveSources.All.Single();
        var latencies = new List<double>(writes);
        await using var connection = new NpgsqlConnection(ConnectionString);
        await connection.OpenAsync();
        var before = source.Events;
        for (var write = 1; write <= writes; write++)
        {
            await ExecuteAsync(connection, $"UPDATE rows SET value = value + 1 WHERE id = {1 + (write % 10_000)}");
            var committed = Stopwatch.GetTimestamp();
            while (source.Events < before + write && Stopwatch.GetElapsedTime(committed) < TimeSpan.FromSeconds(5))
                await Task.Yield();
            latencies.Add(Stopwatch.GetElapsedTime(committed).TotalMicroseconds);
        }

        return (latencies, before + writes - source.Events);
    }

    private static async Task DisturbAsync(int perSecond, CancellationToken end)
    {
        await using var connection = new NpgsqlConnection(ConnectionString);
        await connection.OpenAsync(CancellationToken.None);
        var started = Stopwatch.GetTimestamp();
        for (var done = 0; !end.IsCancellationRequested; done++)
        {
            await ExecuteAsync(connection, $"UPDATE others SET value = value + 1 WHERE id = {Random.Shared.Next(1, 10_000)}");
            if (done / (double)perSecond > Stopwatch.GetElapsedTime(started).TotalSeconds)
                await Task.Delay(1, CancellationToken.None);
        }
    }

    private static async Task<double> ThroughputAsync(int clients)
    {
        var duration = TimeSpan.FromSeconds(3);
        var counts = await Task.WhenAll(Enumerable.Range(0, clients).Select(client => Task.Run(async () =>
        {
            await using var connection = new NpgsqlConnection(ConnectionString);
            await connection.OpenAsync();
            await using var command = new NpgsqlCommand("UPDATE rows SET value = value + 1 WHERE id = $1", connection)
            {
                Parameters = { new NpgsqlParameter<int>() },
            };
            await command.PrepareAsync();
            var started = Stopwatch.GetTimestamp();
            var count = 0;
            for (; Stopwatch.GetElapsedTime(started) < duration; count++)
            {
                ((NpgsqlParameter<int>)command.Parameters[0]).TypedValue = Random.Shared.Next(1, 10_000);
                await command.ExecuteNonQueryAsync();
            }

            return count;
        })));
        return counts.Sum() / duration.TotalSeconds;
    }

    private static string Percentile(List<double> values, int percent)
    {
        values.Sort();
        return $"{values[values.Count * percent / 100],6:F0} us";
    }

    private static async Task ExecuteAsync(string connectionString, string sql)
    {
        await using var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync();
        await ExecuteAsync(connection, sql);
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }

    private sealed class RowContext(DbContextOptions options) : DbContext(options)
    {
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
