using System.Diagnostics;
using EfSecondLevelCache.Changes;
using EfSecondLevelCache.Diagnostics;
using EfSecondLevelCache.Values;
using EfSecondLevelCache.Versions;

namespace EfSecondLevelCache.Benchmarks;

/// <summary>What it costs to see that a result is up to date, and to invalidate: a table, a row, with a million results that depend on them.</summary>
internal static class InvalidationCost
{
    private const int Results = 1_000_000;
    private const int Rounds = 200;
    private const int InRound = 1 << 14;

    public static int Run()
    {
        var versions = new VersionSlots();
        var slots = new DependencySlots(versions);
        var invalidator = new Invalidator(versions, slots, new Counters(), new SecondLevelCacheOptions());
        var table = slots.Of("shop").Of(new TableName("public", "products"));
        var key = table.KeyOf([new KeyColumn("id", ComparisonFamily.Integer)])!;
        var dependencies = new int[Results][];
        for (var i = 0; i < Results; i++)
            dependencies[i] = [VersionSlots.Everything, slots.Of("shop").UnknownTables, table.UnknownRows, key.UnknownValues, key.Of([HashOf(i)])];
        int[] two = [VersionSlots.Everything, table.AnyRow];
        TableChange[] ofTable = [new TableChange(new TableName("public", "products"))];
        TableChange[] ofRow = [ofTable[0] with { Rows = [new RowImage([new ColumnImage("id", ComparisonFamily.Integer, HashOf(7), IsStated: false)])] }];
        invalidator.Apply(ChangeOrigin.Source, new RowsChanged("shop", ofRow));

        Console.WriteLine($"a check of two slots                         {Best(_ => versions.IsUpToDate(two, long.MaxValue - 1)),8:0.0} ns");
        Console.WriteLine($"a check of a result by row, of a million     {Best(i => versions.IsUpToDate(dependencies[i % Results], long.MaxValue - 1)),8:0.0} ns");
        Console.WriteLine($"invalidation of a table, a million depend    {Best(_ => Change(ofTable)),8:0.0} ns");
        Console.WriteLine($"invalidation of a row                        {Best(_ => Change(ofRow)),8:0.0} ns");
        return 0;

        bool Change(TableChange[] changes)
        {
            invalidator.Apply(ChangeOrigin.Source, new RowsChanged("shop", changes));
            return true;
        }
    }

    /// <summary>The best round: what else the machine does only adds.</summary>
    private static double Best(Func<int, bool> operation)
    {
        var best = double.MaxValue;
        for (var round = 0; round < Rounds; round++)
        {
            var from = Stopwatch.GetTimestamp();
            var all = true;
            for (var i = 0; i < InRound; i++)
                all &= operation(i);
            var elapsed = Stopwatch.GetElapsedTime(from).TotalNanoseconds / InRound;
            if (!all)
                throw new UnreachableException();
            best = Math.Min(best, elapsed);
        }

        return best;
    }

    private static ulong HashOf(int value) => ComparisonHash.TryHash(ComparisonFamily.Integer, value, out var hash) ? hash : throw new UnreachableException();
}
