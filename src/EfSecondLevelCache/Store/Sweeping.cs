using EfSecondLevelCache.Threading;

namespace EfSecondLevelCache.Store;

/// <summary>Removes dead entries that nobody asks for any more, a little at a time.</summary>
internal static class Sweeping
{
    private const int BucketsAtOnce = 4096;

    private static readonly TimeSpan Period = TimeSpan.FromSeconds(1);

    public static ITimer Start(BoundedStore store, TimeProvider timeProvider)
    {
        // A store that is forgotten without being disposed must not be kept by its own timer.
        var reference = new WeakReference<BoundedStore>(store);
        return BackgroundWork.Repeat(timeProvider, Period, timer =>
        {
            if (reference.TryGetTarget(out var target))
                target.Sweep(BucketsAtOnce);
            else
                timer.Dispose();
        });
    }
}
