namespace EfSecondLevelCache;

/// <summary>The range of every duration that a user may give: 1 millisecond to 365 days.</summary>
internal static class TimeToLiveRange
{
    private static readonly TimeSpan Least = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan Most = TimeSpan.FromDays(365);

    public static TimeSpan Check(TimeSpan value, string setting, string parameter)
        => value >= Least && value <= Most
            ? value
            : throw new ArgumentOutOfRangeException(parameter, value,
                $"{setting} is {value:c}; give a time between 1 ms and 365 days, for example TimeSpan.FromMinutes(5)."
                + (value <= TimeSpan.Zero ? " To keep a query out of the cache, mark it NotCacheable()." : ""));
}
