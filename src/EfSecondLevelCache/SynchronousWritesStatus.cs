using System.Globalization;

namespace EfSecondLevelCache;

/// <summary>How synchronous writes do.</summary>
public sealed record SynchronousWritesStatus
{
    /// <summary>Whether this node holds its lease; without it, its queries go to the database.</summary>
    public required bool HoldsLease { get; init; }

    /// <summary>Why not, in words; null: it does.</summary>
    public string? Detail { get; init; }

    /// <summary>How often writes of this node have waited for the others; writes that come at the same time wait together.</summary>
    public required long Waits { get; init; }

    /// <summary>How long the last of these took.</summary>
    public required TimeSpan LastWait { get; init; }

    /// <summary>How long the longest took.</summary>
    public required TimeSpan LongestWait { get; init; }

    /// <summary>Nodes that did not answer and were fenced by this one.</summary>
    public required long Fenced { get; init; }

    /// <summary>
    /// Waits that ended without a proof, because this node could not reach the database of the leases for three times as long as a lease lasts.
    /// </summary>
    public required long Unconfirmed { get; init; }

    /// <summary>A few words for people.</summary>
    public override string ToString()
        => string.Create(CultureInfo.InvariantCulture,
            $"{(HoldsLease ? "holds its lease" : $"holds no lease ({Detail})")}, {Waits:N0} waits, last {LastWait.TotalMilliseconds:0.0} ms, "
            + $"longest {LongestWait.TotalMilliseconds:0.0} ms, {Fenced:N0} fenced, {Unconfirmed:N0} unconfirmed");
}
