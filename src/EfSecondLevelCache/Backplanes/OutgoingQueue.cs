using System.Threading.Channels;

namespace EfSecondLevelCache.Backplanes;

/// <summary>
/// What waits to be sent, bounded in bytes. Where a message does not fit, all that wait are dropped: who gets it sees by its number that he
/// missed some, and the sooner the better.
/// </summary>
internal sealed class OutgoingQueue(int maxBytes)
{
    private readonly Channel<ReadOnlyMemory<byte>> _waiting = Channel.CreateUnbounded<ReadOnlyMemory<byte>>();
    private long _bytes;

    public ChannelReader<ReadOnlyMemory<byte>> Waiting => _waiting.Reader;

    /// <returns>How many were dropped.</returns>
    public int Add(ReadOnlyMemory<byte> message)
    {
        var dropped = 0;
        if (Volatile.Read(ref _bytes) + message.Length > maxBytes)
        {
            while (TryTake(out _))
                dropped++;
        }

        Interlocked.Add(ref _bytes, message.Length);
        return _waiting.Writer.TryWrite(message) ? dropped : dropped + 1;
    }

    public bool TryTake(out ReadOnlyMemory<byte> message)
    {
        if (!_waiting.Reader.TryRead(out message))
            return false;
        Interlocked.Add(ref _bytes, -message.Length);
        return true;
    }

    /// <summary>What waits can still be taken.</summary>
    public void Complete() => _waiting.Writer.TryComplete();
}
