namespace EfSecondLevelCache.Backplanes.Peers;

/// <summary>The other side is not what it should be: the connection is cut.</summary>
internal sealed class PeerRejectedException(string reason) : Exception(reason);
