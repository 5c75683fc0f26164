using System.Data.Common;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace EfSecondLevelCache.Results.Types;

/// <summary>A value type without references: its bytes are its value, and every read copies them.</summary>
internal sealed class InlineType<T> : StoredType
    where T : struct
{
    public override Type ClrType => typeof(T);

    public override int InlineSize => Unsafe.SizeOf<T>();

    public override void Capture(
        DbDataReader reader, int ordinal, in Column column, Span<byte> inline, Span<object?> references, ResultMemory memory)
        => MemoryMarshal.Write(inline[column.Offset..], LiveReader<T>.Read(reader, ordinal));

    public override object Value(in Column column, ReadOnlySpan<byte> inline, ReadOnlySpan<object?> references)
        => MemoryMarshal.Read<T>(inline[column.Offset..]);
}
