using System.Globalization;
using EfSecondLevelCache.Values;

namespace EfSecondLevelCache.ChangeSources;

/// <summary>Values as PostgreSQL writes them, in JSON or as text in ISO style. What is not read for certain may be any value.</summary>
internal static class WrittenValue
{
    private static readonly string[] Times =
    [
        "yyyy-MM-dd'T'HH:mm:ss.FFFFFF", "yyyy-MM-dd HH:mm:ss.FFFFFF",
    ];

    private static readonly string[] TimesWithZone =
    [
        "yyyy-MM-dd'T'HH:mm:ss.FFFFFFzzz", "yyyy-MM-dd HH:mm:ss.FFFFFFzzz", "yyyy-MM-dd HH:mm:ss.FFFFFFzz",
    ];

    /// <summary>False: it may be any value.</summary>
    public static bool TryHash(ComparisonFamily family, string? text, out ulong hash)
    {
        hash = 0;
        return text is null ? ComparisonHash.TryHash(family, null, out hash)
            : Parse(family, text) is { } value && ComparisonHash.TryHash(family, value, out hash);
    }

    private static object? Parse(ComparisonFamily family, string text) => family switch
    {
        ComparisonFamily.Integer => long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number : null,
        ComparisonFamily.Boolean => text is "t" or "true" ? true : text is "f" or "false" ? false : null,
        ComparisonFamily.Uuid => Guid.TryParseExact(text, "D", out var id) ? id : null,
        ComparisonFamily.Date
            => DateOnly.TryParseExact(text, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out var date) ? date : null,
        ComparisonFamily.Timestamp
            => DateTime.TryParseExact(text, Times, CultureInfo.InvariantCulture, DateTimeStyles.None, out var time) ? time : null,
        ComparisonFamily.TimestampTz
            => DateTimeOffset.TryParseExact(text, TimesWithZone, CultureInfo.InvariantCulture, DateTimeStyles.None, out var time) ? time : null,
        // In the other style of bytea_output a backslash would be doubled.
        ComparisonFamily.Bytes => text.StartsWith("\\x", StringComparison.Ordinal) ? FromHex(text.AsSpan(2)) : null,
        ComparisonFamily.Text or ComparisonFamily.Enum => text,
        _ => null,
    };

    private static byte[]? FromHex(ReadOnlySpan<char> digits)
    {
        var bytes = new byte[digits.Length / 2];
        return Convert.FromHexString(digits, bytes, out _, out var written) is System.Buffers.OperationStatus.Done && written == bytes.Length
            ? bytes
            : null;
    }
}
