namespace EfSecondLevelCache.IntegrationTests.Support;

/// <summary>
/// What there is not time for in each run: <c>EFSLC_FULL=1</c> (<c>eng/test.sh full</c>) runs all of it, else some cases stand for the others. Where
/// combinations are thinned out, each part of them is still there.
/// </summary>
public static class FullRun
{
    public const string OnlyThen = "Set EFSLC_FULL=1 to run it too: there is not time for all in each run.";

    public static bool Is { get; } = Environment.GetEnvironmentVariable("EFSLC_FULL") == "1";

    /// <summary>One case in so many, unless it is a full run.</summary>
    /// <param name="cases">All of them.</param>
    /// <param name="oneIn">How many there are for each that is run.</param>
    /// <param name="from">Which of these; those who test the same cases take different ones.</param>
    public static IEnumerable<T> Of<T>(IEnumerable<T> cases, int oneIn, int from = 0) => cases.Where((_, i) => Is || (i + from) % oneIn == 0);
}
