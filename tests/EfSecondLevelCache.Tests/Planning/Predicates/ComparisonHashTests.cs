using EfSecondLevelCache.Planning.Predicates;
using EfSecondLevelCache.Values;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage;

namespace EfSecondLevelCache.Tests.Planning.Predicates;

public class ComparisonHashTests
{
    private static readonly DateTime Utc = new(2024, 2, 29, 12, 30, 15, DateTimeKind.Utc);

    [Fact]
    public void Integers_of_any_width_are_equal()
        => AssertEqual(ComparisonFamily.Integer, 5L, 5, (short)5, (byte)5, (sbyte)5);

    [Fact]
    public void An_instant_is_equal_in_every_time_zone()
        => AssertEqual(ComparisonFamily.TimestampTz, Utc, new DateTimeOffset(Utc), new DateTimeOffset(Utc).ToOffset(TimeSpan.FromHours(5)));

    [Fact]
    public void What_PostgreSQL_does_not_keep_of_a_time_makes_no_difference()
    {
        AssertEqual(ComparisonFamily.TimestampTz, Utc, Utc.AddTicks(9));
        AssertDifferent(ComparisonFamily.TimestampTz, Utc, Utc.AddTicks(10));
        // Npgsql drops it towards the year 2000.
        var before2000 = new DateTime(1999, 12, 31, 23, 0, 0, DateTimeKind.Unspecified);
        AssertEqual(ComparisonFamily.Timestamp, before2000, before2000.AddTicks(-9));
        AssertDifferent(ComparisonFamily.Timestamp, before2000, before2000.AddTicks(9));
    }

    [Fact]
    public void A_date_is_equal_however_it_is_written()
        => AssertEqual(ComparisonFamily.Date, new DateOnly(2024, 2, 29), new DateTime(2024, 2, 29), new DateTime(2024, 2, 29, 23, 59, 59));

    [Fact]
    public void Infinity_is_equal_however_it_is_written()
    {
        AssertEqual(ComparisonFamily.Date, DateOnly.MaxValue, DateTime.MaxValue);
        AssertEqual(ComparisonFamily.Date, DateOnly.MinValue, DateTime.MinValue);
        AssertEqual(ComparisonFamily.TimestampTz, DateTime.SpecifyKind(DateTime.MaxValue, DateTimeKind.Utc), DateTimeOffset.MaxValue);
    }

    [Fact]
    public void A_text_that_varchar_would_cut_is_equal_to_what_is_left()
    {
        AssertEqual(ComparisonFamily.Text, "abc", "abc  ");
        AssertDifferent(ComparisonFamily.Text, "abc", "abc\t");
        AssertDifferent(ComparisonFamily.Text, "abc", "ABC");
        AssertDifferent(ComparisonFamily.Text, "abc", " abc");
    }

    [Fact]
    public void Bytes_are_equal_by_content()
    {
        AssertEqual(ComparisonFamily.Bytes, new byte[] { 1, 2 }, new byte[] { 1, 2 });
        AssertDifferent(ComparisonFamily.Bytes, new byte[] { 1, 2 }, new byte[] { 1, 2, 0 });
    }

    [Fact]
    public void Null_has_a_hash_of_its_own_in_every_family()
    {
        var values = new Dictionary<ComparisonFamily, object>
        {
            [ComparisonFamily.Integer] = 0,
            [ComparisonFamily.Boolean] = false,
            [ComparisonFamily.Uuid] = Guid.Empty,
            [ComparisonFamily.Date] = default(DateOnly),
            [ComparisonFamily.Timestamp] = default(DateTime),
            [ComparisonFamily.TimestampTz] = default(DateTimeOffset),
            [ComparisonFamily.Bytes] = Array.Empty<byte>(),
            [ComparisonFamily.Text] = "",
            [ComparisonFamily.Enum] = "",
        };
        foreach (var family in Enum.GetValues<ComparisonFamily>())
        {
            AssertEqual(family, null, DBNull.Value);
            AssertDifferent(family, null, values[family]);
        }
    }

