using System.Diagnostics;
using EfSecondLevelCache.Catalog;
using EfSecondLevelCache.IntegrationTests.Serving;
using EfSecondLevelCache.IntegrationTests.Support;

namespace EfSecondLevelCache.IntegrationTests.Compatibility;

/// <summary>A cold start needs no more threads than without the cache. The thread pool is a process's own, so each runs in one of its own.</summary>
public sealed class ThreadPoolTests(ShopDatabase database) : ShopTests(database)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Theory]
    [InlineData(0, 80)]
    [InlineData(1, 80)]
    [InlineData(40, 80)]
    [InlineData(80, 0)]
    public async Task Many_callers_with_and_without_await_end_in_a_pool_of_eight_threads(int asynchronous, int synchronous)
    {
        // Long enough for the others to come, while the first one waits for an answer: for the catalog, and for its rows.
        using var catalog = Tap.HoldAnswerTo(statement => statement.StartsWith(CatalogReader.Mark, StringComparison.Ordinal));
        using var rows = Tap.HoldAnswerTo(statement => statement.StartsWith("-- second", StringComparison.Ordinal));
        var releasing = ReleaseAsync(catalog, rows);
        using var process = Start(Tap.ConnectionString, threads: 8, asynchronous, synchronous);
        var output = process.StandardOutput.ReadToEndAsync();
        try
        {
            await process.WaitForExitAsync().WaitAsync(Patience);
        }
        catch (TimeoutException)
        {
            process.Kill();
            throw;
        }

        TestContext.Current.TestOutputHelper?.WriteLine(await output);
        Assert.Equal(0, process.ExitCode);
        await releasing;
    }

    private static async Task ReleaseAsync(params AnswerHold[] holds)
    {
        foreach (var hold in holds)
        {
            await hold.Reached.WaitAsync(Patience);
            await Task.Delay(1000);
            hold.Release();
        }
    }

    private static Process Start(string connectionString, int threads, int asynchronous, int synchronous) => Process.Start(new ProcessStartInfo(
        Environment.ProcessPath is { } path && path.EndsWith("dotnet", StringComparison.Ordinal) ? path : "dotnet",
        [
            Path.Combine(AppContext.BaseDirectory, "EfSecondLevelCache.Node.dll"),
            "limited-pool", connectionString, $"{threads}", $"{asynchronous}", $"{synchronous}", $"{true}",
        ])
    { RedirectStandardOutput = true })!;
}
