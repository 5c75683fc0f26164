using System.Data.Common;
using EfSecondLevelCache.Results.Types;

namespace EfSecondLevelCache.Results;

/// <summary>Where each column's value stands in a row: made once per compiled query, from the types that EF Core reads.</summary>
/// <remarks>
/// A row is a fixed number of bytes, the null bits of its inline columns and then their values, and a fixed number of references.
/// So moving to the next row is one addition each, and a result of one row is two small arrays.
/// </remarks>
internal sealed class RowLayout
{
    // An array that takes 85,000 bytes or more goes to the large object heap: collected with generation 2 only, and not compacted.
    private const int MaxInlineChunk = 84_968;
    private const int MaxReferenceChunk = 10_621;

    private volatile ResultColumns? _lastSeen;

    private RowLayout(Column[] columns, int inlineStride, int referenceStride)
    {
        Columns = columns;
        InlineStride = inlineStride;
        ReferenceStride = referenceStride;
        RowsPerChunk = Math.Max(1, Math.Min(
            inlineStride == 0 ? int.MaxValue : MaxInlineChunk / inlineStride,
            referenceStride == 0 ? int.MaxValue : MaxReferenceChunk / referenceStride));
    }

    /// <summary>One for each column of the result, whether it is stored or not. Not to be written to.</summary>
    public Column[] Columns { get; }

    /// <summary>The bytes of a row.</summary>
    public int InlineStride { get; }

    /// <summary>The references of a row.</summary>
    public int ReferenceStride { get; }

    /// <summary>How many rows fill a chunk, whose two arrays stay below the large object threshold.</summary>
    public int RowsPerChunk { get; }

    /// <param name="columnTypes">
    /// The return type of the method by which EF Core reads the column; null for a column that nobody reads, which is not stored.
    /// </param>
    /// <param name="unsupported">The first type whose values are not known to be immutable, nor how to copy them.</param>
    /// <returns>Null where there is such a type.</returns>
    public static RowLayout? TryCreate(IReadOnlyList<Type?> columnTypes, out Type? unsupported)
    {
        StoredType?[] types = [.. columnTypes.Select(type => type is null ? null : StoredType.Find(Nullable.GetUnderlyingType(type) ?? type))];
        unsupported = columnTypes.Zip(types).FirstOrDefault(column => column.First is not null && column.Second is null).First;
        return unsupported is null ? Of(types) : null;
    }

    /// <param name="types">Null for a column that nobody reads, which is not stored.</param>
    public static RowLayout Of(IReadOnlyList<StoredType?> types)
    {
        var inlineColumns = types.Count(type => type?.InlineSize > 0);
        var columns = new Column[types.Count];
        var nullBit = 0;
        var inline = (inlineColumns + 7) / 8;
        var references = 0;
        for (var i = 0; i < columns.Length; i++)
        {
            if (types[i] is not { } stored)
                continue;

            if (stored.InlineSize > 0)
            {
                columns[i] = Column.Inline(stored, inline, nullBit++);
                inline += stored.InlineSize;
            }
            else
            {
                columns[i] = Column.Reference(stored, references++);
            }
        }

        return new(columns, inline, references);
    }

    /// <summary>The live reader's names and types: the same instance for all results that have the same.</summary>
    public ResultColumns ColumnsOf(DbDataReader reader) => _lastSeen = ResultColumns.Of(reader, _lastSeen);
}
