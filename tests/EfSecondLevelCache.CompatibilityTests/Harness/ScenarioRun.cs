using EfSecondLevelCache.IntegrationTests.Support;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace EfSecondLevelCache.CompatibilityTests.Harness;

/// <summary>What was seen of one pass through a scenario.</summary>
/// <param name="Sights">What the application saw, and what it left behind.</param>
/// <param name="Statements">What was sent to the server over the application's connections.</param>
/// <param name="Warnings">What was logged at Warning or above.</param>
/// <param name="Connections">How many connections to the server the pools hold at the end.</param>
/// <param name="Served">How many commands were answered without the server.</param>
/// <param name="Refusals">Why commands were not cached, for people.</param>
/// <param name="Fault">What ended the scenario before its end.</param>
internal sealed record Pass(
    string Sights, IReadOnlyList<string> Statements, IReadOnlyList<string> Warnings, int Connections, long Served, string Refusals, Exception? Fault);

/// <summary>Runs a scenario twice on a database of its own, and looks.</summary>
internal static class ScenarioRun
{
    /// <summary>The bound on each pass: far beyond what any takes on a busy machine.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    /// <returns>The passes; or why this server can't run the scenario.</returns>
    public static async Task<(Pass[] Passes, string? WhyNot)> RunAsync(PostgresServer server, Scenarios all, Scenario scenario, CacheUse use)
    {
        if (all.WhyNotAsync is not null && await all.WhyNotAsync(server) is { } reason)
            return ([], reason);
        await using var database = scenario.Expect.HasFlag(Expect.OwnDatabase)
            ? await server.CreateDatabaseAsync()
            : await server.CreateDatabaseAsync($"compat_{all.Template}", connectionString => SeedAsync(all, connectionString));
        await using var tap = new WireTap(database.ConnectionString);
        using var warnings = new Warnings();
        await using var cache = CacheFor(use, database.ConnectionString);
        await using var app = new App(all, use, cache, warnings, tap.ConnectionString, Direct(database.ConnectionString));
        try
        {
            if (use is CacheUse.Notifications or CacheUse.LogicalReplication && !scenario.Expect.HasFlag(Expect.OwnDatabase))
                await BringToLifeAsync(all, app);
            var cold = await PassAsync(0);
            // What hangs is still at work.
            return (cold.Fault is TimeoutException ? [cold] : [cold, await PassAsync(1)], null);
        }
        finally
        {
            await app.DisposeAsync();
            if (cache is not null)
                await cache.DisposeAsync();
            await DropSlotsAsync(server, database.Name);
        }

        async Task<Pass> PassAsync(int number)
        {
            app.Pass = number;
            warnings.Take();
            var sent = tap.Statements.Count;
            var served = Served(cache);
            var fault = await RunAsync(app, scenario);
            // Where a scenario was ended, the server may be a moment behind.
            var port = new NpgsqlConnectionStringBuilder(tap.ConnectionString).Port;
            await UntilIdleAsync(database.ConnectionString, port);
            app.Sights.Add("contexts with an open connection", string.Join('\n', app.OpenContexts()));
            app.Sights.Add("connections in use", $"{Pools.Used(port)}");
            var (connections, busy) = await SessionsAsync(database.ConnectionString);
            app.Sights.Add("sessions that are not idle", busy);
            var statements = tap.Statements.Skip(sent).ToArray();
            // Sorted when random keys are left out of the text.
            var left = await DatabaseText.ReadAsync(Direct(database.ConnectionString), !scenario.Expect.HasFlag(Expect.Concurrent));
            app.Sights.Add("rows and schema", string.Join('\n', app.Sights.Neutral(left).Split('\n').Order(StringComparer.Ordinal)));
            var sights = app.TakeSights();
            return new Pass(
                $"{sights}",
                [.. statements.Select(sights.Neutral)],
                [.. warnings.Take().Select(sights.Neutral)],
                connections,
                Served(cache) - served,
                cache is null ? "" : $"{cache.Statistics}",
                fault);
        }
    }

