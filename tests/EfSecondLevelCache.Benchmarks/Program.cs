using EfSecondLevelCache.Benchmarks;

// One verb for each question. `dotnet run -c Release --project tests/EfSecondLevelCache.Benchmarks -- VERB [options]`
return args switch
{
    ["hit-rate", ..] => HitRate.Run(args.AsSpan(1)),
    ["store", ..] => StoreLookup.Run(args.AsSpan(1)),
    _ => Usage(),
};

static int Usage()
{
    Console.Error.WriteLine("usage: VERB [options]");
    return 2;
}
