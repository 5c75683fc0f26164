using System.Collections;
using System.Collections.Immutable;
using System.Net;
using System.Net.NetworkInformation;
using System.Numerics;
using System.Text;
using System.Text.Json;
using EfSecondLevelCache.Results;
using NpgsqlTypes;

namespace EfSecondLevelCache.Tests.Results;

public class RowLayoutTests
{
    [Theory]
    [InlineData(typeof(int))]
    [InlineData(typeof(int?))]
    [InlineData(typeof(DayOfWeek))]
    [InlineData(typeof(Int128))]
    [InlineData(typeof(NpgsqlInterval))]
    [InlineData(typeof(NpgsqlRange<DateOnly>))]
    [InlineData(typeof((int, Guid)))]
    [InlineData(typeof(string))]
    [InlineData(typeof(byte[]))]
    [InlineData(typeof(string[]))]
    [InlineData(typeof(int?[]))]
    [InlineData(typeof(int[,,]))]
    [InlineData(typeof(byte[][]))]
    [InlineData(typeof(List<string>))]
    [InlineData(typeof(List<NpgsqlInet?>))]
    [InlineData(typeof(NpgsqlRange<int>[]))]
    [InlineData(typeof(Dictionary<string, string>))]
    [InlineData(typeof(ImmutableDictionary<string, string>))]
    [InlineData(typeof(BitArray))]
    [InlineData(typeof(JsonDocument))]
    [InlineData(typeof(JsonElement))]
    [InlineData(typeof(IPAddress))]
    [InlineData(typeof(IPNetwork))]
    [InlineData(typeof(NpgsqlInet))]
    [InlineData(typeof(PhysicalAddress))]
    [InlineData(typeof(BigInteger))]
    [InlineData(typeof(NpgsqlPath))]
    [InlineData(typeof(NpgsqlPolygon))]
    [InlineData(typeof(NpgsqlCube))]
    [InlineData(typeof(NpgsqlTsVector))]
    [InlineData(typeof(NpgsqlTsQuery))]
    public void A_type_that_is_immutable_or_can_be_copied_is_stored(Type type)
    {
        Assert.NotNull(RowLayout.TryCreate([type], out var unsupported));
        Assert.Null(unsupported);
    }

    [Theory]
    [InlineData(typeof(object))]
    [InlineData(typeof(StringBuilder))]
    [InlineData(typeof(Array))]
    [InlineData(typeof(ArraySegment<byte>))]
    [InlineData(typeof((int, string[])))]
    [InlineData(typeof(StringBuilder[]))]
    [InlineData(typeof(List<object>))]
    [InlineData(typeof(IList<int>))]
    [InlineData(typeof(HashSet<int>))]
    [InlineData(typeof(Dictionary<string, int>))]
    [InlineData(typeof(Span<int>))]
    [InlineData(typeof(void))]
    [InlineData(typeof(List<>))]
    public void Any_other_type_is_unsupported_and_named(Type type)
    {
        Assert.Null(RowLayout.TryCreate([typeof(int), type, typeof(Stream)], out var unsupported));
        Assert.Equal(type, unsupported);
    }

    [Fact]
    public void A_column_that_nobody_reads_takes_no_room()
    {
        var layout = Rows.Layout(typeof(int), null, typeof(string), null);

        Assert.Equal(4, layout.Columns.Length);
        Assert.Equal(1 + 4, layout.InlineStride);
        Assert.Equal(1, layout.ReferenceStride);
    }

    [Theory]
    [InlineData(8, 1)]
    [InlineData(9, 2)]
    public void A_row_has_a_null_bit_for_each_inline_column(int columns, int nullBytes)
        => Assert.Equal(nullBytes + columns, Rows.Layout([.. Enumerable.Repeat(typeof(bool), columns), typeof(string)]).InlineStride);

    [Fact]
    public void Null_bits_of_one_row_say_nothing_of_another_row_or_column()
    {
        var types = Enumerable.Repeat(typeof(int), 19).ToArray();
        object?[][] rows = [.. Enumerable.Range(0, 40).Select(row => types.Select((_, column) => Value(row, column)).ToArray())];

        var reader = Rows.Reader(Rows.Cached(types, rows));

        foreach (var row in rows)
        {
            Assert.True(reader.Read());
            Assert.Equal(row, types.Select((_, i) => reader.IsDBNull(i) ? (object?)null : reader.GetInt32(i)));
        }

        static object? Value(int row, int column) => (row * 7 + column * 3) % 5 == 0 ? null : row * 100 + column;
    }
}
