using System.Collections;
using System.Globalization;
using System.Net;
using System.Text.Json;
using NpgsqlTypes;

namespace EfSecondLevelCache.IntegrationTests.Fidelity;

/// <summary>Everything that can be told of a value, as text: its CLR type, kind, scale, bits and parts.</summary>
internal static class ExactValue
{
    public static string Of(object? value) => value switch
    {
        null or DBNull => "null",
        decimal number => $"{number.GetType()} {string.Join(",", decimal.GetBits(number))}",
        double number => $"{number.GetType()} {BitConverter.DoubleToInt64Bits(number):x}",
        float number => $"{number.GetType()} {BitConverter.SingleToInt32Bits(number):x}",
        DateTime time => $"{time.GetType()} {time.Ticks} {time.Kind}",
        DateTimeOffset time => $"{time.GetType()} {time.Ticks} {time.Offset}",
        string text => $"{text.GetType()} {text}",
        JsonDocument document => $"{document.GetType()} {document.RootElement.GetRawText()}",
        JsonElement { ValueKind: JsonValueKind.Undefined } => "undefined",
        JsonElement element => $"{element.GetType()} {element.GetRawText()}",
        BitArray bits => $"{bits.GetType()} {string.Concat(bits.Cast<bool>().Select(bit => bit ? '1' : '0'))}",
        IPAddress or NpgsqlTsQuery => $"{value.GetType()} {value}",
        NpgsqlPath path => $"{path.GetType()} {path.Open} {Parts(path)}",
        NpgsqlCube cube => $"{cube.GetType()} {cube.IsPoint} {Parts(cube.LowerLeft ?? [])} {Parts(cube.UpperRight ?? [])}",
        Array { Rank: > 1 } array
            => $"{array.GetType()} {string.Join("x", Enumerable.Range(0, array.Rank).Select(array.GetLength))} {Parts(array)}",
        _ when IsRange(value.GetType())
            => $"{value.GetType()} {Parts(value.GetType().GetProperties().Select(part => part.GetValue(value)))}",
        IEnumerable parts => $"{parts.GetType()} {Parts(parts)}",
        IFormattable formattable => $"{value.GetType()} {formattable.ToString(null, CultureInfo.InvariantCulture)}",
        _ => $"{value.GetType()} {value}",
    };

    private static bool IsRange(Type type) => type.IsGenericType && type.GetGenericTypeDefinition() == typeof(NpgsqlRange<>);

    private static string Parts(IEnumerable values)
    {
        var parts = values.Cast<object?>().Select(Of);
        return $"[{string.Join("; ", values is IDictionary ? parts.Order() : parts)}]";
    }
}
