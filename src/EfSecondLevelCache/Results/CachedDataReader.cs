using System.Collections;
using System.Data;
using System.Data.Common;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using EfSecondLevelCache.Results.Types;

namespace EfSecondLevelCache.Results;

/// <summary>Serves a result as Npgsql served it. One reader can serve any number of results, one after the other.</summary>
internal sealed class CachedDataReader : DbDataReader
{
    private CachedResult? _result;
    private State _state = State.Closed;
    private int _nextChunk;
    private int _rowsLeftInChunk;
    private bool _objectsAsStored;

    // The current row. The columns are there only while there is one, so that one check of the ordinal also sees that there is a row.
    private Column[] _columns = [];
    private byte[] _inline = [];
    private nint _inlineRow;
    private object?[] _references = [];
    private nint _referenceRow;

    private enum State
    {
        BeforeFirstRow,
        OnRow,
        AfterLastRow,
        AfterLastResult,
        Closed,
        Disposed,
    }

    public override int Depth => 0;

    public override int FieldCount => OpenResult is { } result ? result.Columns.Count : 0;

    public override bool HasRows => OpenResult is { Rows: > 0 };

    public override bool IsClosed => _state is State.Closed or State.Disposed;

    public override int RecordsAffected => -1;

    /// <summary>Null after the last result, as there is only one.</summary>
    private CachedResult? OpenResult
    {
        get
        {
            ThrowIfClosed();
            return _state == State.AfterLastResult ? null : _result;
        }
    }

    public override object this[int ordinal] => GetValue(ordinal);

    public override object this[string name] => GetValue(GetOrdinal(name));

    /// <summary>Starts to serve a result from its beginning, whatever was served before.</summary>
    /// <param name="result">What to serve.</param>
    /// <param name="objectsAsStored">
    /// A value that is asked for as an object is of the type that is stored, as EF Core's buffering reader has it, and not of Npgsql's default
    /// type for the column: a query that EF Core would buffer reads most of its columns so.
    /// </param>
    public void Reset(CachedResult result, bool objectsAsStored = false)
    {
        _objectsAsStored = objectsAsStored;
        LeaveRow(State.BeforeFirstRow);
        _result = result;
        _nextChunk = 0;
        _rowsLeftInChunk = 0;
    }

    public override bool Read()
    {
        if (_rowsLeftInChunk == 0)
            return ReadNextChunk();

        _rowsLeftInChunk--;
        _inlineRow += _result!.Layout.InlineStride;
        _referenceRow += _result.Layout.ReferenceStride;
        return true;
    }

    public override bool NextResult()
    {
        ThrowIfClosed();
        LeaveRow(State.AfterLastResult);
        return false;
    }

    public override void Close()
    {
        if (!IsClosed)
            Leave(State.Closed);
    }

    public override bool GetBoolean(int ordinal) => Inline<bool>(ordinal);

    public override byte GetByte(int ordinal) => Inline<byte>(ordinal);

    public override char GetChar(int ordinal) => Inline<char>(ordinal);

    public override DateTime GetDateTime(int ordinal) => Inline<DateTime>(ordinal);

    public override decimal GetDecimal(int ordinal) => Inline<decimal>(ordinal);

    public override double GetDouble(int ordinal) => Inline<double>(ordinal);

    public override float GetFloat(int ordinal) => Inline<float>(ordinal);

    public override Guid GetGuid(int ordinal) => Inline<Guid>(ordinal);

    public override short GetInt16(int ordinal) => Inline<short>(ordinal);

    public override int GetInt32(int ordinal) => Inline<int>(ordinal);

    public override long GetInt64(int ordinal) => Inline<long>(ordinal);

    public override string GetString(int ordinal)
    {
        var columns = _columns;
        if ((uint)ordinal < (uint)columns.Length)
        {
            ref readonly var column = ref columns[ordinal];
            if (column.ClrType == typeof(string) && Reference(in column) is { } value)
                return Unsafe.As<string>(value);
        }

        return Converted<string>(ordinal);
    }

