namespace EfSecondLevelCache.Backplanes;

/// <summary>Another node, as this one hears it. Its owner holds a lock around every call.</summary>
internal sealed class RemoteNode(Guid incarnation, long now, TimeSpan heartbeat, TimeProvider time)
{
    private readonly double _leastTimeout = 4 * heartbeat.TotalSeconds;
    private double _interval = heartbeat.TotalSeconds;
    private double _deviation = heartbeat.TotalSeconds / 2;
    private long _lastBeat = now;

    public Guid Incarnation => incarnation;

    /// <summary>Until its first heartbeat has come: its incarnation.</summary>
    public string Name { get; private set; } = incarnation.ToString("N");

    public MessageSequence Sequence { get; } = new();

    public long LastHeard { get; private set; } = now;

    /// <summary>What it published before this moment of our clock has arrived, or was covered by a flush.</summary>
    public long CompleteUntil { get; private set; } = now;

    /// <summary>The last stamp of its clock, to be returned.</summary>
    public long Stamp { get; private set; }

    /// <summary>The highest stamp of a question that it has answered.</summary>
    public long Acknowledged { get; private set; } = long.MinValue;

    /// <summary>How long its last answer took; null: it was never asked.</summary>
    public TimeSpan? AcknowledgementTime { get; private set; }

    public bool IsSuspect { get; set; }

    public long Received { get; set; }

    public void Heard(long at) => LastHeard = at;

    public void Acknowledge(long stamp, long at)
    {
        if (stamp <= Acknowledged)
            return;
        Acknowledged = stamp;
        AcknowledgementTime = time.GetElapsedTime(stamp, at);
        CompleteUntil = Math.Max(CompleteUntil, stamp);
    }

    public void Beat(Alive alive, Guid self, long at)
    {
        Name = alive.Node;
        Stamp = alive.Stamp;
        foreach (var (sender, stamp) in alive.Heard)
        {
            // Our own stamp came back: it had been heard there before this heartbeat was sent. One of the future would be a lie.
            if (sender == self && stamp > CompleteUntil && stamp <= at)
                CompleteUntil = stamp;
        }

        // As TCP estimates its retransmission timeout (RFC 6298). Of an interval in which it was suspect nothing is learned.
        var interval = time.GetElapsedTime(_lastBeat, at).TotalSeconds;
        _lastBeat = at;
        if (IsSuspect)
            return;
        _deviation = (0.75 * _deviation) + (0.25 * Math.Abs(_interval - interval));
        _interval = (0.875 * _interval) + (0.125 * interval);
    }

    /// <summary>Whether it has been silent for longer than its heartbeats usually take.</summary>
    public bool IsSilent(long at) => SilentFor(at).TotalSeconds > Math.Max(_leastTimeout, _interval + (4 * _deviation));

    public TimeSpan SilentFor(long at) => time.GetElapsedTime(LastHeard, at);

    public NodeStatus ToStatus(long at)
        => new()
        {
            Name = Name,
            Incarnation = incarnation,
            IsSuspect = IsSuspect,
            LastHeard = SilentFor(at),
            Staleness = time.GetElapsedTime(CompleteUntil, at),
            Received = Received,
            AcknowledgementTime = AcknowledgementTime,
        };
}
