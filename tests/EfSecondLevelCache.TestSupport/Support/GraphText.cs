using System.Collections;
using System.Globalization;
using System.Net;
using System.Net.NetworkInformation;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.ChangeTracking;
using Microsoft.EntityFrameworkCore.Infrastructure;

namespace EfSecondLevelCache.IntegrationTests.Support;

/// <summary>
/// A graph of objects as text, so that two are the same exactly when their texts are: types, values to the last digit, the order of
/// rows, and which references point to the same object.
/// </summary>
internal sealed class GraphText
{
    private readonly StringBuilder _text = new();
    private readonly Dictionary<object, int> _seen = new(ReferenceEqualityComparer.Instance);

    public static string Of(object? value)
    {
        var graph = new GraphText();
        graph.Append(value, "");
        return graph._text.ToString();
    }

    /// <summary>What a context tracks, shadow properties and original values included.</summary>
    public static string OfTracked(DbContext context)
        => string.Join('\n', context.ChangeTracker.Entries().Select(Describe).Order(StringComparer.Ordinal));

    private static string Describe(EntityEntry entry)
        => $"{entry.Metadata.DisplayName()} {entry.State} "
            + string.Join(' ', entry.Properties.Select(p => $"{p.Metadata.Name}={Of(p.CurrentValue)}/{Of(p.OriginalValue)}"))
            + string.Concat(entry.Navigations.Where(n => n.IsLoaded).Select(n => $" +{n.Metadata.Name}"));

    private void Append(object? value, string indent)
    {
        if (Scalar(value) is { } scalar)
        {
            _text.Append(scalar).Append('\n');
            return;
        }

        var type = value!.GetType();
        if (!type.IsValueType && !_seen.TryAdd(value, _seen.Count))
        {
            _text.Append(CultureInfo.InvariantCulture, $"#{_seen[value]}\n");
            return;
        }

        _text.Append(TypeName(type)).Append(type.IsValueType ? "" : $" #{_seen[value]}").Append('\n');
        indent += "  ";
        switch (value)
        {
            case IDictionary dictionary:
                foreach (DictionaryEntry item in dictionary)
                    AppendMember($"[{Scalar(item.Key)}]", item.Value, indent);
                break;
            case IEnumerable items:
                foreach (var item in items)
                    AppendMember("-", item, indent);
                break;
            default:
                foreach (var (name, content) in Members(value, type))
                    AppendMember(name, content, indent);
                break;
        }
    }

    private void AppendMember(string name, object? value, string indent)
    {
        _text.Append(indent).Append(name).Append(' ');
        Append(value, indent);
    }

    // The kind stands before the value where the same text could mean another value.
    private static string? Scalar(object? value) => value switch
    {
        null => "null",
        string s => JsonSerializer.Serialize(s),
        bool or Guid or Enum or IPAddress or PhysicalAddress or IPNetwork => $"{TypeName(value.GetType())} {value}",
        char c => $"char {(int)c}",
        DateTime d => $"DateTime {d:O} {d.Kind}",
        DateTimeOffset or DateOnly or TimeOnly => string.Create(CultureInfo.InvariantCulture, $"{value.GetType().Name} {value:O}"),
        TimeSpan t => $"TimeSpan {t:c}",
        double d => $"double {BitConverter.DoubleToInt64Bits(d):X} {d.ToString("R", CultureInfo.InvariantCulture)}",
        float f => $"float {BitConverter.SingleToInt32Bits(f):X} {f.ToString("R", CultureInfo.InvariantCulture)}",
        byte[] bytes => $"bytes {Convert.ToHexString(bytes)}",
        BitArray bits => $"bits {string.Concat(bits.Cast<bool>().Select(b => b ? '1' : '0'))}",
        JsonDocument json => $"json {json.RootElement.GetRawText()}",
        JsonElement json => $"json {json.GetRawText()}",
        IFormattable number when number.GetType() is { IsPrimitive: true } or { Name: nameof(Decimal) or "BigInteger" }
            => $"{number.GetType().Name} {number.ToString(null, CultureInfo.InvariantCulture)}",
        { } other when other.GetType().Namespace?.StartsWith("NpgsqlTypes", StringComparison.Ordinal) == true
            => string.Create(CultureInfo.InvariantCulture, $"{TypeName(other.GetType())} {other}"),
        _ => null,
    };

    private static IEnumerable<(string Name, object? Value)> Members(object value, Type type)
    {
        if (value is ITuple tuple)
            return Enumerable.Range(0, tuple.Length).Select(i => ($"Item{i + 1}", tuple[i]));

        const BindingFlags Public = BindingFlags.Public | BindingFlags.Instance;
        return type.GetProperties(Public)
            .Where(p => p.CanRead && p.GetIndexParameters().Length == 0 && !typeof(ILazyLoader).IsAssignableFrom(p.PropertyType))
            .OrderBy(p => p.Name, StringComparer.Ordinal)
            .Select(p => (p.Name, p.GetValue(value)))
            .Concat(type.GetFields(Public).OrderBy(f => f.Name, StringComparer.Ordinal).Select(f => (f.Name, f.GetValue(value))));
    }

    private static string TypeName(Type type)
        => type.IsGenericType ? $"{type.Name}<{string.Join(", ", type.GetGenericArguments().Select(TypeName))}>" : type.Name;
}