    public override T GetFieldValue<T>(int ordinal)
        => RuntimeHelpers.IsReferenceOrContainsReferences<T>() ? Loaded<T>(ordinal) : Inline<T>(ordinal);

    public override bool IsDBNull(int ordinal)
    {
        var columns = _columns;
        if ((uint)ordinal < (uint)columns.Length)
        {
            ref readonly var column = ref columns[ordinal];
            if (column.IsInline)
                return IsNull(ref Row, in column);
            if (column.ClrType is not null)
                return Reference(in column) is null;
        }

        ThrowNoValue(ordinal);
        return false;
    }

    public override object GetValue(int ordinal) => Converted<object>(ordinal);

    public override int GetValues(object[] values)
    {
        ThrowIfNotOnRow();
        ArgumentNullException.ThrowIfNull(values);
        var count = Math.Min(_columns.Length, values.Length);
        for (var i = 0; i < count; i++)
            values[i] = GetValue(i);
        return count;
    }

    public override Stream GetStream(int ordinal) => Converted<Stream>(ordinal);

    public override TextReader GetTextReader(int ordinal) => Converted<TextReader>(ordinal);

    public override long GetBytes(int ordinal, long dataOffset, byte[]? buffer, int bufferOffset, int length)
        => CopyPart(Converted<byte[]>(ordinal), dataOffset, buffer, bufferOffset, length);

    public override long GetChars(int ordinal, long dataOffset, char[]? buffer, int bufferOffset, int length)
        => CopyPart(Converted<char[]>(ordinal), dataOffset, buffer, bufferOffset, length);

    public override string GetName(int ordinal) => Described(ordinal).Name(ordinal);

    public override string GetDataTypeName(int ordinal) => Described(ordinal).DataTypeName(ordinal);

    public override Type GetFieldType(int ordinal)
        => Described(ordinal).FieldType(ordinal)
            ?? throw new InvalidCastException($"Npgsql has no type for column '{GetName(ordinal)}' of type '{GetDataTypeName(ordinal)}'.");

    public override int GetOrdinal(string name)
    {
        ThrowIfClosed();
        ArgumentException.ThrowIfNullOrEmpty(name);
        var ordinal = (OpenResult ?? throw NoResult()).Columns.Find(name);
        return ordinal >= 0 ? ordinal : throw new IndexOutOfRangeException($"The result has no column '{name}'.");
    }

    public override DataTable? GetSchemaTable() => OpenResult?.Columns.ToSchemaTable();

    public override IEnumerator GetEnumerator() => new DbEnumerator(this);

    protected override void Dispose(bool disposing)
    {
        Leave(State.Disposed);
        base.Dispose(disposing);
    }

