using System.Globalization;

namespace EfSecondLevelCache;

/// <summary>Commands that were not cached for a reason that a change of the application, or of its settings, would end.</summary>
/// <param name="Refusal">What was found, and the remedy.</param>
/// <param name="Commands">How often.</param>
public sealed record CurableRefusal(QueryCacheRefusal Refusal, long Commands)
{
    /// <summary>A line for people.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Commands:N0} x {Refusal}");
}
