using System.Collections;
using System.Data;
using System.Data.Common;

namespace EfSecondLevelCache.Results;

/// <summary>Serves rows that were already read, then the rest from the live reader they came from.</summary>
internal sealed class PrefixedDataReader : DbDataReader
{
    private readonly DbDataReader _live;
    private readonly bool _liveHasCurrentRow;
    private DbDataReader _current;

    private PrefixedDataReader(CachedResult prefix, DbDataReader live, bool liveHasCurrentRow)
    {
        var served = new CachedDataReader();
        served.Reset(prefix);
        _current = served;
        _live = live;
        _liveHasCurrentRow = liveHasCurrentRow;
    }

    public override int Depth => _current.Depth;

    public override int FieldCount => _current.FieldCount;

    public override bool HasRows => (IsInPrefix && _liveHasCurrentRow) || _current.HasRows;

    public override bool IsClosed => _live.IsClosed;

    public override int RecordsAffected => _live.RecordsAffected;

    public override int VisibleFieldCount => _current.VisibleFieldCount;

    private bool IsInPrefix => !ReferenceEquals(_current, _live);

    public override object this[int ordinal] => _current[ordinal];

    public override object this[string name] => _current[name];

    /// <summary>The live reader is at the first row that is not in the prefix.</summary>
    public static PrefixedDataReader ContinuingWithCurrentRow(CachedResult prefix, DbDataReader live) => new(prefix, live, true);

    /// <summary>The prefix is a whole result set, and the live reader is before the first row of the next one.</summary>
    public static PrefixedDataReader ContinuingWithNextResult(CachedResult prefix, DbDataReader live) => new(prefix, live, false);

    public override bool Read()
    {
        if (_current.Read())
            return true;

        if (!IsInPrefix || !_liveHasCurrentRow)
            return false;

        _current = _live;
        return true;
    }

    public override Task<bool> ReadAsync(CancellationToken cancellationToken)
        => IsInPrefix ? Task.FromResult(Read()) : _live.ReadAsync(cancellationToken);

    public override bool NextResult() => EntersNextResult() || _live.NextResult();

    public override Task<bool> NextResultAsync(CancellationToken cancellationToken)
        => EntersNextResult() ? Task.FromResult(true) : _live.NextResultAsync(cancellationToken);

    public override void Close()
    {
        _current.Close();
        _live.Close();
    }

    public override async Task CloseAsync()
    {
        await _current.CloseAsync().ConfigureAwait(false);
        await _live.CloseAsync().ConfigureAwait(false);
    }

    public override async ValueTask DisposeAsync()
    {
        await _current.DisposeAsync().ConfigureAwait(false);
        await _live.DisposeAsync().ConfigureAwait(false);
    }

    public override bool GetBoolean(int ordinal) => _current.GetBoolean(ordinal);

    public override byte GetByte(int ordinal) => _current.GetByte(ordinal);

    public override long GetBytes(int ordinal, long dataOffset, byte[]? buffer, int bufferOffset, int length)
        => _current.GetBytes(ordinal, dataOffset, buffer, bufferOffset, length);

    public override char GetChar(int ordinal) => _current.GetChar(ordinal);

    public override long GetChars(int ordinal, long dataOffset, char[]? buffer, int bufferOffset, int length)
        => _current.GetChars(ordinal, dataOffset, buffer, bufferOffset, length);

    public override string GetDataTypeName(int ordinal) => _current.GetDataTypeName(ordinal);

    public override DateTime GetDateTime(int ordinal) => _current.GetDateTime(ordinal);

    public override decimal GetDecimal(int ordinal) => _current.GetDecimal(ordinal);

    public override double GetDouble(int ordinal) => _current.GetDouble(ordinal);

    public override IEnumerator GetEnumerator() => new DbEnumerator(this);

    public override Type GetFieldType(int ordinal) => _current.GetFieldType(ordinal);

    public override T GetFieldValue<T>(int ordinal) => _current.GetFieldValue<T>(ordinal);

    public override Task<T> GetFieldValueAsync<T>(int ordinal, CancellationToken cancellationToken)
        => _current.GetFieldValueAsync<T>(ordinal, cancellationToken);

    public override float GetFloat(int ordinal) => _current.GetFloat(ordinal);

    public override Guid GetGuid(int ordinal) => _current.GetGuid(ordinal);

    public override short GetInt16(int ordinal) => _current.GetInt16(ordinal);

    public override int GetInt32(int ordinal) => _current.GetInt32(ordinal);

    public override long GetInt64(int ordinal) => _current.GetInt64(ordinal);

    public override string GetName(int ordinal) => _current.GetName(ordinal);

    public override int GetOrdinal(string name) => _current.GetOrdinal(name);

    public override DataTable? GetSchemaTable() => _current.GetSchemaTable();

    public override Stream GetStream(int ordinal) => _current.GetStream(ordinal);

    public override string GetString(int ordinal) => _current.GetString(ordinal);

    public override TextReader GetTextReader(int ordinal) => _current.GetTextReader(ordinal);

    public override object GetValue(int ordinal) => _current.GetValue(ordinal);

    public override int GetValues(object[] values) => _current.GetValues(values);

    public override bool IsDBNull(int ordinal) => _current.IsDBNull(ordinal);

    public override Task<bool> IsDBNullAsync(int ordinal, CancellationToken cancellationToken)
        => _current.IsDBNullAsync(ordinal, cancellationToken);

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _current.Dispose();
            _live.Dispose();
        }

        base.Dispose(disposing);
    }

    /// <summary>Leaves the prefix; true if the live reader is at the next result already.</summary>
    private bool EntersNextResult()
    {
        if (!IsInPrefix)
            return false;

        _current = _live;
        return !_liveHasCurrentRow;
    }
}