    private ref byte Row => ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(_inline), _inlineRow);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private object? Reference(in Column column)
        => Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(_references), _referenceRow + column.Offset);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsNull(ref byte row, in Column column) => (Unsafe.Add(ref row, column.NullByte) & column.NullMask) != 0;

    // The hottest code there is. Where the column's type is T, the layout put a T at this offset of the row: nothing else is to be checked.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private T Inline<T>(int ordinal)
    {
        var columns = _columns;
        if ((uint)ordinal < (uint)columns.Length)
        {
            ref readonly var column = ref columns[ordinal];
            ref var row = ref Row;
            if (column.ClrType == typeof(T) && !IsNull(ref row, in column))
                return Unsafe.ReadUnaligned<T>(ref Unsafe.Add(ref row, column.Offset));
        }

        return Converted<T>(ordinal);
    }

    private T Loaded<T>(int ordinal)
    {
        var columns = _columns;
        if ((uint)ordinal < (uint)columns.Length)
        {
            ref readonly var column = ref columns[ordinal];
            if (column.ClrType == typeof(T) && Reference(in column) is { } stored)
                return Unsafe.As<ReferenceType<T>>(column.Type!).Load(stored);
        }

        return Converted<T>(ordinal);
    }

    /// <summary>The value as another type than the stored one, null for who can take it, or the exception that Npgsql throws.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private T Converted<T>(int ordinal)
    {
        if (IsDBNull(ordinal))
        {
            return typeof(T) == typeof(object) ? (T)(object)DBNull.Value
                : Nullable.GetUnderlyingType(typeof(T)) is not null ? default!
                : throw new InvalidCastException($"Column '{GetName(ordinal)}' is null.");
        }

        ref readonly var column = ref _columns[ordinal];
        var layout = _result!.Layout;
        var value = column.Type!.Value(
            in column,
            _inline.AsSpan((int)_inlineRow, layout.InlineStride),
            _references.AsSpan((int)_referenceRow, layout.ReferenceStride));

        if (typeof(T) == typeof(object))
            return (T)(_objectsAsStored ? value : ValueConversion.TryConvert(value, _result.Columns.FieldType(ordinal) ?? column.ClrType!) ?? value);

        return ValueConversion.TryConvert(value, Nullable.GetUnderlyingType(typeof(T)) ?? typeof(T)) is T converted
            ? converted
            : throw new InvalidCastException(
                $"Column '{GetName(ordinal)}' of type '{GetDataTypeName(ordinal)}' was cached as {column.ClrType} "
                + $"and can't be read as {typeof(T)}.");
    }

    private bool ReadNextChunk()
    {
        ThrowIfClosed();
        if (_state is State.AfterLastRow or State.AfterLastResult || !_result!.TryGetChunk(_nextChunk, out var chunk, out var rows))
        {
            if (_state != State.AfterLastResult)
                LeaveRow(State.AfterLastRow);
            return false;
        }

        _nextChunk++;
        _rowsLeftInChunk = rows - 1;
        _columns = _result.Layout.Columns;
        _inline = chunk.Inline;
        _inlineRow = 0;
        _references = chunk.References;
        _referenceRow = 0;
        _state = State.OnRow;
        return true;
    }

    private void LeaveRow(State state)
    {
        _state = state;
        _rowsLeftInChunk = 0;
        _columns = [];
    }

    // Nothing of the result is kept alive by a reader that waits for its next use.
    private void Leave(State state)
    {
        LeaveRow(state);
        _result = null;
        _inline = [];
        _references = [];
    }

    private ResultColumns Described(int ordinal)
    {
        var columns = (OpenResult ?? throw NoResult()).Columns;
        return (uint)ordinal < (uint)columns.Count ? columns : throw OrdinalOutOfRange(ordinal, columns.Count);
    }

    private static int CopyPart<T>(T[] value, long dataOffset, T[]? buffer, int bufferOffset, int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(dataOffset);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(dataOffset, int.MaxValue);
        if (buffer is null)
            return value.Length;

        if (bufferOffset < 0 || bufferOffset > buffer.Length || length < 0 || length > buffer.Length - bufferOffset)
            throw new IndexOutOfRangeException($"The buffer of {buffer.Length} has no {length} places from {bufferOffset} on.");

        var part = value.AsSpan((int)Math.Min(dataOffset, value.Length));
        part = part[..Math.Min(length, part.Length)];
        part.CopyTo(buffer.AsSpan(bufferOffset));
        return part.Length;
    }

    [DoesNotReturn]
    private void ThrowNoValue(int ordinal)
    {
        ThrowIfNotOnRow();
        throw (uint)ordinal >= (uint)_columns.Length
            ? OrdinalOutOfRange(ordinal, _columns.Length)
            : new InvalidOperationException($"Column '{GetName(ordinal)}' is not read by the query, so it is not in the cached result.");
    }

    private void ThrowIfNotOnRow()
    {
        ThrowIfClosed();
        if (_state != State.OnRow)
            throw NoResult();
    }

    private void ThrowIfClosed()
    {
        ObjectDisposedException.ThrowIf(_state == State.Disposed, this);
        if (_state == State.Closed)
            throw new InvalidOperationException("The reader is closed.");
    }

    private static InvalidOperationException NoResult()
        => new("The reader is not on a row: call Read first, and as long as it returns true.");

    private static IndexOutOfRangeException OrdinalOutOfRange(int ordinal, int count)
        => new($"Column {ordinal} is out of range: the result has {count} columns, the first of which is 0.");
}
