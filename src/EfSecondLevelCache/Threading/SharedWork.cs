namespace EfSecondLevelCache.Threading;

/// <summary>
/// Work that others may be waiting for. Code of the application that is called in the middle of it (an interceptor, a logger) may query too, and then
/// waits for nobody: the other one could be itself, or one whose own interceptor waits for this work.
/// </summary>
internal sealed class SharedWork : IDisposable
{
    private static readonly AsyncLocal<SharedWork?> Innermost = new();

    private readonly SharedWork? _around = Current;
    private volatile bool _hasEnded;

    private SharedWork()
    {
    }

    /// <summary>Whether the caller is called in the middle of such work, by however many calls and threads.</summary>
    public static bool IsUnderWay => Current is not null;

    /// <summary>What was started in the middle of work that has ended meanwhile is not part of it any more.</summary>
    private static SharedWork? Current
    {
        get
        {
            var work = Innermost.Value;
            while (work is { _hasEnded: true })
                work = work._around;
            return work;
        }
    }

    /// <summary>Begins work in an async method, whose callers do not see it, only what it calls.</summary>
    public static SharedWork Begin() => Innermost.Value = new SharedWork();

    public void Dispose() => _hasEnded = true;
}