    [Fact]
    public void A_value_that_is_not_of_the_family_has_no_hash()
    {
        AssertNone(ComparisonFamily.Integer, 5m);
        AssertNone(ComparisonFamily.Integer, 5d);
        AssertNone(ComparisonFamily.Integer, "5");
        AssertNone(ComparisonFamily.Integer, Theme.Dark);
        AssertNone(ComparisonFamily.Text, 'x');
        AssertNone(ComparisonFamily.Enum, Mood.Happy);
        AssertNone(ComparisonFamily.Uuid, Guid.Empty.ToString());
        // Npgsql would take the time zone of this process into account, or refuse.
        AssertNone(ComparisonFamily.TimestampTz, DateTime.SpecifyKind(Utc, DateTimeKind.Local));
        AssertNone(ComparisonFamily.TimestampTz, DateTime.SpecifyKind(Utc, DateTimeKind.Unspecified));
        AssertNone(ComparisonFamily.Timestamp, Utc);
        AssertNone(ComparisonFamily.Timestamp, new DateTimeOffset(Utc));
    }

    /// <summary>Nodes of different versions tell each other of rows by these: another number here is another wire format.</summary>
    [Fact]
    public void A_hash_is_the_same_in_every_process_and_version()
    {
        Assert.Equal(0x546A3E7A00E1E85BUL, HashOf(ComparisonFamily.Integer, null));
        Assert.Equal(0x42E6FEE3ABC5533FUL, HashOf(ComparisonFamily.Integer, 5));
        Assert.Equal(0x8CADC8C78B958125UL, HashOf(ComparisonFamily.Boolean, true));
        Assert.Equal(0x4D1CF918C9CCF8F2UL, HashOf(ComparisonFamily.Text, "café 5"));
        Assert.Equal(0x03A4A5B849EB1F1AUL, HashOf(ComparisonFamily.Uuid, new Guid("01234567-89ab-cdef-0123-456789abcdef")));
        Assert.Equal(0x6D327D26D41CA6BFUL, HashOf(ComparisonFamily.TimestampTz, Utc));
    }

    [Fact]
    public void Values_of_the_model_are_hashed_as_the_database_has_them()
    {
        var id = Guid.NewGuid();

        AssertHash(nameof(Specimen.Tag), new TagId(id), ComparisonFamily.Uuid, id);
        AssertHash(nameof(Specimen.Theme), Theme.Dark, ComparisonFamily.Integer, 1);
        // The compiler folds enum constants to their numbers.
        AssertHash(nameof(Specimen.Theme), 1, ComparisonFamily.Integer, 1);
        AssertHash(nameof(Specimen.ThemeName), Theme.Dark, ComparisonFamily.Text, "Dark");
        AssertHash(nameof(Specimen.Mood), Mood.VerySad, ComparisonFamily.Enum, "very_sad");
        AssertHash(nameof(Specimen.Mood), 1, ComparisonFamily.Enum, "very_sad");
        AssertHash(nameof(Specimen.YesNo), true, ComparisonFamily.Text, "yes");
        AssertHash(nameof(Specimen.Number), 7u, ComparisonFamily.Integer, 7);
        AssertHash(nameof(Specimen.Id), null, ComparisonFamily.Integer, null);
        Assert.False(MappedValue.TryHash(MappingOf(nameof(Specimen.Amount)), 1.0m, out _));
    }

    private static void AssertHash(string property, object? modelValue, ComparisonFamily family, object? providerValue)
    {
        Assert.True(MappedValue.TryHash(MappingOf(property), modelValue, out var hash));
        Assert.Equal(HashOf(family, providerValue), hash);
    }

    private static RelationalTypeMapping MappingOf(string property)
    {
        using var context = AnalyzedQuery.NewContext();
        return context.Model.FindEntityType(typeof(Specimen))!.FindProperty(property)!.GetRelationalTypeMapping();
    }

    private static void AssertEqual(ComparisonFamily family, params object?[] values)
        => Assert.Single(values.Select(value => HashOf(family, value)).Distinct());

    private static void AssertDifferent(ComparisonFamily family, object? first, object? second)
        => Assert.NotEqual(HashOf(family, first), HashOf(family, second));

    private static void AssertNone(ComparisonFamily family, object value) => Assert.False(ComparisonHash.TryHash(family, value, out _));

    private static ulong HashOf(ComparisonFamily family, object? value)
    {
        Assert.True(ComparisonHash.TryHash(family, value, out var hash));
        return hash;
    }
}
