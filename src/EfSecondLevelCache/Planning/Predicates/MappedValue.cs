using EfSecondLevelCache.Values;
using Microsoft.EntityFrameworkCore.Metadata;
using Microsoft.EntityFrameworkCore.Storage;
using Npgsql.EntityFrameworkCore.PostgreSQL.Storage.Internal.Mapping;

namespace EfSecondLevelCache.Planning.Predicates;

/// <summary>How values of the model compare in the database, by how they are mapped.</summary>
internal static class MappedValue
{
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

    /// <summary>The family of a value of this mapping. A column's collation is not known from here.</summary>
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
        return FamilyOf(mapping) is { } family && ComparisonHash.TryHash(family, ProviderValueOf(mapping, modelValue), out hash);
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
}
