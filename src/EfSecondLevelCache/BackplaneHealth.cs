namespace EfSecondLevelCache;

/// <summary>How a backplane does.</summary>
/// <param name="State">Whether messages of all known nodes arrive.</param>
/// <param name="Dropped">Messages that could not be handed to a node, or to the network at all.</param>
/// <param name="Rejected">Connections that were cut, and messages that were thrown away, because they were not what a node sends.</param>
/// <param name="Detail">Why it is not live, in words; null: it is.</param>
public readonly record struct BackplaneHealth(BackplaneState State, long Dropped = 0, long Rejected = 0, string? Detail = null);
