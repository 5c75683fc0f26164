using System.Collections;
using System.Globalization;
using System.Text;
using Npgsql;

namespace EfSecondLevelCache.Results;

/// <summary>The other types as which Npgsql can read a column, as far as that loses nothing against the type that is stored.</summary>
/// <remarks>EF Core reads a column as the type that is stored; this is for whoever else looks at the reader.</remarks>
internal static class ValueConversion
{
    /// <summary>Null where there is no such conversion.</summary>
    /// <param name="value">The reader's own: it may become part of what is returned.</param>
    /// <param name="target">Not a nullable type.</param>
    public static object? TryConvert(object value, Type target) => value switch
    {
        _ when target.IsInstanceOfType(value) => value,
        byte or sbyte or short or int or long when IsNumber(target) => Convert.ChangeType(value, target, CultureInfo.InvariantCulture),
        float number when target == typeof(double) => (double)number,
        string text => FromText(text, target),
        byte[] bytes => FromBytes(bytes, target),
        DateOnly date when target == typeof(DateTime) => date.ToDateTime(TimeOnly.MinValue),
        DateTime date when target == typeof(DateOnly) && (date.TimeOfDay == TimeSpan.Zero || date == DateTime.MaxValue)
            => DateOnly.FromDateTime(date),
        DateTime { Kind: DateTimeKind.Utc } time when target == typeof(DateTimeOffset) => new DateTimeOffset(time),
        DateTimeOffset time when target == typeof(DateTime)
            => time == DateTimeOffset.MaxValue ? DateTime.MaxValue : time == DateTimeOffset.MinValue ? DateTime.MinValue : time.UtcDateTime,
        TimeOnly time when target == typeof(TimeSpan) => time.ToTimeSpan(),
        TimeSpan time when target == typeof(TimeOnly) => TimeOnly.FromTimeSpan(time),
        IList list when list.GetType().IsGenericType && IsVectorOf(target, list) => ToArray(list),
        Array { Rank: 1 } array when target == typeof(List<>).MakeGenericType(array.GetType().GetElementType()!)
            => Activator.CreateInstance(target, array),
        _ => null,
    };

    private static bool IsNumber(Type type)
        => !type.IsEnum && Type.GetTypeCode(type) is TypeCode.SByte or TypeCode.Byte or TypeCode.Int16 or TypeCode.Int32 or TypeCode.Int64
            or TypeCode.Single or TypeCode.Double or TypeCode.Decimal;

    private static object? FromText(string text, Type target)
    {
        if (target == typeof(char))
            return text.Length > 0 ? text[0] : throw new NpgsqlException("An empty text has no character to read.");
        if (target == typeof(char[]))
            return text.ToCharArray();
        if (target == typeof(TextReader))
            return new StringReader(text);
        return FromBytes(Encoding.UTF8.GetBytes(text), target);
    }

    private static object? FromBytes(byte[] bytes, Type target)
    {
        if (target == typeof(byte[]))
            return bytes;
        if (target == typeof(Stream))
            return new MemoryStream(bytes, writable: false);
        if (target == typeof(ReadOnlyMemory<byte>))
            return new ReadOnlyMemory<byte>(bytes);
        return null;
    }

    private static bool IsVectorOf(Type target, IList list)
        => target == typeof(Array) || target == list.GetType().GetGenericArguments()[0].MakeArrayType();

    private static Array ToArray(IList list)
    {
        var array = Array.CreateInstance(list.GetType().GetGenericArguments()[0], list.Count);
        list.CopyTo(array, 0);
        return array;
    }
}
