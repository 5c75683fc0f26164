using System.Collections;
using System.Collections.Concurrent;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Text.Json;
using EfSecondLevelCache.Results.Types;
using NpgsqlTypes;
using Kind = EfSecondLevelCache.Keys.ParameterKind;

namespace EfSecondLevelCache.Keys;

/// <summary>
/// Writes parameter values into keys: equal bytes mean equal values of the same type, whatever the culture. (Equal values may have
/// different bytes, as 1.0 and 1.00 do: that costs a miss, never a wrong row.) A type without an exact form is refused, not guessed.
/// Every form starts with its kind, and what varies in length says its length, so that no two sequences of values look the same.
/// </summary>
internal static class ParameterEncoder
{
    private static readonly ConcurrentDictionary<Type, int> TypeNumbers = new();

    private static int _lastTypeNumber;

    /// <summary>False where the value's type has no exact form; what was written by then is of no use.</summary>
    public static bool TryWrite(ref KeyWriter writer, object? value) => TryWrite(ref writer, value, TypeCopies.None);

    /// <summary>Writes a value where somebody says how values of more types are copied.</summary>
    public static bool TryWrite(ref KeyWriter writer, object? value, TypeCopies copies)
    {
        switch (value)
        {
            case null or DBNull: writer.WriteByte((byte)Kind.Null); return true;
            case int v: return Raw(ref writer, Kind.Int32, v);
            case string v:
                writer.WriteByte((byte)Kind.String);
                writer.WriteString(v);
                return true;
            case long v: return Raw(ref writer, Kind.Int64, v);
            case Guid v: return Raw(ref writer, Kind.Guid, v);
            case bool v: return Raw(ref writer, Kind.Boolean, v);
            case decimal v: return Raw(ref writer, Kind.Decimal, v);
            // ToBinary of a local time depends on the time zone; ticks and kind do not.
            case DateTime v:
                writer.WriteByte((byte)Kind.DateTime);
                writer.Write(v.Ticks);
                writer.WriteByte((byte)v.Kind);
                return true;
            case DateTimeOffset v:
                writer.WriteByte((byte)Kind.DateTimeOffset);
                writer.Write(v.Ticks);
                writer.Write(v.Offset.Ticks);
                return true;
            case DateOnly v: return Raw(ref writer, Kind.DateOnly, v.DayNumber);
            case TimeOnly v: return Raw(ref writer, Kind.TimeOnly, v.Ticks);
            case TimeSpan v: return Raw(ref writer, Kind.TimeSpan, v.Ticks);
            case short v: return Raw(ref writer, Kind.Int16, v);
            case byte v: return Raw(ref writer, Kind.Byte, v);
            case sbyte v: return Raw(ref writer, Kind.SByte, v);
            case ushort v: return Raw(ref writer, Kind.UInt16, v);
            case uint v: return Raw(ref writer, Kind.UInt32, v);
            case ulong v: return Raw(ref writer, Kind.UInt64, v);
            case char v: return Raw(ref writer, Kind.Char, v);
            // By bits: -0.0 and 0.0 are different values to PostgreSQL's text functions.
            case float v: return Raw(ref writer, Kind.Single, BitConverter.SingleToUInt32Bits(v));
            case double v: return Raw(ref writer, Kind.Double, BitConverter.DoubleToUInt64Bits(v));
            // The runtime takes an sbyte[] for a byte[] too.
            case byte[] v when v.GetType() == typeof(byte[]): return Bytes(ref writer, Kind.Bytes, v);
            case Enum v:
                writer.WriteByte((byte)Kind.Enum);
                writer.Write(NumberOf(v.GetType()));
                return TryWrite(ref writer, Convert.ChangeType(v, Enum.GetUnderlyingType(v.GetType()), null));
            case BigInteger v: return Bytes(ref writer, Kind.BigInteger, v.ToByteArray());
            case IPAddress v: return Bytes(ref writer, Kind.IPAddress, v.GetAddressBytes()) && TryWrite(ref writer, ScopeOf(v));
            case PhysicalAddress v: return Bytes(ref writer, Kind.PhysicalAddress, v.GetAddressBytes());
            case JsonDocument v: return Json(ref writer, v.RootElement);
            case JsonElement v: return Json(ref writer, v);
            case NpgsqlInet v:
                writer.WriteByte((byte)Kind.Network);
                writer.WriteByte(v.Netmask);
                return TryWrite(ref writer, v.Address);
            case IPNetwork v:
                writer.WriteByte((byte)Kind.Network);
                writer.Write(v.PrefixLength);
                return TryWrite(ref writer, v.BaseAddress);
            case BitArray v:
                writer.WriteByte((byte)Kind.BitArray);
                return Items(ref writer, v, v.Length, copies);
            case IReadOnlyDictionary<string, string?> v:
                writer.WriteByte((byte)Kind.StringMap);
                writer.Write(v.Count);
                foreach (var (key, item) in v.OrderBy(pair => pair.Key, StringComparer.Ordinal))
                {
                    writer.WriteString(key);
                    TryWrite(ref writer, item);
                }

                return true;
            // Not by its text: "a & b & c" is two trees.
            case NpgsqlTsQuery v:
                writer.WriteByte((byte)Kind.TextQuery);
                return TextQuery(ref writer, v);
            case NpgsqlTsVector v:
                writer.WriteByte((byte)Kind.TextVector);
                writer.WriteString(v.ToString());
                return true;
            case Array v:
                writer.WriteByte((byte)Kind.Array);
                writer.WriteByte((byte)v.Rank);
                for (var dimension = 0; dimension < v.Rank; dimension++)
                {
                    writer.Write(v.GetLowerBound(dimension));
                    writer.Write(v.GetLength(dimension));
                }

                writer.Write(NumberOf(v.GetType().GetElementType()!));
                return Items(ref writer, v, v.Length, copies);
            // A list is the caller's live object: its items are written now.
            case IList v:
                writer.WriteByte((byte)Kind.Sequence);
                writer.Write(NumberOf(v.GetType()));
                return Items(ref writer, v, v.Count, copies);
            default:
                return FieldEncoder.TryWrite(ref writer, value, copies);
        }
    }

