using System.Globalization;

namespace EfSecondLevelCache;

/// <summary>A change source for people who operate it; a snapshot.</summary>
/// <param name="Database">The name of the database.</param>
/// <param name="Kind">How changes are told.</param>
/// <param name="State">Whether it can be relied on.</param>
/// <param name="Position">How far it has read: a log position, or the last transaction that was told; null: nothing yet.</param>
/// <param name="Lag">
/// How long the last heartbeat took through the source: so much later than its commit a change arrives. Null: there was none yet.
/// </param>
/// <param name="LastHeartbeat">When the last heartbeat was sent that came back; null: none did.</param>
/// <param name="Reconnects">How often it had to connect again.</param>
/// <param name="Events">Changes that were told: one for each table of each statement, or of each transaction.</param>
/// <param name="Flushes">How often everything of the database was removed.</param>
/// <param name="Uncaptured">Tables that queries wanted to be cached from although nothing tells of their changes.</param>
/// <param name="Fault">Why it is not live; null: it is, or was not tried yet.</param>
public sealed record ChangeSourceStatus(
    string Database,
    ChangeSourceKind Kind,
    ChangeSourceState State,
    string? Position,
    TimeSpan? Lag,
    DateTimeOffset? LastHeartbeat,
    long Reconnects,
    long Events,
    long Flushes,
    IReadOnlyList<string> Uncaptured,
    Exception? Fault)
{
    /// <summary>A line for people.</summary>
    public override string ToString()
        => string.Create(CultureInfo.InvariantCulture, $"{Kind} of {Database}: {State}")
            + (Position is null ? "" : $", at {Position}")
            + (Lag is null ? "" : string.Create(CultureInfo.InvariantCulture, $", lag {Lag.Value.TotalMilliseconds:0.0} ms"))
            + string.Create(CultureInfo.InvariantCulture, $", {Events:N0} events, {Reconnects:N0} reconnects, {Flushes:N0} flushes")
            + (Uncaptured.Count == 0 ? "" : $"; not captured: {string.Join(", ", Uncaptured)}")
            + (Fault is null ? "" : $"; {Fault.GetType().Name}: {Fault.Message}");
}
