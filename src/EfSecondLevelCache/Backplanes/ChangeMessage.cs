using EfSecondLevelCache.Versions;

namespace EfSecondLevelCache.Backplanes;

/// <summary>What one node says to all the others.</summary>
/// <param name="Sender">The incarnation of its cache.</param>
/// <param name="Number">
/// Of a change: how many the sender has published by now, this one included. 0: the backplane vouches for its delivery. Of anything else: how
/// many changes it has published.
/// </param>
/// <param name="Content">Null: it is in a version that this node does not know.</param>
internal sealed record ChangeMessage(Guid Sender, long Number, MessageContent? Content)
{
    /// <summary>Another one may change everything but the version, sender and number.</summary>
    public const int Version = 1;
}

/// <summary>The heartbeat.</summary>
/// <param name="Node">The name of the sender.</param>
/// <param name="Stamp">The sender's clock, which means nothing to others: they return it.</param>
/// <param name="Heard">The last stamp of each node that the sender hears.</param>
internal sealed record Alive(string Node, long Stamp, IReadOnlyList<HeardStamp> Heard) : MessageContent;

/// <summary>Returned to the node that sent it, it proves that what was published before it has been sent on by then.</summary>
internal readonly record struct HeardStamp(Guid Sender, long Stamp);

/// <summary>The sender wants to know when everything that it has published by now has been processed.</summary>
/// <param name="Stamp">Of the sender: each question has a higher one.</param>
internal sealed record AcknowledgementAsked(long Stamp) : MessageContent;

/// <summary>What a node had published when it asked has been processed by the sender.</summary>
/// <param name="Asker">The node that had asked.</param>
/// <param name="Stamp">Of its question.</param>
internal sealed record Acknowledged(Guid Asker, long Stamp) : MessageContent;

/// <summary>The sender's last word: it has published everything and stops.</summary>
internal sealed record Left : MessageContent;
