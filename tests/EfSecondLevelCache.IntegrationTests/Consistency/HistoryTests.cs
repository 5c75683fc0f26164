using System.Diagnostics;
using System.Globalization;
using EfSecondLevelCache.IntegrationTests.Support;
using Microsoft.EntityFrameworkCore;

namespace EfSecondLevelCache.IntegrationTests.Consistency;

/// <summary>
/// Every write, exactly: a long history of reads and writes on one cache, checked against the database's own log. <c>EFSLC_HISTORY_SECONDS</c>
/// and <c>EFSLC_HISTORY_SEED</c> set its length and what is drawn (not how threads meet). That it can fail is shown by <c>eng/mutants.sh</c>.
/// </summary>
public sealed class HistoryTests(PostgresServer server, ITestOutputHelper output)
{
    /// <summary>Below that, too little came from the cache to prove anything.</summary>
    private const double LeastHitRatio = 0.3;

    private const int EnoughForEveryStatement = 1_000;
    private const int MostViolationsShown = 3;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task No_read_is_older_than_a_write_that_had_returned(bool tellsRows)
    {
        var seed = Setting("EFSLC_HISTORY_SEED") ?? Random.Shared.Next();
        var seconds = Setting("EFSLC_HISTORY_SECONDS") ?? (Environment.GetEnvironmentVariable("CI") is { Length: > 0 } ? 30 : 5);
        if (tellsRows)
            seconds = Math.Min(seconds, 10);
        await using var database = await HistoryDatabase.CreateAsync(server);
        // Many answers are lost here, and what such a write changes is closed for a while.
        await using var cache = new SecondLevelCache(c => c.CacheAllQueries().UnknownOutcomeTimeout(TimeSpan.FromMilliseconds(2)));
        var history = new History();
        await using var workload = new HistoryWorkload(database, cache, history, tellsRows);

        var start = Stopwatch.GetTimestamp();
        await workload.RunAsync(seed, TimeSpan.FromSeconds(seconds));
        var during = cache.Statistics;
        var checker = new HistoryChecker(database.Initial, history.Writes, await database.CommitsAsync());

        var violations = history.Reads.Select(checker.Check).OfType<Violation>()
            .Select(violation => (At: violation.Read.Returned, What: $"{violation}"))
            .Concat(history.Contradictions)
            .OrderBy(violation => violation.At)
            .ToList();
        var differences = await DifferencesAtTheEndAsync(workload, database, checker);
        if (violations.Count + differences.Count > 0)
        {
            var first = violations.Count > 0 ? $" after {Stopwatch.GetElapsedTime(start, violations[0].At).TotalSeconds:N2} s" : " at the end";
            Assert.Fail($"""
                The history is violated{first}; EFSLC_HISTORY_SEED={seed}.
                {violations.Count} of {history.Reads.Count} reads:
                {string.Join("\n", violations.Take(MostViolationsShown).Select(violation => violation.What))}
                {differences.Count} answers that differ from the database at the end:
                {string.Join("\n", differences.Take(MostViolationsShown))}
                """);
        }

        // A history in which nothing happened is kept easily.
        var hitRatio = (double)during.Hits / (during.Hits + during.Misses);
        output.WriteLine($"{history.Reads.Count} reads, {history.Writes.Count} writes; {hitRatio:P1} hits; {during}");
        output.WriteLine($"{during.StaleFillsPrevented} stale fills prevented, {during.Joined} joined, seed {seed}");
        foreach (var count in workload.Counts.OrderBy(count => count.Key.How, StringComparer.Ordinal).ThenBy(count => count.Key.Outcome))
            output.WriteLine($"{count.Value,6} {count.Key.Outcome,-10} {count.Key.How}");
        Assert.True(hitRatio > LeastHitRatio, $"Only {hitRatio:P1} of the reads came from the cache. {during}");
        Assert.True(during.StaleFillsPrevented > 0 && during.Invalidations > 0 && during.Joined > 0, $"{during}");
        if (history.Writes.Count > EnoughForEveryStatement)
        {
            Assert.DoesNotContain(
                Statement.ByName.Where(statement => !tellsRows || statement.Value.TellsRows),
                statement => !workload.Counts.ContainsKey((statement.Key, Outcome.Committed)));
        }
    }

    /// <summary>When nobody writes any more, the cache answers as the database does, whatever is asked; and it is the cache that answers.</summary>
    private static async Task<List<string>> DifferencesAtTheEndAsync(HistoryWorkload workload, HistoryDatabase database, HistoryChecker checker)
    {
        var differences = new List<string>();
        foreach (var (name, query, id) in HistoryQueries.Every)
        {
            await using var cached = workload.Open();
            await using var uncached = database.OpenUncached();
            var (answer, expected) = (await query(cached, id), await query(uncached, id));
            if (answer.Length != expected.Length || !answer.Zip(expected).All(pair => pair.First.HasSameAnswerAs(pair.Second)))
                differences.Add($"{name} {id}: {string.Join<Claim>("; ", answer)}; in the database: {string.Join<Claim>("; ", expected)}");
        }

        await using var db = database.OpenUncached();
        var rows = (await db.Accounts.ToListAsync()).ToDictionary(HistoryRows.KeyOf, HistoryRows.ImageOf);
        foreach (var group in await db.Groups.ToListAsync())
            rows[HistoryRows.KeyOf(group)] = HistoryRows.ImageOf(group);
        Assert.Equal(rows.OrderBy(row => $"{row.Key}"), checker.Final.OrderBy(row => $"{row.Key}"));
        return differences;
    }

    private static int? Setting(string variable)
        => int.TryParse(Environment.GetEnvironmentVariable(variable), CultureInfo.InvariantCulture, out var value) ? value : null;
}