    private static bool Raw<T>(ref KeyWriter writer, Kind kind, T value)
        where T : unmanaged
    {
        writer.WriteByte((byte)kind);
        writer.Write(value);
        return true;
    }

    private static bool Bytes(ref KeyWriter writer, Kind kind, ReadOnlySpan<byte> bytes)
    {
        writer.WriteByte((byte)kind);
        writer.WriteSized(bytes);
        return true;
    }

    private static bool Json(ref KeyWriter writer, JsonElement element)
    {
        writer.WriteByte((byte)Kind.Json);
        if (element.ValueKind is JsonValueKind.Undefined)
            return false;
        writer.WriteString(element.GetRawText());
        return true;
    }

    private static bool TextQuery(ref KeyWriter writer, NpgsqlTsQuery query)
    {
        writer.WriteByte((byte)query.Kind);
        switch (query)
        {
            case NpgsqlTsQueryLexeme lexeme:
                writer.WriteString(lexeme.Text);
                writer.Write(lexeme.Weights);
                writer.Write(lexeme.IsPrefixSearch);
                return true;
            case NpgsqlTsQueryNot not:
                return TryWrite(ref writer, not.Child);
            case NpgsqlTsQueryBinOp operation:
                writer.Write(operation is NpgsqlTsQueryFollowedBy follow ? follow.Distance : (short)0);
                return TryWrite(ref writer, operation.Left) && TryWrite(ref writer, operation.Right);
            default:
                return query is NpgsqlTsQueryEmpty;
        }
    }

    private static bool Items(ref KeyWriter writer, IEnumerable items, int count, TypeCopies copies)
    {
        writer.Write(count);
        switch (items)
        {
            // The usual kinds without boxing each item.
            case int[] numbers: return Packed<int>(ref writer, numbers);
            case long[] numbers: return Packed<long>(ref writer, numbers);
            case Guid[] ids: return Packed<Guid>(ref writer, ids);
            case List<int> numbers: return Packed<int>(ref writer, CollectionsMarshal.AsSpan(numbers));
            case List<long> numbers: return Packed<long>(ref writer, CollectionsMarshal.AsSpan(numbers));
            case List<Guid> ids: return Packed<Guid>(ref writer, CollectionsMarshal.AsSpan(ids));
        }

        var written = 0;
        foreach (var item in items)
        {
            if (!TryWrite(ref writer, item, copies))
                return false;
            written++;
        }

        // A list that another thread changed meanwhile has no exact form.
        return written == count;
    }

    private static bool Packed<T>(ref KeyWriter writer, ReadOnlySpan<T> items)
        where T : unmanaged
    {
        writer.WriteSized(MemoryMarshal.AsBytes(items));
        return true;
    }

    private static long ScopeOf(IPAddress address)
        => address.AddressFamily is AddressFamily.InterNetworkV6 ? address.ScopeId : 0;

    /// <summary>The number that stands for a type.</summary>
    public static int NumberOf(Type type) => TypeNumbers.GetOrAdd(type, static _ => Interlocked.Increment(ref _lastTypeNumber));
}
