using System.Data.Common;

namespace EfSecondLevelCache.Results.Types;

/// <summary>A type whose values are kept as an object, in a form of their own where that is smaller or safer.</summary>
internal abstract class ReferenceType<T> : StoredType
{
    public override Type ClrType => typeof(T);

    public override int InlineSize => 0;

    /// <summary>What is kept of a value that nobody else has. Adds what it takes to <paramref name="memory"/>.</summary>
    public abstract object Store(T value, ResultMemory memory);

    /// <summary>The value for one reader: the same for all if it is immutable, else the reader's own.</summary>
    public abstract T Load(object stored);

    public override void Capture(
        DbDataReader reader, int ordinal, in Column column, Span<byte> inline, Span<object?> references, ResultMemory memory)
    {
        memory.Column = column.Offset;
        references[column.Offset] = Store(LiveReader<T>.Read(reader, ordinal), memory);
    }

    public override object Value(in Column column, ReadOnlySpan<byte> inline, ReadOnlySpan<object?> references)
        => Load(references[column.Offset]!)!;
}
