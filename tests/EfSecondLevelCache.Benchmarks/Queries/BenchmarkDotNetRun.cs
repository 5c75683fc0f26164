using BenchmarkDotNet.Running;

namespace EfSecondLevelCache.Benchmarks.Queries;

/// <summary>The verb <c>bdn</c>: the same questions by BenchmarkDotNet, whose own options follow.</summary>
internal static class BenchmarkDotNetRun
{
    public static async Task<int> RunAsync(string[] options)
    {
        try
        {
            var reports = BenchmarkSwitcher.FromAssembly(typeof(BenchmarkDotNetRun).Assembly).Run(options);
            return reports.Any() ? 0 : 1;
        }
        finally
        {
            await BenchmarkServer.DropAsync();
        }
    }
}
