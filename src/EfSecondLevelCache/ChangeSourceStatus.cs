using System.Globalization;

namespace EfSecondLevelCache;

/// <summary>A change source for people who operate it; a snapshot.</summary>
public sealed record ChangeSourceStatus
{
    /// <summary>The name of the database.</summary>
    public required string Database { get; init; }

    /// <summary>How changes are told.</summary>
    public required ChangeSourceKind Kind { get; init; }

    /// <summary>Whether it can be relied on.</summary>
    public required ChangeSourceState State { get; init; }

    /// <summary>How far it has read: a log position, or the last transaction that was told; null: nothing yet.</summary>
    public string? Position { get; init; }

    /// <summary>
    /// How long the last heartbeat took through the source: so much later than its commit a change arrives. Null: there was none yet.
    /// </summary>
    public TimeSpan? Lag { get; init; }

    /// <summary>When the last heartbeat was sent that came back; null: none did.</summary>
    public DateTimeOffset? LastHeartbeat { get; init; }

    /// <summary>How often it had to connect again.</summary>
    public required long Reconnects { get; init; }

    /// <summary>Changes that were told: one for each table of each statement, or of each transaction.</summary>
    public required long Events { get; init; }

    /// <summary>How often everything of the database was removed.</summary>
    public required long Flushes { get; init; }

    /// <summary>Tables that queries wanted to be cached from although nothing tells of their changes.</summary>
    public required IReadOnlyList<string> Uncaptured { get; init; }

    /// <summary>Why it is not live; null: it is, or was not tried yet.</summary>
    public Exception? Fault { get; init; }

    /// <summary>A line for people.</summary>
    public override string ToString()
        => string.Create(CultureInfo.InvariantCulture, $"{Kind} of {Database}: {State}")
            + (Position is null ? "" : $", at {Position}")
            + (Lag is null ? "" : string.Create(CultureInfo.InvariantCulture, $", lag {Lag.Value.TotalMilliseconds:0.0} ms"))
            + string.Create(CultureInfo.InvariantCulture, $", {Events:N0} events, {Reconnects:N0} reconnects, {Flushes:N0} flushes")
            + (Uncaptured.Count == 0 ? "" : $"; not captured: {string.Join(", ", Uncaptured)}")
            + (Fault is null ? "" : $"; {Fault.GetType().Name}: {Fault.Message}");
}
