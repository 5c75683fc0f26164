namespace EfSecondLevelCache.ChangeSources;

/// <summary>
/// A moment up to which everything is known. Counted by two clocks: the monotonic one stands still while the machine is suspended, the wall clock
/// is set by people.
/// </summary>
internal sealed class Lease(TimeProvider time)
{
    private readonly long _timestamp = time.GetTimestamp();

    public DateTimeOffset At { get; } = time.GetUtcNow();

    public TimeSpan Age => time.GetElapsedTime(_timestamp);

    public bool IsWithin(TimeSpan limit) => Age < limit && (time.GetUtcNow() - At).Duration() < limit;
}
