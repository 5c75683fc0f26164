using System.Globalization;

namespace EfSecondLevelCache;

/// <summary>How synchronous writes do.</summary>
/// <param name="HoldsLease">Whether this node holds its lease; without it, its queries go to the database.</param>
/// <param name="Detail">Why not, in words; null: it does.</param>
/// <param name="Waits">How often writes of this node have waited for the others; writes that come at the same time wait together.</param>
/// <param name="LastWait">How long the last of these took.</param>
/// <param name="LongestWait">How long the longest took.</param>
/// <param name="Fenced">Nodes that did not answer and were fenced by this one.</param>
/// <param name="Unconfirmed">
/// Waits that ended without a proof, because this node could not reach the database of the leases for three times as long as a lease lasts.
/// </param>
public sealed record SynchronousWritesStatus(
    bool HoldsLease, string? Detail, long Waits, TimeSpan LastWait, TimeSpan LongestWait, long Fenced, long Unconfirmed)
{
    /// <summary>A few words for people.</summary>
    public override string ToString()
        => string.Create(CultureInfo.InvariantCulture,
            $"{(HoldsLease ? "holds its lease" : $"holds no lease ({Detail})")}, {Waits:N0} waits, last {LastWait.TotalMilliseconds:0.0} ms, "
            + $"longest {LongestWait.TotalMilliseconds:0.0} ms, {Fenced:N0} fenced, {Unconfirmed:N0} unconfirmed");
}
