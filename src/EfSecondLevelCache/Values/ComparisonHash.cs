using System.Runtime.InteropServices;
using EfSecondLevelCache.Planning;
using Microsoft.EntityFrameworkCore.Metadata;
using Microsoft.EntityFrameworkCore.Storage;
using Npgsql.EntityFrameworkCore.PostgreSQL.Storage.Internal.Mapping;

namespace EfSecondLevelCache.Values;

/// <summary>
/// Hashes values such that what is equal in SQL has equal hashes, whichever CLR type stands for it, and whether it is about to be written
/// or was read. Different values may share a hash: that removes too much, never too little.
/// </summary>
internal static class ComparisonHash
{
    private const long PostgresEpochTicks = 630_822_816_000_000_000;

    /// <summary>Of a null of any type.</summary>
    private static readonly ulong Null = StableHash.Of([], ulong.MaxValue);

    /// <summary>Null where equality can't be told from the values.</summary>
    public static ComparisonFamily? FamilyOf(IColumnBase column)
    {
        ComparisonFamily? family = null;
        foreach (var mapping in column.PropertyMappings)
        {
            if (FamilyOf(mapping.TypeMapping) is not { } found || (family ?? found) != found)
                return null;
            family = found;
        }

        return family;
    }

    /// <summary>Of a value of this mapping. A column's collation is not known from here.</summary>
    public static ComparisonFamily? FamilyOf(RelationalTypeMapping mapping)
    {
        if (mapping is NpgsqlEnumTypeMapping)
            return ComparisonFamily.Enum;
        var type = mapping.Converter?.ProviderClrType ?? mapping.ClrType;
        return FamilyOf(mapping.StoreType) is { } family && IsHashed(family, Nullable.GetUnderlyingType(type) ?? type) ? family : null;
    }

    /// <summary>What the database is given for a value of the model; an enum's label for an enum.</summary>
    public static object? ProviderValueOf(RelationalTypeMapping mapping, object? modelValue)
        => LabelOf(mapping, PlannedParameter.Of("", mapping).ValueFor(modelValue));

    /// <summary>The label of an enum's value where the mapping has labels, else the value.</summary>
    public static object? LabelOf(RelationalTypeMapping? mapping, object? providerValue)
        => providerValue is not null
            && mapping is NpgsqlEnumTypeMapping { Labels: var labels }
            && labels.TryGetValue(providerValue, out var label)
                ? label
                : providerValue;

    /// <summary>False where the mapping's values have no family, or the value is not of it: it may equal any value.</summary>
    public static bool TryHash(RelationalTypeMapping mapping, object? modelValue, out ulong hash)
    {
        hash = 0;
        return FamilyOf(mapping) is { } family && TryHash(family, ProviderValueOf(mapping, modelValue), out hash);
    }

    /// <summary>False where the value is not of the family: it may equal any value.</summary>
    /// <param name="family">Of the column.</param>
    /// <param name="providerValue">As the database is given it; for an enum its label.</param>
    /// <param name="hash">Equal for values that are equal in SQL.</param>
    public static bool TryHash(ComparisonFamily family, object? providerValue, out ulong hash)
    {
        hash = Null;
        if (providerValue is null or DBNull)
            return true;
        switch (family, providerValue)
        {
            case (ComparisonFamily.Integer, long number): return Hash(family, number, out hash);
            case (ComparisonFamily.Integer, int number): return Hash(family, number, out hash);
            case (ComparisonFamily.Integer, short number): return Hash(family, number, out hash);
            case (ComparisonFamily.Integer, byte number): return Hash(family, number, out hash);
            case (ComparisonFamily.Integer, sbyte number): return Hash(family, number, out hash);
            case (ComparisonFamily.Boolean, bool value): return Hash(family, value ? 1 : 0, out hash);
            case (ComparisonFamily.Date, DateOnly date): return Hash(family, date.DayNumber, out hash);
            // Npgsql writes the day and drops the time.
            case (ComparisonFamily.Date, DateTime date): return Hash(family, DateOnly.FromDateTime(date).DayNumber, out hash);
            case (ComparisonFamily.Timestamp, DateTime { Kind: not DateTimeKind.Utc } time): return HashTime(family, time.Ticks, out hash);
            case (ComparisonFamily.TimestampTz, DateTime { Kind: DateTimeKind.Utc } time): return HashTime(family, time.Ticks, out hash);
            case (ComparisonFamily.TimestampTz, DateTimeOffset time): return HashTime(family, time.UtcTicks, out hash);
            case (ComparisonFamily.Uuid, Guid id):
                hash = StableHash.Of(MemoryMarshal.AsBytes(new ReadOnlySpan<Guid>(in id)), (ulong)family);
                return true;
            case (ComparisonFamily.Bytes, byte[] bytes):
                hash = StableHash.Of(bytes, (ulong)family);
                return true;
            // varchar(n) takes a text that is too long without its trailing blanks, and says nothing.
            case (ComparisonFamily.Text, string text):
                hash = StableHash.Of(MemoryMarshal.AsBytes(text.AsSpan().TrimEnd(' ')), (ulong)family);
                return true;
            case (ComparisonFamily.Enum, string label):
                hash = StableHash.Of(MemoryMarshal.AsBytes(label.AsSpan()), (ulong)family);
                return true;
            default:
                return false;
        }
    }

    /// <summary>A precision is not among them: the database would round what is written.</summary>
    private static ComparisonFamily? FamilyOf(string storeType) => storeType.ToLowerInvariant() switch
    {
        "smallint" or "integer" or "bigint" or "int" or "int2" or "int4" or "int8" => ComparisonFamily.Integer,
        "boolean" or "bool" => ComparisonFamily.Boolean,
        "uuid" => ComparisonFamily.Uuid,
        "date" => ComparisonFamily.Date,
        "timestamp without time zone" or "timestamp" => ComparisonFamily.Timestamp,
        "timestamp with time zone" or "timestamptz" => ComparisonFamily.TimestampTz,
        "bytea" => ComparisonFamily.Bytes,
        "text" or "character varying" or "varchar" => ComparisonFamily.Text,
        // Not an array of them, which ends otherwise.
        var sized when sized.EndsWith(')') && sized.Split('(')[0] is "character varying" or "varchar" => ComparisonFamily.Text,
        _ => null,
    };

    private static bool IsHashed(ComparisonFamily family, Type type) => family switch
    {
        ComparisonFamily.Integer
            => type == typeof(int) || type == typeof(long) || type == typeof(short) || type == typeof(byte) || type == typeof(sbyte),
        ComparisonFamily.Boolean => type == typeof(bool),
        ComparisonFamily.Uuid => type == typeof(Guid),
        ComparisonFamily.Date => type == typeof(DateOnly) || type == typeof(DateTime),
        ComparisonFamily.Timestamp => type == typeof(DateTime),
        ComparisonFamily.TimestampTz => type == typeof(DateTime) || type == typeof(DateTimeOffset),
        ComparisonFamily.Bytes => type == typeof(byte[]),
        ComparisonFamily.Text => type == typeof(string),
        _ => false,
    };

    private static bool Hash(ComparisonFamily family, long value, out ulong hash)
    {
        hash = StableHash.Of(MemoryMarshal.AsBytes(new ReadOnlySpan<long>(in value)), (ulong)family);
        return true;
    }

    /// <summary>Without what PostgreSQL does not keep; Npgsql drops it towards the year 2000.</summary>
    private static bool HashTime(ComparisonFamily family, long ticks, out ulong hash)
        => Hash(family, (ticks - PostgresEpochTicks) / TimeSpan.TicksPerMicrosecond, out hash);
}
