namespace EfSecondLevelCache;

/// <summary>The range of the heartbeat's settings.</summary>
internal static class HeartbeatRange
{
    private static readonly TimeSpan Least = TimeSpan.FromMilliseconds(10);

    public static TimeSpan Check(TimeSpan interval)
        => interval >= Least
            ? interval
            : throw new ArgumentOutOfRangeException(nameof(interval), interval,
                $"HeartbeatInterval is {interval:c}; give at least 10 ms, and less than MaxStaleness.");

    /// <summary>Settings that stand in different calls and have to fit.</summary>
    public static void Check(SecondLevelCacheOptions options)
    {
        if (options.ChangeSource?.HeartbeatInterval is { } interval && interval >= options.MaxSourceStaleness)
        {
            throw new ArgumentException(
                $"HeartbeatInterval({interval:c}) is not less than MaxStaleness({options.MaxSourceStaleness:c}): nothing could be served between two "
                + "heartbeats. Lower HeartbeatInterval or raise MaxStaleness.");
        }
    }
}
