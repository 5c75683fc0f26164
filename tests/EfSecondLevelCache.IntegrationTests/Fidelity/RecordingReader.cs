using System.Collections;
using System.Data.Common;

namespace EfSecondLevelCache.IntegrationTests.Fidelity;

/// <summary>Passes everything through to a live reader, and notes as which type each column is read.</summary>
internal sealed class RecordingReader(DbDataReader live, Type?[] types) : DbDataReader
{
    public override int Depth => live.Depth;

    public override int FieldCount => live.FieldCount;

    public override bool HasRows => live.HasRows;

    public override bool IsClosed => live.IsClosed;

    public override int RecordsAffected => live.RecordsAffected;

    public override object this[int ordinal] => throw Unexpected();

    public override object this[string name] => throw Unexpected();

    public override bool Read() => live.Read();

    public override Task<bool> ReadAsync(CancellationToken cancellationToken) => live.ReadAsync(cancellationToken);

    public override bool NextResult() => live.NextResult();

    public override void Close() => live.Close();

    public override bool IsDBNull(int ordinal) => live.IsDBNull(ordinal);

    public override T GetFieldValue<T>(int ordinal)
    {
        types[ordinal] = typeof(T);
        return live.GetFieldValue<T>(ordinal);
    }

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

    public override string GetName(int ordinal) => live.GetName(ordinal);

    public override string GetDataTypeName(int ordinal) => live.GetDataTypeName(ordinal);

    public override Type GetFieldType(int ordinal) => live.GetFieldType(ordinal);

    public override int GetOrdinal(string name) => live.GetOrdinal(name);

    public override long GetBytes(int ordinal, long dataOffset, byte[]? buffer, int bufferOffset, int length) => throw Unexpected();

    public override long GetChars(int ordinal, long dataOffset, char[]? buffer, int bufferOffset, int length) => throw Unexpected();

    public override object GetValue(int ordinal) => throw Unexpected();

    public override int GetValues(object[] values) => throw Unexpected();

    public override IEnumerator GetEnumerator() => throw Unexpected();

    protected override void Dispose(bool disposing) => live.Dispose();

    private static InvalidOperationException Unexpected() => new("EF Core reads values in another way than it is known to.");
}
