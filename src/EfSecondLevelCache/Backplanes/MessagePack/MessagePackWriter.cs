using System.Buffers;
using System.Buffers.Binary;
using System.Text;

// The part of the package MessagePack that the cache needs, under its names: where the package can be restored, this folder goes.
#pragma warning disable IDE0130
namespace MessagePack;

/// <summary>Writes values in their shortest MessagePack form.</summary>
internal readonly ref struct MessagePackWriter(IBufferWriter<byte> output)
{
    public void WriteNil() => Put(MessagePackCode.Nil);

    public void Write(bool value) => Put(value ? MessagePackCode.True : MessagePackCode.False);

    public void Write(long value)
    {
        if (value >= 0)
            Write((ulong)value);
        else if (value >= -32)
            Put((byte)value);
        else if (value >= sbyte.MinValue)
            Put(MessagePackCode.Int8, 1, (ulong)value);
        else if (value >= short.MinValue)
            Put(MessagePackCode.Int16, 2, (ulong)value);
        else if (value >= int.MinValue)
            Put(MessagePackCode.Int32, 4, (ulong)value);
        else
            Put(MessagePackCode.Int64, 8, (ulong)value);
    }

    public void Write(ulong value)
    {
        if (value <= MessagePackCode.MaxFixInt)
            Put((byte)value);
        else if (value <= byte.MaxValue)
            Put(MessagePackCode.UInt8, 1, value);
        else if (value <= ushort.MaxValue)
            Put(MessagePackCode.UInt16, 2, value);
        else if (value <= uint.MaxValue)
            Put(MessagePackCode.UInt32, 4, value);
        else
            Put(MessagePackCode.UInt64, 8, value);
    }

    public void Write(string? value)
    {
        if (value is null)
        {
            WriteNil();
            return;
        }

        var length = Encoding.UTF8.GetByteCount(value);
        if (length <= MessagePackCode.MaxFixStr)
            Put((byte)(MessagePackCode.FixStr | length));
        else if (length <= byte.MaxValue)
            Put(MessagePackCode.Str8, 1, (ulong)length);
        else if (length <= ushort.MaxValue)
            Put(MessagePackCode.Str16, 2, (ulong)length);
        else
            Put(MessagePackCode.Str32, 4, (ulong)length);
        output.Advance(Encoding.UTF8.GetBytes(value, output.GetSpan(length)));
    }

    /// <summary>As binary.</summary>
    public void Write(ReadOnlySpan<byte> value)
    {
        if (value.Length <= byte.MaxValue)
            Put(MessagePackCode.Bin8, 1, (ulong)value.Length);
        else if (value.Length <= ushort.MaxValue)
            Put(MessagePackCode.Bin16, 2, (ulong)value.Length);
        else
            Put(MessagePackCode.Bin32, 4, (ulong)value.Length);
        output.Write(value);
    }

    public void WriteArrayHeader(int count)
    {
        if (count <= MessagePackCode.MaxFixArray)
            Put((byte)(MessagePackCode.FixArray | count));
        else if (count <= ushort.MaxValue)
            Put(MessagePackCode.Array16, 2, (ulong)count);
        else
            Put(MessagePackCode.Array32, 4, (ulong)count);
    }

    private void Put(byte code)
    {
        output.GetSpan(1)[0] = code;
        output.Advance(1);
    }

    /// <summary>A code and the low bytes of a number, the highest first.</summary>
    private void Put(byte code, int bytes, ulong value)
    {
        var span = output.GetSpan(1 + sizeof(ulong));
        span[0] = code;
        BinaryPrimitives.WriteUInt64BigEndian(span[1..], value << (8 * (sizeof(ulong) - bytes)));
        output.Advance(1 + bytes);
    }
}
