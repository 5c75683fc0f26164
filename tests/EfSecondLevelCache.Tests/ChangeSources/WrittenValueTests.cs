using EfSecondLevelCache.ChangeSources;
using EfSecondLevelCache.Values;

namespace EfSecondLevelCache.Tests.ChangeSources;

/// <summary>A value that PostgreSQL writes hashes as the one that a query compares with; what can't be read for certain may be any.</summary>
public sealed class WrittenValueTests
{
    public static TheoryData<string, string, object> Readable => new()
    {
        { "Integer", "-42", -42 },
        { "Integer", "9223372036854775807", long.MaxValue },
        { "Boolean", "t", true },
        { "Boolean", "false", false },
        { "Uuid", "6f9619ff-8b86-d011-b42d-00c04fc964ff", new Guid("6f9619ff-8b86-d011-b42d-00c04fc964ff") },
        { "Date", "2024-02-29", new DateOnly(2024, 2, 29) },
        { "Timestamp", "2024-02-29T12:30:15", new DateTime(2024, 2, 29, 12, 30, 15) },
        { "Timestamp", "2024-02-29 12:30:15.123456", new DateTime(2024, 2, 29, 12, 30, 15).AddTicks(1_234_560) },
        { "TimestampTz", "2024-02-29T12:30:15.5+02:00", new DateTimeOffset(2024, 2, 29, 12, 30, 15, 500, TimeSpan.FromHours(2)) },
        { "TimestampTz", "2024-02-29 12:30:15+00", new DateTime(2024, 2, 29, 12, 30, 15, DateTimeKind.Utc) },
        { "TimestampTz", "2024-02-29 18:00:15+05:30", new DateTime(2024, 2, 29, 12, 30, 15, DateTimeKind.Utc) },
        { "Bytes", "\\x00ff", new byte[] { 0, 255 } },
        { "Text", "a 'b' \"ü\"", "a 'b' \"ü\"" },
        { "Enum", "happy", "happy" },
    };

    [Theory]
    [MemberData(nameof(Readable))]
    public void It_is_the_value_of_a_query(string family, string text, object value)
    {
        var comparison = Enum.Parse<ComparisonFamily>(family);
        Assert.True(WrittenValue.TryHash(comparison, text, out var written));
        Assert.True(ComparisonHash.TryHash(comparison, value, out var compared));
        Assert.Equal(compared, written);
    }

    [Theory]
    [InlineData("Integer", "1.0")]
    [InlineData("Integer", "")]
    [InlineData("Date", "infinity")]
    [InlineData("Date", "0044-03-15 BC")]
    [InlineData("Timestamp", "infinity")]
    [InlineData("Timestamp", "12024-02-29 12:30:15")]
    [InlineData("Timestamp", "29/02/2024 12:30:15")]
    [InlineData("TimestampTz", "2024-02-29 12:30:15")]
    [InlineData("Bytes", "\\\\x00")]
    [InlineData("Bytes", "\\x0")]
    [InlineData("Boolean", "yes")]
    public void It_may_be_any_value(string family, string text)
        => Assert.False(WrittenValue.TryHash(Enum.Parse<ComparisonFamily>(family), text, out _));
}
