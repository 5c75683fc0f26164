using System.Globalization;

namespace EfSecondLevelCache;

/// <summary>A snapshot of how the nodes of an application hear of each other.</summary>
public sealed record BackplaneStatus
{
    /// <summary>The name of this node.</summary>
    public required string Node { get; init; }

    /// <summary>Whether messages of all known nodes arrive.</summary>
    public required BackplaneState State { get; init; }

    /// <summary>Why it is not live, in words; null: it is.</summary>
    public string? Detail { get; init; }

    /// <summary>The other nodes.</summary>
    public required IReadOnlyList<NodeStatus> Nodes { get; init; }

    /// <summary>Changes that this node has published.</summary>
    public required long Sent { get; init; }

    /// <summary>Changes of others that this node has processed.</summary>
    public required long Received { get; init; }

    /// <summary>Changes that came twice, or after a flush that covers them.</summary>
    public required long Duplicates { get; init; }

    /// <summary>Messages that could not be handed to a node, or to the network at all; the node flushes instead.</summary>
    public required long Dropped { get; init; }

    /// <summary>How often everything was removed because a message was missing or a node fell silent.</summary>
    public required long Flushes { get; init; }

    /// <summary>Connections that were cut, and messages that were thrown away, because they were not what a node sends.</summary>
    public required long Rejected { get; init; }

    /// <summary>How synchronous writes do; null: they are not configured.</summary>
    public SynchronousWritesStatus? SynchronousWrites { get; init; }

    /// <summary>A line for people.</summary>
    public override string ToString()
        => string.Create(CultureInfo.InvariantCulture,
            $"{Node}: {State}, {Sent:N0} sent, {Received:N0} received, {Dropped:N0} dropped, {Flushes:N0} flushes, {Rejected:N0} rejected; ")
            + (Nodes.Count == 0 ? "no other node" : string.Join(", ", Nodes))
            + (SynchronousWrites is null ? "" : $"; synchronous writes: {SynchronousWrites}");
}

/// <summary>Another node, as this one sees it.</summary>
public sealed record NodeStatus
{
    /// <summary>Its name.</summary>
    public required string Name { get; init; }

    /// <summary>The incarnation of its cache: a node that is started again has another one.</summary>
    public required Guid Incarnation { get; init; }

    /// <summary>It has been silent for longer than it usually is.</summary>
    public required bool IsSuspect { get; init; }

    /// <summary>How long ago it was last heard.</summary>
    public required TimeSpan LastHeard { get; init; }

    /// <summary>Everything that it published until this long ago has arrived.</summary>
    public required TimeSpan Staleness { get; init; }

    /// <summary>The changes that it has published.</summary>
    public required long Received { get; init; }

    /// <summary>
    /// How long it took to acknowledge the last write of this node that waited for that (<c>SynchronousWrites</c>); null: none did.
    /// </summary>
    public TimeSpan? AcknowledgementTime { get; init; }

    /// <summary>A few words for people.</summary>
    public override string ToString()
        => string.Create(CultureInfo.InvariantCulture, $"{Name} {(IsSuspect ? "suspect" : "live")}, heard {LastHeard.TotalSeconds:0.0} s ago");
}
