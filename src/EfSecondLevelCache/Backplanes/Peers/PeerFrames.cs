using System.Buffers;
using System.Buffers.Binary;
using System.Security.Cryptography;

namespace EfSecondLevelCache.Backplanes.Peers;

/// <summary>
/// Messages on a connection: [length, 4 bytes, the highest first] [message] [HMAC of counter, length and message, 16 bytes]. The counter is not sent,
/// so a frame that is repeated, left out or moved has the wrong HMAC. A frame without a message is the last one of a node that leaves.
/// </summary>
internal sealed class PeerFrames(byte[] key) : IDisposable
{
    public const int MaxMessageBytes = 64 << 10;

    private const int HeadBytes = sizeof(int);
    private const int TagBytes = 16;

    private readonly IncrementalHash _hash = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, key);
    private readonly byte[] _message = new byte[MaxMessageBytes];
    private ulong _counter;

    public void Write(IBufferWriter<byte> output, ReadOnlySpan<byte> message)
    {
        var frame = output.GetSpan(HeadBytes + message.Length + TagBytes);
        BinaryPrimitives.WriteInt32BigEndian(frame, message.Length);
        message.CopyTo(frame[HeadBytes..]);
        Tag(frame[..HeadBytes], message, frame.Slice(HeadBytes + message.Length, TagBytes));
        output.Advance(HeadBytes + message.Length + TagBytes);
    }

    /// <summary>Takes the next message off what has been received; false where it has not been received as a whole.</summary>
    /// <param name="received">Is shortened by what was taken.</param>
    /// <param name="message">Valid until the next call.</param>
    /// <exception cref="PeerRejectedException">What was received is no frame.</exception>
    public bool TryRead(ref ReadOnlySequence<byte> received, out ReadOnlyMemory<byte> message)
    {
        message = default;
        if (received.Length < HeadBytes)
            return false;
        Span<byte> head = stackalloc byte[HeadBytes];
        received.Slice(0, HeadBytes).CopyTo(head);
        var length = BinaryPrimitives.ReadInt32BigEndian(head);
        if (length is < 0 or > MaxMessageBytes)
            throw new PeerRejectedException("a frame is too large");
        if (received.Length < HeadBytes + length + TagBytes)
            return false;

        received.Slice(HeadBytes, length).CopyTo(_message);
        Span<byte> told = stackalloc byte[TagBytes];
        Span<byte> tag = stackalloc byte[TagBytes];
        received.Slice(HeadBytes + length, TagBytes).CopyTo(told);
        Tag(head, _message.AsSpan(0, length), tag);
        if (!CryptographicOperations.FixedTimeEquals(told, tag))
            throw new PeerRejectedException("a frame is not authentic");
        received = received.Slice(HeadBytes + length + TagBytes);
        message = _message.AsMemory(0, length);
        return true;
    }

    public void Dispose() => _hash.Dispose();

    private void Tag(ReadOnlySpan<byte> head, ReadOnlySpan<byte> message, Span<byte> tag)
    {
        Span<byte> counter = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64BigEndian(counter, _counter++);
        _hash.AppendData(counter);
        _hash.AppendData(head);
        _hash.AppendData(message);
        Span<byte> whole = stackalloc byte[HMACSHA256.HashSizeInBytes];
        _hash.GetHashAndReset(whole);
        whole[..TagBytes].CopyTo(tag);
    }
}
