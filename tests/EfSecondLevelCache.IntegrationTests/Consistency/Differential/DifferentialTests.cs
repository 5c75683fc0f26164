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
    /// The share of results that has to survive the write of a row that is no concern of theirs. THE ONE PLACE TO RAISE: 0.9 is the aim, and 0
    /// asks for nothing until row-level dependencies are complete.
    /// </summary>
    private const double SurvivalFloor = 0;

    private const ulong FixedSeed = 20_251_111;

    private static readonly QueryShape[] MeasuredShapes
        = [QueryShape.PrimaryKey, QueryShape.ForeignKey, QueryShape.ReferenceInclude, QueryShape.CollectionInclude];

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
        var survival = MeasuredShapes.ToDictionary(shape => shape, _report.SurvivalOf);
        await CheckAsync(randomSeed, int.TryParse(asked, out var count) ? count : IsCi ? 2 : 1);

        output.WriteLine(_report.ToString());
        Assert.True(_report.CachedAnswers > _report.Answers / 2, "The cache took too few queries for this to show anything.");
        Assert.All(survival, shape => Assert.True(shape.Value >= SurvivalFloor, $"{shape.Key}: only {shape.Value:P1} survived."));
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
