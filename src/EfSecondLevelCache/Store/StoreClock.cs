namespace EfSecondLevelCache.Store;

/// <summary>
/// A coarse clock in milliseconds that no adjustment of the wall clock moves. For <see cref="TimeProvider.System"/> it is the
/// system's own tick count, which costs a fifth of a timestamp; it steps every few milliseconds.
/// </summary>
internal sealed class StoreClock(TimeProvider timeProvider)
{
    private readonly TimeProvider? _timeProvider = timeProvider == TimeProvider.System ? null : timeProvider;
    private readonly long _start = timeProvider.GetTimestamp();

    public long Now
        => _timeProvider is null
            ? Environment.TickCount64
            : (long)_timeProvider.GetElapsedTime(_start).TotalMilliseconds;
}