    private static async Task<Exception?> RunAsync(App app, Scenario scenario)
    {
        try
        {
            // Not on the thread of the test: a scenario may wait synchronously.
            await Task.Run(() => scenario.RunAsync(app)).WaitAsync(Patience);
            return null;
        }
        catch (Exception fault)
        {
            app.Sights.Add("it ended with", ExceptionText.Of(fault));
            return fault;
        }
    }

    private static long Served(SecondLevelCache? cache) => cache is null ? 0 : cache.Statistics.Hits + cache.Statistics.Joined;

    private static SecondLevelCache? CacheFor(CacheUse use, string connectionString) => use switch
    {
        CacheUse.None => null,
        CacheUse.OptIn => new SecondLevelCache(),
        CacheUse.AllQueries => new SecondLevelCache(cache => cache.CacheAllQueries()),
        // The source's own connections do not go over the wire that is looked at.
        CacheUse.Notifications => new SecondLevelCache(cache => cache.CacheAllQueries().UseNotifications(n => n.ConnectionString(connectionString))),
        _ => new SecondLevelCache(cache => cache.CacheAllQueries().UseLogicalReplication(r => r.ConnectionString(connectionString))),
    };

    private static async Task SeedAsync(Scenarios all, string connectionString)
    {
        using var warnings = new Warnings();
        await using var app = new App(all, CacheUse.None, null, warnings, connectionString, Direct(connectionString));
        await app.ElsewhereAsync(Locks.Extension);
        await using var context = all.Open(app);
        await context.Database.EnsureCreatedAsync();
        await all.SeedAsync(context);
        await context.DisposeAsync();
        NpgsqlConnection.ClearPool(new NpgsqlConnection(app.ConnectionString));
    }

    private static async Task BringToLifeAsync(Scenarios all, App app)
    {
        await using (var context = all.Open(app))
            await context.Database.EnsureChangeCaptureAsync();
        NpgsqlConnection.ClearPool(new NpgsqlConnection(app.ConnectionString));
        try
        {
            await app.Cache!.WaitUntilLiveAsync().WaitAsync(Patience);
        }
        catch (TimeoutException)
        {
            Assert.Fail($"The source is not live: {string.Join(", ", app.Cache!.Sources)}");
        }
    }

    private static string Direct(string connectionString)
        => new NpgsqlConnectionStringBuilder(connectionString) { Pooling = false, ApplicationName = "harness" }.ConnectionString;

    private static async Task UntilIdleAsync(string connectionString, int port)
    {
        for (var attempt = 0; attempt < 100; attempt++)
        {
            var (_, busy) = await SessionsAsync(connectionString);
            if (busy.Length == 0 && Pools.Used(port) == 0)
                return;
            await Task.Delay(20);
        }
    }

    private static async Task<(int Count, string Busy)> SessionsAsync(string connectionString)
    {
        // The database may be gone, so this asks another one.
        var target = new NpgsqlConnectionStringBuilder(Direct(connectionString));
        var database = target.Database;
        target.Database = "postgres";
        await using var connection = new NpgsqlConnection(target.ConnectionString);
        await connection.OpenAsync();
        var states = await connection.RowsAsync(
            $"SELECT state FROM pg_stat_activity WHERE datname = '{database}' AND application_name = '{App.ApplicationName}' ORDER BY 1");
        return (states.Count, string.Join('\n', states.Where(state => state != "idle")));
    }

    // A database whose log is decoded can't be dropped, and a walsender takes a moment to see that its client has gone.
    private static Task DropSlotsAsync(PostgresServer server, string database) => server.ExecuteAsync(
        $"""
        DO $$ BEGIN
            WHILE EXISTS (SELECT FROM pg_replication_slots WHERE database = '{database}') LOOP
                PERFORM pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE database = '{database}';
                PERFORM pg_sleep(0.01);
            END LOOP;
        END $$
        """);
}
