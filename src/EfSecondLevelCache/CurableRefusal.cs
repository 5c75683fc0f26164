using System.Globalization;

namespace EfSecondLevelCache;

/// <summary>Commands that were not cached for a reason that a change of the application, or of its settings, would end.</summary>
public sealed record CurableRefusal
{
    /// <summary>What was found, and the remedy.</summary>
    public required QueryCacheRefusal Refusal { get; init; }

    /// <summary>How often.</summary>
    public required long Commands { get; init; }

    /// <summary>A line for people.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Commands:N0} x {Refusal}");
}
