using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace EfSecondLevelCache.Keys;

/// <summary>Collects the bytes of a key on the caller's stack, and on rented memory once they outgrow it.</summary>
internal ref struct KeyWriter(Span<byte> stack)
{
    private Span<byte> _buffer = stack;
    private byte[]? _rented;
    private int _length;

    public readonly ReadOnlySpan<byte> Written => _buffer[.._length];

    public void WriteByte(byte value) => Reserve(1)[0] = value;

    public void Write<T>(T value)
        where T : unmanaged
        => Unsafe.WriteUnaligned(ref MemoryMarshal.GetReference(Reserve(Unsafe.SizeOf<T>())), value);

    /// <summary>The length and then the bytes, so that no two sequences of values have the same form.</summary>
    public void WriteSized(scoped ReadOnlySpan<byte> bytes)
    {
        Write(bytes.Length);
        bytes.CopyTo(Reserve(bytes.Length));
    }

    public void WriteString(string value) => WriteSized(MemoryMarshal.AsBytes(value.AsSpan()));

    public readonly void Dispose()
    {
        if (_rented is not null)
            ArrayPool<byte>.Shared.Return(_rented);
    }

    private Span<byte> Reserve(int count)
    {
        if (_buffer.Length - _length < count)
            Grow(count);
        var place = _buffer.Slice(_length, count);
        _length += count;
        return place;
    }

    private void Grow(int count)
    {
        var larger = ArrayPool<byte>.Shared.Rent(Math.Max(_buffer.Length * 2, checked(_length + count)));
        Written.CopyTo(larger);
        if (_rented is not null)
            ArrayPool<byte>.Shared.Return(_rented);
        _buffer = _rented = larger;
    }
}
