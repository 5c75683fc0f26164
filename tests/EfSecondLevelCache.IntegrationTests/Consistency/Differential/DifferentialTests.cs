using EfSecondLevelCache.IntegrationTests.Support;
using FsCheck;
using FsCheck.Fluent;

namespace EfSecondLevelCache.IntegrationTests.Consistency.Differential;

/// <summary>Random schemas, random queries, random writes: after each write every cached answer is what the database answers without the cache.</summary>
public sealed class DifferentialTests(PostgresServer server, ITestOutputHelper output) : IAsyncDisposable
{
    /// <summary>Names a scenario, as a failure prints it: only that one is run. Or a number: so many random ones, for a long run.</summary>
    public const string Variable = "EFSLC_DIFFERENTIAL";

    /// <summary>The share of results that has to survive the write of a row that is no concern of theirs; 0 while invalidation is by table.</summary>
    private const double SurvivalFloor = 0;

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
        await Task.Run(() =>
        {
            Check.One(Config(FixedSeed, IsCi ? 6 : 1), Property());
            Check.One(Config(randomSeed, int.TryParse(asked, out var count) ? count : IsCi ? 2 : 1), Property());
        });

        output.WriteLine(_report.ToString());
        Assert.True(_report.CachedAnswers > _report.Answers * 0.8, "The cache took too few queries for this to show anything.");
        Assert.All(
            [QueryShape.PrimaryKey, QueryShape.ForeignKey, QueryShape.ReferenceInclude, QueryShape.CollectionInclude],
            shape => Assert.True(_report.SurvivalOf(shape) >= SurvivalFloor, $"{shape}: {_report.SurvivalOf(shape):P1} survived."));
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var run in _runs.Values)
            await run.DisposeAsync();
    }

    private static Config Config(ulong seed, int scenarios)
        => FsCheck.Config.QuickThrowOnFailure.WithMaxTest(scenarios).WithReplay(seed, 1);

    private Property Property() => Prop.ForAll(Scenario.Any, scenario => RunAsync(scenario).GetAwaiter().GetResult());

    /// <summary>While FsCheck makes a scenario shorter, its schema stays.</summary>
    private async Task RunAsync(Scenario scenario)
    {
        if (!_runs.TryGetValue(scenario.Schema, out var run))
            _runs[scenario.Schema] = run = await ScenarioRun.CreateAsync(scenario.Schema, server, _report);
        await run.RunAsync(scenario);
    }
}
