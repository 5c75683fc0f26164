using System.Collections;
using System.Data.Common;
using System.Runtime.CompilerServices;

namespace EfSecondLevelCache.Benchmarks.Queries.Floors;

/// <summary>Reads <see cref="PrebuiltRows"/>, over and over: the least that a reader can do.</summary>
internal sealed class PrebuiltRowsReader : DbDataReader
{
    private static readonly Task<bool> True = Task.FromResult(true);
    private static readonly Task<bool> False = Task.FromResult(false);

    private PrebuiltRows _rows = null!;
    private Array[] _columns = null!;
    private int _row;

    public PrebuiltRowsReader Over(PrebuiltRows rows)
    {
        _rows = rows;
        _columns = rows.Columns;
        _row = -1;
        return this;
    }

    public override bool Read() => ++_row < _rows.Count;

    public override Task<bool> ReadAsync(CancellationToken cancellationToken) => ++_row < _rows.Count ? True : False;

    public override bool NextResult() => false;

    public override Task<bool> NextResultAsync(CancellationToken cancellationToken) => False;

    public override T GetFieldValue<T>(int ordinal) => Unsafe.As<T[]>(_columns[ordinal])[_row];

    public override bool GetBoolean(int ordinal) => GetFieldValue<bool>(ordinal);

    public override byte GetByte(int ordinal) => GetFieldValue<byte>(ordinal);

    public override char GetChar(int ordinal) => GetFieldValue<char>(ordinal);

    public override DateTime GetDateTime(int ordinal) => GetFieldValue<DateTime>(ordinal);

    public override decimal GetDecimal(int ordinal) => GetFieldValue<decimal>(ordinal);

    public override double GetDouble(int ordinal) => GetFieldValue<double>(ordinal);

    public override float GetFloat(int ordinal) => GetFieldValue<float>(ordinal);

    public override Guid GetGuid(int ordinal) => GetFieldValue<Guid>(ordinal);

    public override short GetInt16(int ordinal) => GetFieldValue<short>(ordinal);

    public override int GetInt32(int ordinal) => GetFieldValue<int>(ordinal);

    public override long GetInt64(int ordinal) => GetFieldValue<long>(ordinal);

    public override string GetString(int ordinal) => GetFieldValue<string>(ordinal);

    public override bool IsDBNull(int ordinal) => false;

    public override object GetValue(int ordinal) => _columns[ordinal].GetValue(_row)!;

    public override int FieldCount => _columns.Length;

    public override string GetName(int ordinal) => _rows.Names[ordinal];

    public override Type GetFieldType(int ordinal) => _rows.Types[ordinal];

    public override string GetDataTypeName(int ordinal) => _rows.Types[ordinal].Name;

    public override int GetOrdinal(string name) => Array.IndexOf(_rows.Names, name);

    public override bool HasRows => _rows.Count > 0;

    public override bool IsClosed => false;

    public override int Depth => 0;

    public override int RecordsAffected => -1;

    public override void Close()
    {
    }

    public override Task CloseAsync() => Task.CompletedTask;

    public override ValueTask DisposeAsync() => default;

    public override object this[int ordinal] => GetValue(ordinal);

    public override object this[string name] => GetValue(GetOrdinal(name));

    public override int GetValues(object[] values) => throw new NotSupportedException();

    public override long GetBytes(int ordinal, long dataOffset, byte[]? buffer, int bufferOffset, int length)
        => throw new NotSupportedException();

    public override long GetChars(int ordinal, long dataOffset, char[]? buffer, int bufferOffset, int length)
        => throw new NotSupportedException();

    public override IEnumerator GetEnumerator() => throw new NotSupportedException();
}
