using System.Collections;
using System.Data.Common;

namespace EfSecondLevelCache.Tests.Results;

/// <summary>
/// A live reader without a server. Like Npgsql's, it makes a new string at every read, and the value of a cell can be made anew or fail
/// to be read; unlike Npgsql's, its asynchronous methods never complete at once.
/// </summary>
internal sealed class FakeDataReader(params FakeResultSet[] resultSets) : DbDataReader
{
    private int _resultSet;
    private int _row = -1;

    public FakeDataReader(Type[] types, params object?[][] rows)
        : this(new FakeResultSet(types, rows))
    {
    }

    /// <summary>Whether methods of the one or the other kind were called.</summary>
    public bool ReadSynchronously { get; private set; }

    public bool ReadAsynchronously { get; private set; }

    /// <summary>What advancing to this row throws.</summary>
    public (int Row, Exception Exception)? Fault { get; init; }

    public bool IsDisposed { get; private set; }

    public override int Depth => 0;

    public override int FieldCount => Current?.Types.Length ?? 0;

    public override bool HasRows => Current is { Rows.Length: > 0 };

    public override bool IsClosed => IsDisposed;

    public override int RecordsAffected => -1;

    private FakeResultSet? Current => _resultSet < resultSets.Length ? resultSets[_resultSet] : null;

    public override object this[int ordinal] => GetValue(ordinal);

    public override object this[string name] => GetValue(GetOrdinal(name));

    public override bool Read()
    {
        ReadSynchronously = true;
        return Advance();
    }

    public override async Task<bool> ReadAsync(CancellationToken cancellationToken)
    {
        ReadAsynchronously = true;
        await Task.Yield();
        cancellationToken.ThrowIfCancellationRequested();
        return Advance();
    }

    public override bool NextResult()
    {
        ReadSynchronously = true;
        return AdvanceResult();
    }

    public override async Task<bool> NextResultAsync(CancellationToken cancellationToken)
    {
        ReadAsynchronously = true;
        await Task.Yield();
        return AdvanceResult();
    }

    public override bool IsDBNull(int ordinal) => Cell(ordinal) is null;

    public override T GetFieldValue<T>(int ordinal) => (T)GetValue(ordinal);

    public override object GetValue(int ordinal) => Cell(ordinal) switch
    {
        null => throw new InvalidCastException($"Column {ordinal} is null."),
        Exception exception => throw exception,
        Func<object> make => make(),
        string text => new string(text),
        var value => value,
    };

    public override int GetValues(object[] values) => throw new NotSupportedException();

    public override bool GetBoolean(int ordinal) => GetFieldValue<bool>(ordinal);

    public override byte GetByte(int ordinal) => GetFieldValue<byte>(ordinal);

    public override long GetBytes(int ordinal, long dataOffset, byte[]? buffer, int bufferOffset, int length)
        => throw new NotSupportedException();

    public override char GetChar(int ordinal) => GetFieldValue<char>(ordinal);

    public override long GetChars(int ordinal, long dataOffset, char[]? buffer, int bufferOffset, int length)
        => throw new NotSupportedException();

    public override DateTime GetDateTime(int ordinal) => GetFieldValue<DateTime>(ordinal);

    public override decimal GetDecimal(int ordinal) => GetFieldValue<decimal>(ordinal);

    public override double GetDouble(int ordinal) => GetFieldValue<double>(ordinal);

    public override float GetFloat(int ordinal) => GetFieldValue<float>(ordinal);

    public override Guid GetGuid(int ordinal) => GetFieldValue<Guid>(ordinal);

    public override short GetInt16(int ordinal) => GetFieldValue<short>(ordinal);

    public override int GetInt32(int ordinal) => GetFieldValue<int>(ordinal);

    public override long GetInt64(int ordinal) => GetFieldValue<long>(ordinal);

    public override string GetString(int ordinal) => GetFieldValue<string>(ordinal);

    public override string GetName(int ordinal) => Current!.Name(ordinal);

    public override string GetDataTypeName(int ordinal) => "type of " + Current!.Types[ordinal].Name;

    public override Type GetFieldType(int ordinal)
        => Current!.Types[ordinal] is var type && type != typeof(void) ? type : throw new InvalidCastException("This type is not mapped.");

    public override int GetOrdinal(string name) => Enumerable.Range(0, FieldCount).First(i => GetName(i) == name);

    public override IEnumerator GetEnumerator() => new DbEnumerator(this);

    protected override void Dispose(bool disposing) => IsDisposed = true;

    private bool Advance()
    {
        _row++;
        if (Fault is { } fault && fault.Row == _row)
            throw fault.Exception;
        return _row < (Current?.Rows.Length ?? 0);
    }

    private bool AdvanceResult()
    {
        _resultSet++;
        _row = -1;
        return Current is not null;
    }

    private object? Cell(int ordinal) => Current!.Rows[_row][ordinal];
}

internal sealed record FakeResultSet(Type[] Types, object?[][] Rows, string[]? Names = null)
{
    public string Name(int ordinal) => Names?[ordinal] ?? $"column{ordinal}";
}
