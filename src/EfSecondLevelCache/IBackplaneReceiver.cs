namespace EfSecondLevelCache;

/// <summary>Takes what a backplane delivers. Its members are fast and do not fail; any thread may call them.</summary>
public interface IBackplaneReceiver
{
    /// <summary>
    /// The names of the nodes that have been silent for too long. A backplane that knows its members can tell from it who is reached by nobody; another
    /// one need not ask.
    /// </summary>
    IReadOnlyCollection<string> Suspects { get; }

    /// <summary>A message of some node, in the order in which that node published.</summary>
    /// <param name="message">Valid during the call.</param>
    void Received(ReadOnlyMemory<byte> message);

    /// <summary>Messages may have been lost, or they came from no one knows where: what could be stale is flushed.</summary>
    void Interrupted();

    /// <summary>A node can hear us from now on: it is told how far we are.</summary>
    void Joined();
}
