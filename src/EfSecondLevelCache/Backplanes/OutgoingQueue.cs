namespace EfSecondLevelCache.Backplanes;

/// <summary>
/// What waits to be sent, bounded in bytes. Where a message does not fit, all that wait are dropped: who gets it sees by its number that he
/// missed some, and the sooner the better.
/// </summary>
internal sealed class OutgoingQueue(int maxBytes)
{
    private readonly object _lock = new();
    private readonly Queue<ReadOnlyMemory<byte>> _waiting = new();
    private long _bytes;
    private bool _isComplete;

    /// <returns>How many were dropped.</returns>
    public int Add(ReadOnlyMemory<byte> message)
    {
        lock (_lock)
        {
            if (_isComplete)
                return 1;
            var dropped = 0;
            if (_bytes + message.Length > maxBytes)
            {
                dropped = _waiting.Count;
                _waiting.Clear();
                _bytes = 0;
            }

            _waiting.Enqueue(message);
            _bytes += message.Length;
            Monitor.Pulse(_lock);
            return dropped;
        }
    }

    public bool TryTake(out ReadOnlyMemory<byte> message)
    {
        lock (_lock)
        {
            if (!_waiting.TryDequeue(out message))
                return false;
            _bytes -= message.Length;
            return true;
        }
    }

    /// <summary>Waits, on a thread that may, until there is something to take; false: nothing will come any more.</summary>
    public bool Wait(CancellationToken cancellationToken)
    {
        using var end = cancellationToken.UnsafeRegister(static queue => ((OutgoingQueue)queue!).WakeUp(), this);
        lock (_lock)
        {
            while (_waiting.Count == 0)
            {
                cancellationToken.ThrowIfCancellationRequested();
                if (_isComplete)
                    return false;
                Monitor.Wait(_lock);
            }

            return true;
        }
    }

    /// <summary>What waits can still be taken.</summary>
    public void Complete()
    {
        lock (_lock)
        {
            _isComplete = true;
            Monitor.PulseAll(_lock);
        }
    }

    private void WakeUp()
    {
        lock (_lock)
            Monitor.PulseAll(_lock);
    }
}
