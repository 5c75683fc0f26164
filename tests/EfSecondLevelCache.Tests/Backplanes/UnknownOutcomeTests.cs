using EfSecondLevelCache.Backplanes;
using EfSecondLevelCache.Catalog;
using EfSecondLevelCache.Changes;
using EfSecondLevelCache.Diagnostics;
using EfSecondLevelCache.IntegrationTests.Support;
using EfSecondLevelCache.Values;
using EfSecondLevelCache.Versions;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace EfSecondLevelCache.Tests.Backplanes;

public class UnknownOutcomeTests
{
    /// <summary>The server may commit it after the others have read the old rows again.</summary>
    [Fact]
    public async Task The_other_nodes_are_told_at_once_and_once_more_when_it_is_settled()
    {
        var time = new FakeTimeProvider();
        var options = new SecondLevelCacheOptions { TimeProvider = time, UnknownOutcomeTimeout = TimeSpan.FromSeconds(30) };
        var memory = new InMemoryBackplane();
        var told = new List<MessageContent>();
        await using var other = new ChangeBroadcast(memory.Factory.Create(NullLogger.Instance), told.Add, options, NullLogger.Instance);
        var withNodes = options with { Backplane = memory.Factory };
        OtherNodes? own = null;
        var versions = new VersionSlots();
        var invalidator = new Invalidator(
            versions, new DependencySlots(versions), new Counters(), options, connect: apply => own = new OtherNodes(withNodes, apply, NullLogger.Instance));

        invalidator.Apply(
            ChangeOrigin.ThisNode, new RowsWritten(new KnownDatabase("shop", time, _ => { }), [new TableChange(new TableName(null, "orders"))]), Outcome.InDoubt);
        Assert.Single(told.OfType<RowsChanged>());

        time.Advance(TimeSpan.FromSeconds(31));
        Assert.Equal(2, told.OfType<RowsChanged>().Count());
        await own!.DisposeAsync();
    }
}
