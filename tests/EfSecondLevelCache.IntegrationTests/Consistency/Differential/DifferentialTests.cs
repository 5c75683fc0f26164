using EfSecondLevelCache.IntegrationTests.Support;
using FsCheck;
using FsCheck.Fluent;

namespace EfSecondLevelCache.IntegrationTests.Consistency.Differential;

/// <summary>Random schemas, queries and writes: after each write every cached answer is what the database answers without the cache.</summary>
public sealed class DifferentialTests(PostgresServer server, ITestOutputHelper output) : IAsyncDisposable
{
    /// <summary>Names a scenario, as a failure prints it: only that one is run. Or a number: so many random ones, for a long run.</summary>
    public const string Variable = "EFSLC_DIFFERENTIAL";

    /// <summary>
    /// The share of results that has to survive the write of a row that is no concern of theirs. Includes do worse where a random schema has keys
    /// whose equality can't be told (numeric, citext, char), or a table per type on the way.
    /// </summary>
    private static readonly Dictionary<QueryShape, double> SurvivalFloors = new()
    {
        [QueryShape.PrimaryKey] = 0.9,
        [QueryShape.ForeignKey] = 0.9,
        [QueryShape.ReferenceInclude] = 0.6,
        [QueryShape.CollectionInclude] = 0.6,
    };

    private const ulong FixedSeed = 20_251_111;

    private static readonly bool IsCi = Environment.GetEnvironmentVariable("CI") is { Length: > 0 };

    private readonly Dictionary<int, ScenarioRun> _runs = [];
    private readonly Report _report = new();

    [Fact]
    public async Task After_every_write_each_cached_answer_is_the_one_of_the_database()
    {
        var asked = Environment.GetEnvironmentVariable(Variable) ?? "";
        if (asked.Contains(':', StringComparison.Ordinal))
        {
            await RunAsync(Scenario.Parse(asked));
            output.WriteLine(_report.ToString());
            return;
        }

        var randomSeed = (ulong)Random.Shared.NextInt64(1, long.MaxValue);
        output.WriteLine($"Random seed {randomSeed}");
        await CheckAsync(FixedSeed, IsCi ? 6 : 1);
        // Of the fixed scenarios alone: these are the same in each run.
        var survival = SurvivalFloors.Keys.ToDictionary(shape => shape, _report.SurvivalOf);
        await CheckAsync(randomSeed, int.TryParse(asked, out var count) ? count : IsCi ? 2 : 1);

        output.WriteLine(_report.ToString());
        Assert.True(_report.CachedAnswers > _report.Answers / 2, "The cache took too few queries for this to show anything.");
        Assert.All(survival, shape => Assert.True(shape.Value >= SurvivalFloors[shape.Key], $"{shape.Key}: only {shape.Value:P1} survived."));
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var run in _runs.Values)
            await run.DisposeAsync();
    }

    private Task CheckAsync(ulong seed, int scenarios)
        => Task.Run(() => Check.One(
            Config.QuickThrowOnFailure.WithMaxTest(scenarios).WithReplay(seed, 1),
            Prop.ForAll(Scenario.Any, scenario => RunAsync(scenario).GetAwaiter().GetResult())));

    /// <summary>While FsCheck makes a scenario shorter, its schema stays.</summary>
    private async Task RunAsync(Scenario scenario)
    {
        if (!_runs.TryGetValue(scenario.Schema, out var run))
            _runs[scenario.Schema] = run = await ScenarioRun.CreateAsync(scenario.Schema, server, _report);
        await run.RunAsync(scenario);
    }
}
