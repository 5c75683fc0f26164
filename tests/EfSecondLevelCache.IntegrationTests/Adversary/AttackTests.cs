using EfSecondLevelCache.IntegrationTests.Support;

namespace EfSecondLevelCache.IntegrationTests.Adversary;

/// <summary>
/// Runs attacks. One that is known to succeed is listed in <see cref="KnownWeaknesses"/>, and its test passes only as long as it does succeed.
/// </summary>
public abstract class AttackTests(PostgresServer server, ITestOutputHelper output)
{
    internal async Task RunAsync(Attack attack)
    {
        var report = await attack.RunAsync(server);
        foreach (var statistics in report.Statistics)
        {
            output.WriteLine(
                $"{statistics.Hits} hits, {statistics.Fills} fills, refusals: {string.Join(", ", statistics.RefusalsByReason.Select(r => $"{r.Value} {r.Key}"))}");
        }

        output.WriteLine(report.Difference ?? "Answered as without the cache.");
        if (!KnownWeaknesses.Of(attack.Kind).Contains(attack.Name))
            Assert.True(report.Difference is null, report.Difference);
        else if (report.Difference is null)
            Assert.Fail($"\"{attack.Name}\" holds now: take it off {nameof(KnownWeaknesses)}.");
    }
}
