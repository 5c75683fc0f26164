using Microsoft.EntityFrameworkCore.Storage;

namespace EfSecondLevelCache.Results;

/// <summary>The rows of a query as they were read from the database. Immutable: any number of readers may read it at once.</summary>
internal sealed class CachedResult
{
    private const int ObjectBytes = 80;

    private readonly RowChunk _first;
    private readonly RowChunk[] _others;

    /// <param name="layout">Of every row.</param>
    /// <param name="columns">Names and types.</param>
    /// <param name="chunks">All of them full, but for the last.</param>
    /// <param name="rows">In all chunks.</param>
    /// <param name="valueBytes">What the references point to.</param>
    public CachedResult(RowLayout layout, ResultColumns columns, ReadOnlySpan<RowChunk> chunks, int rows, long valueBytes)
    {
        Layout = layout;
        Columns = columns;
        _first = chunks.IsEmpty ? RowChunk.Empty : chunks[0];
        _others = chunks.Length <= 1 ? [] : chunks[1..].ToArray();
        Rows = rows;
        Bytes = BytesOf(layout, rows) + valueBytes;
    }

    public RowLayout Layout { get; }

    /// <summary>The columns in which there may be a null, as <see cref="BitOf"/> has them.</summary>
    public ulong ColumnsWithNull { get; init; }

    public ResultColumns Columns { get; }

    public int Rows { get; }

    /// <summary>The memory that it takes, with everything that nobody else holds.</summary>
    public long Bytes { get; }

    /// <summary>The memory that so many rows take without the values that their references point to.</summary>
    public static long BytesOf(RowLayout layout, int rows)
    {
        var (fullChunks, rest) = Math.DivRem(rows, layout.RowsPerChunk);
        var chunks = fullChunks + (rest > 0 ? 1 : 0);
        return ObjectBytes
            + fullChunks * ChunkBytes(layout, layout.RowsPerChunk)
            + ChunkBytes(layout, rest)
            + (chunks > 1 ? ObjectSize.OfArray<RowChunk>(chunks - 1) : 0);
    }

    /// <summary>The bit of a column; the last one is that of all further columns.</summary>
    public static ulong BitOf(int ordinal) => 1UL << Math.Min(ordinal, 63);

    /// <summary>Whether there may be a null where EF Core expects none.</summary>
    /// <param name="columns">As EF Core reads them; those of raw SQL have names, and their place is that in the result.</param>
    public bool HasNullWhereRequired(IReadOnlyList<ReaderColumn?> columns)
    {
        if (ColumnsWithNull == 0)
            return false;
        for (var i = 0; i < columns.Count; i++)
        {
            if (columns[i] is { IsNullable: false } column
                && (ColumnsWithNull & BitOf(column.Name is null ? i : Math.Max(Columns.Find(column.Name), 0))) != 0)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>A chunk and its rows; false past the last.</summary>
    public bool TryGetChunk(int index, out RowChunk chunk, out int rows)
    {
        rows = index <= _others.Length ? Math.Min(Rows - index * Layout.RowsPerChunk, Layout.RowsPerChunk) : 0;
        chunk = rows == 0 ? RowChunk.Empty : index == 0 ? _first : _others[index - 1];
        return rows > 0;
    }

    private static long ChunkBytes(RowLayout layout, int rows)
        => ObjectSize.OfArray<byte>(rows * layout.InlineStride) + ObjectSize.OfArray<object>(rows * layout.ReferenceStride);
}
