namespace EfSecondLevelCache;

/// <summary>
/// Carries messages between the nodes of an application: each one that a node publishes goes to all the others. The cache numbers what it
/// publishes and flushes where a number is missing, so a backplane may lose messages, deliver them twice or out of order: that costs hits, never
/// a wrong row.
/// </summary>
public interface IBackplane : IAsyncDisposable
{
    /// <summary>The name under which others see this node; a node that is started again in its place has the same one.</summary>
    string NodeName { get; }

    /// <summary>What a message may have, in bytes; a larger change is told in fewer words.</summary>
    int MaxMessageBytes { get; }

    /// <summary>How it does.</summary>
    BackplaneHealth Health { get; }

    /// <summary>Connects in the background, and goes on trying for as long as that takes.</summary>
    /// <param name="receiver">Takes what the others publish, and what this node publishes where that comes back.</param>
    void Start(IBackplaneReceiver receiver);

    /// <summary>Hands a message over. It returns at once and does not fail: what can't be sent is dropped and counted.</summary>
    /// <param name="message">Not changed afterwards.</param>
    void Publish(ReadOnlyMemory<byte> message);
}
