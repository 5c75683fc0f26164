using System.Collections.Concurrent;
using EfSecondLevelCache.IntegrationTests.Support;

namespace EfSecondLevelCache.CompatibilityTests.Harness;

/// <summary>
/// Each scenario, without the cache and with it in each way to use it: on a database of its own, twice, so that the second time finds what the first
/// has left. Everything that an application can see must be the same. <c>EFSLC_SCENARIO</c> picks those whose name contains a text.
/// </summary>
/// <typeparam name="T">The class that has the scenarios.</typeparam>
public abstract class ScenarioTests<T>(PostgresServer server)
    where T : IScenarios
{
    private static readonly ConcurrentDictionary<string, Lazy<Task<(Pass[] Passes, string? WhyNot)>>> Plain = new();
    private static readonly string? Picked = Environment.GetEnvironmentVariable("EFSLC_SCENARIO");

    public static IEnumerable<TheoryDataRow<string, CacheUse>> Cases
        => from scenario in T.All.Where(scenario => Picked is null || scenario.Name.Contains(Picked, StringComparison.OrdinalIgnoreCase)).Index()
           from use in UsesOf(scenario.Index)
           select new TheoryDataRow<string, CacheUse>(scenario.Item.Name, use) { Explicit = T.AreExplicit };

    /// <summary>Marked queries always, and one of the other ways in turn; in a full run, or where somebody picks scenarios, all.</summary>
    private static IEnumerable<CacheUse> UsesOf(int scenario)
    {
        CacheUse[] others = [CacheUse.AllQueries, CacheUse.Notifications, CacheUse.LogicalReplication];
        return FullRun.Is || Picked is not null ? [CacheUse.OptIn, .. others] : [CacheUse.OptIn, others[(scenario + typeof(T).Name.Length) % others.Length]];
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task Behaves_as_without_the_cache(string scenario, CacheUse cache)
    {
        var it = T.All.Single(one => one.Name == scenario);
        var plain = await Plain.GetOrAdd(scenario, _ => new(() => ScenarioRun.RunAsync(server, T.All, it, CacheUse.None))).Value;
        Assert.SkipWhen(plain.WhyNot is not null, $"{plain.WhyNot}");
        if (plain.Passes.FirstOrDefault(pass => pass.Fault is not null)?.Fault is { } fault)
            throw new InvalidOperationException("The scenario fails without the cache.", fault);

        var (cached, _) = await ScenarioRun.RunAsync(server, T.All, it, cache);
        for (var pass = 0; pass < cached.Length; pass++)
            AssertSame(pass == 0 ? "cold" : "warm", plain.Passes[pass], cached[pass], it.Expect, cache);
        if (it.IsServed(cache))
            Assert.True(cached.Sum(pass => pass.Served) > 0, $"Nothing was served from the cache, so this shows nothing. {cached[^1].Refusals}");
    }

    private static void AssertSame(string when, Pass plain, Pass cached, Expect expect, CacheUse cache)
    {
        if (plain.Sights != cached.Sights)
            Assert.Fail($"{when}: {Difference(plain.Sights, cached.Sights)}\n{cached.Fault}");

        var (fault, leftOut) = StatementComparison.Compare(plain.Statements, cached.Statements, !expect.HasFlag(Expect.Concurrent));
        if (fault is not null)
            Assert.Fail($"{when}: {fault}\n\nWithout the cache:\n{Lines(plain.Statements)}\n\nWith it:\n{Lines(cached.Statements)}");
        if (!expect.HasFlag(Expect.Concurrent))
        {
            Assert.True(leftOut == cached.Served, $"{when}: {leftOut} queries were not sent, and {cached.Served} were served from the cache.");
            Assert.True(
                cached.Connections <= plain.Connections, $"{when}: the pools hold {cached.Connections} connections, without the cache {plain.Connections}.");
        }

        var expected = plain.Warnings.Where(warning => !AllowedWarnings.MayBeMissing(warning, cache)).Order();
        var logged = cached.Warnings.Where(warning => !AllowedWarnings.IsAllowed(warning, expect) && !AllowedWarnings.MayBeMissing(warning, cache)).Order();
        if (!expected.SequenceEqual(logged))
            Assert.Fail($"{when}: the log differs.\n\nWithout the cache:\n{Lines(plain.Warnings)}\n\nWith it:\n{Lines(cached.Warnings)}");
    }

    private static string Lines(IEnumerable<string> lines) => string.Join("\n", lines.Select(line => $"- {line}"));

    private static string Difference(string plain, string cached)
    {
        var (expected, actual) = (plain.Split('\n'), cached.Split('\n'));
        var line = expected.Zip(actual).TakeWhile(pair => pair.First == pair.Second).Count();
        var section = expected.Take(line + 1).LastOrDefault(text => text.StartsWith("## ", StringComparison.Ordinal));
        return $"the runs differ from line {line + 1} on, under '{section}'.\n\nWithout the cache:\n"
            + $"{string.Join('\n', expected.Skip(Math.Max(0, line - 3)).Take(15))}\n\nWith it:\n{string.Join('\n', actual.Skip(Math.Max(0, line - 3)).Take(15))}";
    }
}
