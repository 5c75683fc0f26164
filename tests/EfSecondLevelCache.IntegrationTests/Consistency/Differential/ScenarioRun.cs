using EfSecondLevelCache.IntegrationTests.Support;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.EntityFrameworkCore.Infrastructure;

namespace EfSecondLevelCache.IntegrationTests.Consistency.Differential;

/// <summary>Runs scenarios of one schema, one after the other, in a database of its own.</summary>
internal sealed class ScenarioRun(RandomSchema schema, PostgresDatabase database, Report report) : IAsyncDisposable
{
    private readonly List<string> _sqlOfWrite = [];
    private readonly DbContextOptions _plain = Configure(database).Options;

    public static async Task<ScenarioRun> CreateAsync(int schema, PostgresServer server, Report report)
    {
        var run = new ScenarioRun(new RandomSchema(schema), await server.CreateDatabaseAsync(), report);
        await using var db = run.OpenPlain();
        await db.Database.EnsureCreatedAsync();
        return run;
    }

    /// <summary>Fails at the first answer of the cache that is not the answer of the database.</summary>
    public async Task RunAsync(Scenario scenario)
    {
        await using var cache = new SecondLevelCache(c => c.CacheAllQueries());
        var cached = Configure(database).AddSecondLevelCache(cache).Options;
        var writing = Configure(database).AddSecondLevelCache(cache)
            .EnableSensitiveDataLogging().LogTo(_sqlOfWrite.Add, [RelationalEventId.CommandExecuted]).Options;
        await using var writes = new RandomWrites(schema, () => new(schema, writing), OpenPlain);
        await writes.SeedAsync(new Random(schema.Seed));
        var answers = new Dictionary<int, Answer>();
        var shared = new HashSet<int>();
        foreach (var query in scenario.Queries)
        {
            answers[query] = await CompareAsync(scenario, query, cached, "nothing: the first execution");
            report.CountAnswer(answers[query], scenario with { Queries = [query], Writes = [] });
            if (answers[query].Commands.Any(command => command.Outcome is QueryCacheOutcome.Hit))
                shared.Add(query);
        }

        var rows = await DumpAsync();
        foreach (var seed in scenario.Writes)
        {
            _sqlOfWrite.Clear();
            var write = await writes.WriteAsync(new Random(seed), async () =>
            {
                foreach (var query in answers.Keys.Take(8))
                    await CompareAsync(scenario, query, cached, "a transaction that is under way");
            });
            var before = rows;
            rows = await DumpAsync();
            var difference = RowDifference.Of(before, rows);
            report.CountWrite(write, difference.IsEmpty, scenario);
            foreach (var (query, was) in answers.ToArray())
            {
                var answer = answers[query] = await CompareAsync(scenario, query, cached, write.Text, difference.IsEmpty ? was.Text : null);
                // What is also the result of a query before it has just been read again for that one.
                if (difference.IsOfOneRow && answer.Text == was.Text && was.IsCached && !shared.Contains(query) && answer.Reads(difference.Table))
                    report.AddSurvival(answer, write, difference.Table, scenario with { Queries = [query] });
            }
        }
    }

    public ValueTask DisposeAsync() => database.DisposeAsync();

    /// <param name="expected">What the database answers, where that is known.</param>
    private async Task<Answer> CompareAsync(Scenario scenario, int query, DbContextOptions cached, string write, string? expected = null)
    {
        await using var plain = OpenPlain();
        expected ??= (await ExecuteAsync(plain, scenario, query)).Text;
        await using var db = new RandomContext(schema, cached);
        Answer? actual = null;
        var commands = await db.ExplainCacheAsync(async () => actual = await ExecuteAsync(db, scenario, query));
        if (actual!.Text == expected)
            return actual with { Commands = commands };

        throw new Xunit.Sdk.XunitException(
            $"""
             The cache answers otherwise than the database. To run only this: {DifferentialTests.Variable}={scenario with { Queries = [query] }}

             QUERY ({actual.Shape})
             {actual.Query()}

             {string.Join("\n", commands)}
             EXPECTED
             {expected}

             ACTUAL
             {actual.Text}

             AFTER
             {write}
             {string.Join("\n", _sqlOfWrite)}

             SCHEMA
             {plain.Database.GenerateCreateScript()}
             """);
    }

    private async Task<Answer> ExecuteAsync(RandomContext db, Scenario scenario, int seed)
    {
        var query = new QueryGrammar(schema, db, scenario.ShapeOf(seed), Scenario.ValuesOf(seed)).Draw();
        try
        {
            return new Answer(AnswerText.Of(await query.ExecuteAsync(), query.IsOrdered, db), query.Shape, query.Text, null);
        }
        catch (Exception failure) when (failure is not Xunit.Sdk.XunitException)
        {
            return new Answer($"{failure.GetType().Name} {failure.Message}", query.Shape, query.Text, failure);
        }
    }

    /// <summary>Every row of every table, beside EF Core's model.</summary>
    private async Task<IReadOnlyList<string>> DumpAsync()
    {
        await using var db = OpenPlain();
        var tables = schema.Tables.Select(table => table.Name).Concat(schema.Tables.Where(table => table.IsTpt).Select(table => $"{table.Name}_sub"));
        return await db.Database
            .SqlQueryRaw<string>(string.Join(" UNION ALL ", tables.Select(table => $"SELECT '{table} ' || t::text AS \"Value\" FROM {table} t")))
            .ToListAsync();
    }

    private RandomContext OpenPlain() => new(schema, _plain);

    private static DbContextOptionsBuilder<RandomContext> Configure(PostgresDatabase database)
        => new DbContextOptionsBuilder<RandomContext>()
            .UseNpgsql(database.ConnectionString)
            .ReplaceService<IModelCacheKeyFactory, RandomContext.ModelKeys>();
}

/// <summary>What came of one execution of a query.</summary>
internal sealed record Answer(string Text, QueryShape Shape, Func<string> Query, Exception? Failure)
{
    /// <summary>Empty without the cache.</summary>
    public IReadOnlyList<QueryCacheExplanation> Commands { get; init; } = [];

    /// <summary>It came from the cache, or is there now.</summary>
    public bool IsCached => Commands.Count > 0 && Commands.All(command => command.Outcome is not QueryCacheOutcome.Refused);

    public bool IsHit => Commands.All(command => command.Outcome is QueryCacheOutcome.Hit);

    public bool Reads(string table) => Commands.Any(command => command.Dependencies.Any(read => read.Split('[')[0] == table));
}

/// <summary>What a write did to the rows of the database.</summary>
/// <param name="Table">Of the one row; empty where there is none, or more.</param>
internal sealed record RowDifference(string Table, bool IsEmpty)
{
    public bool IsOfOneRow => Table.Length > 0;

    public static RowDifference Of(IReadOnlyList<string> before, IReadOnlyList<string> after)
    {
        string[] removed = [.. before.Except(after).Select(TableOf)];
        string[] added = [.. after.Except(before).Select(TableOf)];
        string[] tables = [.. removed.Concat(added).Distinct().Order(StringComparer.Ordinal)];
        var isOfOne = removed.Distinct().Count() == removed.Length && added.Distinct().Count() == added.Length
            // A row of a derived class may be in a table of its own too.
            && (tables.Length == 1 || (tables is [var name, var sub] && sub == $"{name}_sub"));
        return new RowDifference(isOfOne ? tables[0] : "", tables.Length == 0);
    }

    private static string TableOf(string row) => row[..row.IndexOf(' ', StringComparison.Ordinal)];
}
