using System.Data.Common;
using System.Runtime.InteropServices;

namespace EfSecondLevelCache.Results;

/// <summary>Takes rows from a live reader and makes a result of them.</summary>
internal sealed class ResultBuilder(RowLayout layout)
{
    private const int Growth = 4;

    private readonly ResultMemory _memory = new(layout.ReferenceStride);
    private readonly List<RowChunk> _full = [];
    private RowChunk _chunk = RowChunk.Empty;
    private int _chunkCapacity;
    private int _chunkRows;
    private ulong _columnsWithNull;

    public int Rows { get; private set; }

    /// <summary>What a result of the rows so far takes.</summary>
    public long Bytes => CachedResult.BytesOf(layout, Rows) + _memory.Bytes;

    /// <summary>Adds the row that the reader is at. Where that throws, the row is not there, and no other may be added.</summary>
    public void Add(DbDataReader reader)
    {
        if (_chunkRows == _chunkCapacity)
            Grow();

        var inline = _chunk.Inline.AsSpan(_chunkRows * layout.InlineStride, layout.InlineStride);
        var references = _chunk.References.AsSpan(_chunkRows * layout.ReferenceStride, layout.ReferenceStride);
        var columns = layout.Columns;
        for (var i = 0; i < columns.Length; i++)
        {
            ref readonly var column = ref columns[i];
            if (column.Type is not { } type)
                continue;

            // The values of a row are in Npgsql's buffer once Read has returned, so nothing is to be awaited here.
            if (!reader.IsDBNull(i))
            {
                type.Capture(reader, i, in column, inline, references, _memory);
                continue;
            }

            _columnsWithNull |= CachedResult.BitOf(i);
            if (column.IsInline)
                inline[column.NullByte] |= column.NullMask;
        }

        _chunkRows++;
        Rows++;
    }

    /// <summary>Undoes the last <see cref="Add"/>; no other row may be added.</summary>
    public void RemoveLast()
    {
        _chunkRows--;
        Rows--;
    }

    public CachedResult Build(ResultColumns columns)
    {
        Resize(_chunkRows);
        if (_full.Count == 0)
            return new(layout, columns, _chunkRows == 0 ? [] : [_chunk], Rows, _memory.Bytes) { ColumnsWithNull = _columnsWithNull };

        if (_chunkRows > 0)
            _full.Add(_chunk);
        return new(layout, columns, CollectionsMarshal.AsSpan(_full), Rows, _memory.Bytes) { ColumnsWithNull = _columnsWithNull };
    }

    private void Grow()
    {
        if (_chunkRows == layout.RowsPerChunk)
        {
            _full.Add(_chunk);
            _chunk = RowChunk.Empty;
            _chunkRows = 0;
            Resize(layout.RowsPerChunk);
        }
        else
        {
            // One row first: a look-up by key then has its arrays at once.
            Resize(_chunkCapacity == 0 ? 1 : (int)Math.Min(_chunkCapacity * (long)Growth, layout.RowsPerChunk));
        }
    }

    private void Resize(int rows)
    {
        var inline = _chunk.Inline;
        var references = _chunk.References;
        Array.Resize(ref inline, rows * layout.InlineStride);
        Array.Resize(ref references, rows * layout.ReferenceStride);
        _chunk = new(inline, references);
        _chunkCapacity = rows;
    }
}
