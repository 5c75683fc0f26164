namespace EfSecondLevelCache.Querying.Results;

/// <summary>The rows of a query as they were read from the database. Immutable: any number of readers may read it at once.</summary>
internal sealed class CachedResult
{
    private const int ObjectBytes = 72;

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
