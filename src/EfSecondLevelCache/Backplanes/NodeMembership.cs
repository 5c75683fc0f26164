using EfSecondLevelCache.Diagnostics;
using Microsoft.Extensions.Logging;

namespace EfSecondLevelCache.Backplanes;

/// <summary>
/// The other nodes, as far as they were heard: who is silent, and until when nothing is missing. What it returns as reasons is to be answered by a flush.
/// All but <see cref="IsFresh"/> is called under the lock of who receives.
/// </summary>
/// <param name="time">Of the cache.</param>
/// <param name="maxStaleness">Null: there is no such bound.</param>
/// <param name="heartbeat">Of this node; the others are taken to have the same.</param>
/// <param name="logger">For what is worth a person's attention.</param>
internal sealed class NodeMembership(TimeProvider time, TimeSpan? maxStaleness, TimeSpan heartbeat, ILogger logger)
{
    public const int MostNodes = 1_000;

    /// <summary>A node that is silent for so long is taken for dead. One that is only unreachable starts again as a new acquaintance.</summary>
    private static readonly TimeSpan ForgottenAfter = TimeSpan.FromMinutes(1);

    private readonly Dictionary<Guid, RemoteNode> _nodes = [];
    private long _lastLive = time.GetTimestamp();
    private Freshness _fresh = Freshness.Always;

    /// <summary>Whether it is proven that nothing is missing that was published more than <c>MaxStaleness</c> ago; true where there is no such bound.</summary>
    public bool IsFresh
    {
        get
        {
            if (maxStaleness is null)
                return true;
            var fresh = Volatile.Read(ref _fresh);
            // The wall clock too: a monotonic one stands still while the machine is suspended.
            return time.GetTimestamp() <= fresh.Until && time.GetUtcNow() <= fresh.UntilUtc;
        }
    }

    public IEnumerable<RemoteNode> Nodes => _nodes.Values;

    public RemoteNode? Find(Guid incarnation) => _nodes.GetValueOrDefault(incarnation);

    /// <summary>A node is heard. Null: there are too many to know it, too.</summary>
    public RemoteNode? Hear(Guid incarnation)
    {
        var now = time.GetTimestamp();
        if (!_nodes.TryGetValue(incarnation, out var node))
        {
            if (_nodes.Count >= MostNodes)
                return null;
            _nodes[incarnation] = node = new RemoteNode(incarnation, now, heartbeat, time);
        }

        node.Heard(now);
        return node;
    }

    /// <summary>Null: it is not known.</summary>
    public RemoteNode? Forget(Guid incarnation) => _nodes.Remove(incarnation, out var node) ? node : null;

    /// <summary>The backplane carries messages at this moment.</summary>
    public void Carried() => _lastLive = time.GetTimestamp();

    /// <summary>What a silent node has committed and could not publish any more is covered by a flush when it is suspected, and when it is given up.</summary>
    /// <returns>Why to flush; empty: there is no reason.</returns>
    public IReadOnlyList<string> Suspect()
    {
        var reasons = new List<string>();
        var now = time.GetTimestamp();
        foreach (var node in _nodes.Values.ToArray())
        {
            if (!node.IsSilent(now))
                continue;
            if (!node.IsSuspect)
            {
                node.IsSuspect = true;
                Log.NodeSuspect(logger, node.Name, node.SilentFor(now));
                reasons.Add($"{node.Name} is silent");
            }

            var isReplaced = _nodes.Values.Any(other => other != node && other.Name == node.Name && !other.IsSuspect);
            if (isReplaced || node.SilentFor(now) > ForgottenAfter)
            {
                _nodes.Remove(node.Incarnation);
                reasons.Add($"{node.Name} is gone");
            }
        }

        return reasons;
    }

    /// <summary>Something was heard, or time has passed: until when is it fresh now?</summary>
    public void Refresh()
    {
        if (maxStaleness is not { } most)
            return;
        var completeUntil = _nodes.Values.Aggregate(_lastLive, (least, node) => Math.Min(least, node.CompleteUntil));
        Volatile.Write(ref _fresh, new Freshness(
            completeUntil + (long)(most.TotalSeconds * time.TimestampFrequency),
            time.GetUtcNow() + most - time.GetElapsedTime(completeUntil)));
    }

    /// <summary>Both clocks in one object, so that they are read together.</summary>
    private sealed record Freshness(long Until, DateTimeOffset UntilUtc)
    {
        public static readonly Freshness Always = new(long.MaxValue, DateTimeOffset.MaxValue);
    }
}
