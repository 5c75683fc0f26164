namespace EfSecondLevelCache.Threading;

/// <summary>
/// A query that goes to the database gives its thread back while it waits; a hit completes at once. Tasks that do little else than hit would keep the
/// threads of the pool for themselves, and everything else that the process does would stand still. So a probe waits in the pool's queue like anything
/// else, and while it waits for long, an asynchronous hit lets others go first.
/// </summary>
internal sealed class PoolShare : IThreadPoolWorkItem
{
    /// <summary>The milliseconds between two probes, and how long one may wait.</summary>
    private const int Patience = 5;

    private static readonly PoolShare Probe = new();

    private static long _askedAt;
    private static int _isWaiting;

    /// <summary>Whether others have waited for a thread for too long, so that this one is to be given back for a moment.</summary>
    public static bool IsDue => Environment.TickCount64 - Volatile.Read(ref _askedAt) > Patience && IsDueNow();

    public void Execute() => Volatile.Write(ref _isWaiting, 0);

    private static bool IsDueNow()
    {
        // Elsewhere than on a thread of the pool, the continuation would not be one that waits its turn.
        if (Volatile.Read(ref _isWaiting) == 1)
            return Thread.CurrentThread.IsThreadPoolThread && SynchronizationContext.Current is null && TaskScheduler.Current == TaskScheduler.Default;
        Volatile.Write(ref _askedAt, Environment.TickCount64);
        if (Interlocked.Exchange(ref _isWaiting, 1) == 0)
            ThreadPool.UnsafeQueueUserWorkItem(Probe, preferLocal: false);
        return false;
    }
}
