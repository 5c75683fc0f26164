using EfSecondLevelCache.Benchmarks;
using EfSecondLevelCache.Benchmarks.Nodes;
using EfSecondLevelCache.Benchmarks.Queries;
using EfSecondLevelCache.Benchmarks.Shop;

// One verb for each question. `dotnet run -c Release --project tests/EfSecondLevelCache.Benchmarks -- VERB [options]`
return args switch
{
    ["queries"] => await QuickComparison.RunAsync(),
    ["bdn", .. var options] => await BenchmarkDotNetRun.RunAsync(options),
    ["hit-rate", ..] => HitRate.Run(args.AsSpan(1)),
    ["nodes"] => await Propagation.RunAsync(),
    ["store", ..] => StoreLookup.Run(args.AsSpan(1)),
    ["change-sources", .. var writes] => await ChangeSourceLatency.RunAsync(writes),
    ["saturated", .. var commits] => SaturatedPool.Run(commits),
    ["writes"] => await HitRatioUnderWrites.RunAsync(),
    ["shop-writes"] => await ShopUnderWrites.RunAsync(),
    ["invalidation"] => InvalidationCost.Run(),
    _ => Usage(),
};

static int Usage()
{
    Console.Error.WriteLine("usage: VERB [options]");
    return 2;
}
