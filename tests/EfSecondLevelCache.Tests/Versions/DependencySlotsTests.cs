using EfSecondLevelCache.Changes;
using EfSecondLevelCache.Diagnostics;
using EfSecondLevelCache.Values;
using EfSecondLevelCache.Versions;

namespace EfSecondLevelCache.Tests.Versions;

public sealed class DependencySlotsTests
{
    private const string Shop = "shop";

    [Fact]
    public void Tables_past_the_most_share_slots_and_a_change_of_one_reaches_it()
    {
        var versions = new VersionSlots();
        var slots = new DependencySlots(versions, mostTables: 4);
        var invalidator = new Invalidator(versions, slots, new Counters(), new SecondLevelCacheOptions());
        TableName[] tables = [.. Enumerable.Range(1, 20).Select(i => new TableName("public", $"t{i}"))];
        var read = tables.Select(table => slots.Of(Shop).Of(table)).ToArray();

        Assert.Equal(5, read.Distinct().Count());
        for (var i = 0; i < tables.Length; i++)
        {
            Assert.Same(read[i], slots.Of(Shop).Of(tables[i]));
            foreach (var name in (TableName[])[tables[i], tables[i] with { Schema = null }])
            {
                var asOf = versions.Now;
                invalidator.Apply(ChangeOrigin.Source, new RowsChanged(Shop, [new TableChange(name)]));
                Assert.False(versions.IsUpToDate([read[i].AnyRow], asOf), $"{name}");
                Assert.False(versions.IsUpToDate([read[i].UnknownRows], asOf), $"{name}");
            }
        }
    }

    [Fact]
    public void Tables_that_have_their_own_slots_keep_them()
    {
        var versions = new VersionSlots();
        var slots = new DependencySlots(versions, mostTables: 2);
        var first = slots.Of(Shop).Of(new TableName("public", "first"));
        for (var i = 0; i < 10; i++)
            slots.Of($"{Shop}{i}").Of(new TableName("public", "other"));
        var asOf = versions.Now;
        versions.Bump([slots.Of("shop9").Of(new TableName("public", "other")).AnyRow]);

        Assert.Same(first, slots.Of(Shop).Of(new TableName("public", "first")));
        Assert.True(versions.IsUpToDate([first.AnyRow], asOf));
    }

    [Fact]
    public async Task A_name_has_one_place_whoever_asks_first()
    {
        for (var round = 0; round < 200; round++)
        {
            var slots = new DependencySlots(new VersionSlots(), mostTables: 4);
            using var start = new Barrier(4);
            var found = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Factory.StartNew(
                () =>
                {
                    start.SignalAndWait();
                    return Enumerable.Range(0, 8).Select(i => slots.Of(Shop).Of(new TableName("public", $"t{i}"))).ToArray();
                },
                TestContext.Current.CancellationToken,
                TaskCreationOptions.LongRunning,
                TaskScheduler.Default)));
            for (var i = 0; i < 8; i++)
                Assert.Single(found.Select(tables => tables[i]).Distinct());
        }
    }

    [Fact]
    public void Databases_past_the_most_share_slots()
    {
        var versions = new VersionSlots();
        var slots = new DependencySlots(versions);
        var all = Enumerable.Range(0, 5_000).Select(i => slots.Of($"tenant{i}")).ToArray();
        Assert.Equal(4_097, all.Distinct().Count());
        Assert.Contains(all[^1], slots.Databases);
        Assert.Same(all[0], slots.Of("tenant0"));
        Assert.Same(all[^1], slots.Of("tenant4999"));
    }
}
