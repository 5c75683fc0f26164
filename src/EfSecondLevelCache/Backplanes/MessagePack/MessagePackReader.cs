using System.Buffers;
using System.Buffers.Binary;
using System.Text;

#pragma warning disable IDE0130
namespace MessagePack;

/// <summary>
/// Reads MessagePack that somebody else wrote, who may mean harm: nothing is allocated that the bytes at hand do not fill.
/// </summary>
internal ref struct MessagePackReader(ReadOnlyMemory<byte> message)
{
    /// <summary>A text that is not UTF-8 is an error, not a text with U+FFFD in it.</summary>
    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private ReadOnlySpan<byte> _rest = message.Span;

    public readonly bool End => _rest.IsEmpty;

    public bool TryReadNil()
    {
        if (Peek() is not MessagePackCode.Nil)
            return false;
        Take(1);
        return true;
    }

    public bool ReadBoolean() => Take(1)[0] switch
    {
        MessagePackCode.False => false,
        MessagePackCode.True => true,
        var code => throw Unexpected(code, "a boolean"),
    };

    public long ReadInt64()
    {
        var code = Peek();
        if (code is not (>= MessagePackCode.MinNegativeFixInt or MessagePackCode.Int8 or MessagePackCode.Int16 or MessagePackCode.Int32
            or MessagePackCode.Int64))
        {
            return ReadUInt64() is var value and <= long.MaxValue ? (long)value : throw Unexpected(code, "a signed integer");
        }

        Take(1);
        return code switch
        {
            MessagePackCode.Int8 => (sbyte)Take(1)[0],
            MessagePackCode.Int16 => BinaryPrimitives.ReadInt16BigEndian(Take(2)),
            MessagePackCode.Int32 => BinaryPrimitives.ReadInt32BigEndian(Take(4)),
            MessagePackCode.Int64 => BinaryPrimitives.ReadInt64BigEndian(Take(8)),
            _ => (sbyte)code,
        };
    }

    public int ReadInt32() => ReadInt64() is var value and >= int.MinValue and <= int.MaxValue ? (int)value : throw TooLarge("an integer");

    public ulong ReadUInt64() => Take(1)[0] switch
    {
        <= MessagePackCode.MaxFixInt and var value => value,
        MessagePackCode.UInt8 => Take(1)[0],
        MessagePackCode.UInt16 => BinaryPrimitives.ReadUInt16BigEndian(Take(2)),
        MessagePackCode.UInt32 => BinaryPrimitives.ReadUInt32BigEndian(Take(4)),
        MessagePackCode.UInt64 => BinaryPrimitives.ReadUInt64BigEndian(Take(8)),
        var code => throw Unexpected(code, "an unsigned integer"),
    };

    public string? ReadString()
    {
        if (TryReadNil())
            return null;
        var length = Take(1)[0] switch
        {
            >= MessagePackCode.FixStr and < MessagePackCode.Nil and var code => (uint)(code & MessagePackCode.MaxFixStr),
            MessagePackCode.Str8 => Take(1)[0],
            MessagePackCode.Str16 => BinaryPrimitives.ReadUInt16BigEndian(Take(2)),
            MessagePackCode.Str32 => BinaryPrimitives.ReadUInt32BigEndian(Take(4)),
            var code => throw Unexpected(code, "a string"),
        };
        try
        {
            return Strict.GetString(Take(length));
        }
        catch (DecoderFallbackException fault)
        {
            throw new MessagePackSerializationException("A string is not UTF-8.", fault);
        }
    }

    /// <summary>Null for nil, as the package has it.</summary>
    public ReadOnlySequence<byte>? ReadBytes()
    {
        if (TryReadNil())
            return null;
        var length = Take(1)[0] switch
        {
            MessagePackCode.Bin8 => Take(1)[0],
            MessagePackCode.Bin16 => BinaryPrimitives.ReadUInt16BigEndian(Take(2)),
            MessagePackCode.Bin32 => BinaryPrimitives.ReadUInt32BigEndian(Take(4)),
            var code => throw Unexpected(code, "binary"),
        };
        return new ReadOnlySequence<byte>(Take(length).ToArray());
    }

    /// <summary>At most as many as there are bytes left: each element takes one.</summary>
    public int ReadArrayHeader()
    {
        var count = Take(1)[0] switch
        {
            >= MessagePackCode.FixArray and < MessagePackCode.FixStr and var code => (uint)(code & MessagePackCode.MaxFixArray),
            MessagePackCode.Array16 => BinaryPrimitives.ReadUInt16BigEndian(Take(2)),
            MessagePackCode.Array32 => BinaryPrimitives.ReadUInt32BigEndian(Take(4)),
            var code => throw Unexpected(code, "an array"),
        };
        return count <= (uint)_rest.Length ? (int)count : throw new EndOfStreamException();
    }

    private readonly byte Peek() => _rest.IsEmpty ? throw new EndOfStreamException() : _rest[0];

    private ReadOnlySpan<byte> Take(uint length)
    {
        if (length > (uint)_rest.Length)
            throw new EndOfStreamException();
        var taken = _rest[..(int)length];
        _rest = _rest[(int)length..];
        return taken;
    }

    private static MessagePackSerializationException Unexpected(byte code, string wanted) => new($"0x{code:x2} does not begin {wanted}.");

    private static MessagePackSerializationException TooLarge(string what) => new($"The number is out of the range of {what}.");
}
