namespace EfSecondLevelCache.Diagnostics;

/// <summary>Collects what happens to commands while somebody asks; costs one test of a field while nobody does.</summary>
internal static class Explanations
{
    private static readonly AsyncLocal<List<QueryCacheExplanation>?> Collected = new();

    [ThreadStatic]
    private static Inspection? _inspection;

    private static int _collectors;

    /// <summary>Somebody asks, so that commands are told of that have nothing to do with a cache.</summary>
    public static bool AreAsked => Volatile.Read(ref _collectors) != 0;

    /// <summary>Collects from what runs inside.</summary>
    public static async Task<IReadOnlyList<QueryCacheExplanation>> CollectAsync(Func<Task> execute)
    {
        var collected = new List<QueryCacheExplanation>();
        Interlocked.Increment(ref _collectors);
        Collected.Value = collected;
        try
        {
            await execute().ConfigureAwait(false);
            lock (collected)
                return [.. collected];
        }
        finally
        {
            Collected.Value = null;
            Interlocked.Decrement(ref _collectors);
        }
    }

    public static void Add(QueryCacheExplanation explanation)
    {
        if (Collected.Value is not { } collected)
            return;
        lock (collected)
            collected.Add(explanation);
    }

    /// <summary>What would happen to a command that <paramref name="create"/> makes and nobody executes.</summary>
    public static QueryCacheExplanation? Inspect(Action create)
    {
        var inspection = _inspection = new Inspection();
        try
        {
            create();
            return inspection.Found;
        }
        finally
        {
            _inspection = null;
        }
    }

    /// <summary>The command that is created now is inspected; the first one counts.</summary>
    public static bool IsInspecting => _inspection is { Found: null };

    public static void Inspected(QueryCacheExplanation found) => _inspection!.Found = found;

    private sealed class Inspection
    {
        public QueryCacheExplanation? Found { get; set; }
    }
}
