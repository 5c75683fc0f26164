using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;
using EfSecondLevelCache.Results;
using Npgsql;

namespace EfSecondLevelCache.Tests.Results;

public class CachedDataReaderTests
{
    [Fact]
    public void Every_typed_getter_gives_the_stored_value()
    {
        object[] values =
        [
            true, (byte)200, 'é', new DateTime(2024, 2, 29, 1, 2, 3, DateTimeKind.Utc).AddTicks(7), 79228162514264337593543950335m,
            double.Epsilon, float.NaN, Guid.NewGuid(), short.MinValue, int.MaxValue, long.MinValue, "text",
        ];
        var reader = Rows.Reader(Rows.Cached([.. values.Select(value => value.GetType())], values));
        Assert.True(reader.Read());

        Assert.Equal(values[0], reader.GetBoolean(0));
        Assert.Equal(values[1], reader.GetByte(1));
        Assert.Equal(values[2], reader.GetChar(2));
        Assert.Equal(values[3], reader.GetDateTime(3));
        Assert.Equal(DateTimeKind.Utc, reader.GetDateTime(3).Kind);
        Assert.Equal(values[4], reader.GetDecimal(4));
        Assert.Equal(values[5], reader.GetDouble(5));
        Assert.Equal(values[6], reader.GetFloat(6));
        Assert.Equal(values[7], reader.GetGuid(7));
        Assert.Equal(values[8], reader.GetInt16(8));
        Assert.Equal(values[9], reader.GetInt32(9));
        Assert.Equal(values[10], reader.GetInt64(10));
        Assert.Equal(values[11], reader.GetString(11));
        Assert.All(Enumerable.Range(0, values.Length), i => Assert.Equal(values[i], reader.GetValue(i)));
        Assert.All(Enumerable.Range(0, values.Length), i => Assert.False(reader.IsDBNull(i)));
        var all = new object[20];
        Assert.Equal(values.Length, reader.GetValues(all));
        Assert.Equal(values, all[..values.Length]);
    }

    [Fact]
    public void A_decimal_keeps_its_scale()
        => Assert.Equal("1.500", Rows.On(typeof(decimal), 1.500m).GetDecimal(0).ToString(CultureInfo.InvariantCulture));

    [Fact]
    public async Task GetFieldValue_gives_the_stored_type_its_nullable_and_object()
    {
        var reader = Rows.Reader(Rows.Cached([typeof(DateOnly), typeof(int?)], [new DateOnly(2024, 1, 2), null]));
        await reader.ReadAsync();

        Assert.Equal(new DateOnly(2024, 1, 2), reader.GetFieldValue<DateOnly>(0));
        Assert.Equal(new DateOnly(2024, 1, 2), await reader.GetFieldValueAsync<DateOnly>(0));
        Assert.Equal(new DateOnly(2024, 1, 2), reader.GetFieldValue<DateOnly?>(0));
        Assert.Equal(new DateOnly(2024, 1, 2), reader.GetFieldValue<object>(0));
        Assert.Null(reader.GetFieldValue<int?>(1));
        Assert.Same(DBNull.Value, reader.GetFieldValue<object>(1));
        Assert.Same(DBNull.Value, reader.GetValue(1));
        Assert.True(reader.IsDBNull(1));
        Assert.True(await reader.IsDBNullAsync(1));
    }

    [Fact]
    public void A_null_that_is_asked_for_as_a_value_is_an_invalid_cast_that_names_the_column()
    {
        var reader = Rows.Reader(Rows.Cached([typeof(int), typeof(string), typeof(byte[])], [[null, null, null]]));
        reader.Read();

        Assert.Contains("column0", Assert.Throws<InvalidCastException>(() => reader.GetInt32(0)).Message);
        Assert.Contains("column1", Assert.Throws<InvalidCastException>(() => reader.GetString(1)).Message);
        Assert.Throws<InvalidCastException>(() => reader.GetFieldValue<byte[]>(2));
        Assert.Throws<InvalidCastException>(() => reader.GetStream(2));
        Assert.Throws<InvalidCastException>(() => reader.GetChars(1, 0, null, 0, 0));
    }

    [Theory]
    [InlineData((short)7)]
    [InlineData(7)]
    [InlineData(7L)]
    public void An_integer_can_be_read_as_any_number_that_can_hold_it(object value)
    {
        var reader = Rows.On(value.GetType(), value);

        Assert.Equal(7, reader.GetByte(0));
        Assert.Equal(7, reader.GetFieldValue<sbyte>(0));
        Assert.Equal(7, reader.GetInt16(0));
        Assert.Equal(7, reader.GetInt32(0));
        Assert.Equal(7, reader.GetInt64(0));
        Assert.Equal(7, reader.GetFieldValue<long?>(0));
        Assert.Equal(7, reader.GetFloat(0));
        Assert.Equal(7, reader.GetDouble(0));
        Assert.Equal(7, reader.GetDecimal(0));
    }

    [Fact]
    public void An_integer_that_does_not_fit_overflows()
        => Assert.Throws<OverflowException>(() => Rows.On(typeof(long), 1L << 40).GetInt32(0));

    [Fact]
    public void Text_can_be_read_as_characters_and_bytes()
    {
        var reader = Rows.On(typeof(string), "héllo");

        Assert.Equal('h', reader.GetChar(0));
        Assert.Equal("héllo", reader.GetTextReader(0).ReadToEnd());
        Assert.Equal("héllo", new StreamReader(reader.GetStream(0)).ReadToEnd());
        Assert.Equal(Encoding.UTF8.GetBytes("héllo"), reader.GetFieldValue<byte[]>(0));
        Assert.Equal("héllo".ToCharArray(), reader.GetFieldValue<char[]>(0));
        Assert.Equal(5, reader.GetChars(0, 0, null, 0, 0));
        var buffer = new char[4];
        Assert.Equal(3, reader.GetChars(0, 2, buffer, 1, 3));
        Assert.Equal("\0llo", new string(buffer));
        Assert.Equal(0, reader.GetChars(0, 9, buffer, 0, 4));
        Assert.Throws<NpgsqlException>(() => Rows.On(typeof(string), "").GetChar(0));
    }

    [Fact]
    public void Bytes_can_be_read_as_a_stream_a_memory_and_in_parts()
    {
        var reader = Rows.On(typeof(byte[]), new byte[] { 1, 2, 3, 4, 5 });

        Assert.Equal(5, reader.GetStream(0).Length);
        Assert.Equal([1, 2, 3, 4, 5], reader.GetFieldValue<ReadOnlyMemory<byte>>(0).ToArray());
        Assert.Equal(5, reader.GetBytes(0, 0, null, 0, 0));
        var buffer = new byte[3];
        Assert.Equal(2, reader.GetBytes(0, 3, buffer, 1, 2));
        Assert.Equal([0, 4, 5], buffer);
        Assert.Throws<IndexOutOfRangeException>(() => reader.GetBytes(0, 0, buffer, 1, 3));
        Assert.Throws<ArgumentOutOfRangeException>(() => reader.GetBytes(0, -1, buffer, 0, 1));
    }

    [Fact]
    public void A_type_that_Npgsql_would_not_give_either_is_an_invalid_cast_that_names_both()
    {
        var message = Assert.Throws<InvalidCastException>(() => Rows.On(typeof(int), 7).GetGuid(0)).Message;

        Assert.Contains("System.Guid", message);
        Assert.Contains("System.Int32", message);
        Assert.Throws<InvalidCastException>(() => Rows.On(typeof(int), 7).GetString(0));
        Assert.Throws<InvalidCastException>(() => Rows.On(typeof(int), 7).GetFieldValue<uint>(0));
        Assert.Throws<InvalidCastException>(() => Rows.On(typeof(int), 7).GetFieldValue<DayOfWeek>(0));
        Assert.Throws<InvalidCastException>(() => Rows.On(typeof(string), "7").GetInt32(0));
        Assert.Throws<InvalidCastException>(() => Rows.On(typeof(int[]), new[] { 7 }).GetFieldValue<List<long>>(0));
    }

    [Fact]
    public void An_ordinal_out_of_range_is_said_to_be()
    {
        var reader = Rows.On(typeof(int), 7);

        foreach (var ordinal in new[] { -1, 1, int.MaxValue })
        {
            Assert.Throws<IndexOutOfRangeException>(() => reader.GetInt32(ordinal));
            Assert.Throws<IndexOutOfRangeException>(() => reader.GetString(ordinal));
            Assert.Throws<IndexOutOfRangeException>(() => reader.GetValue(ordinal));
            Assert.Throws<IndexOutOfRangeException>(() => reader.IsDBNull(ordinal));
            Assert.Throws<IndexOutOfRangeException>(() => reader.GetName(ordinal));
            Assert.Throws<IndexOutOfRangeException>(() => reader.GetFieldType(ordinal));
            Assert.Throws<IndexOutOfRangeException>(() => reader.GetDataTypeName(ordinal));
        }
    }

    [Fact]
    public void Without_a_row_there_is_no_value_but_there_are_columns()
    {
        var reader = Rows.Reader(Rows.Cached([typeof(int), typeof(string)], [7, "a"]));

        AssertNoRow();
        Assert.True(reader.Read());
        Assert.False(reader.Read());
        Assert.False(reader.Read());
        AssertNoRow();

        void AssertNoRow()
        {
            Assert.Throws<InvalidOperationException>(() => reader.GetInt32(0));
            Assert.Throws<InvalidOperationException>(() => reader.GetString(1));
            Assert.Throws<InvalidOperationException>(() => reader.GetFieldValue<byte[]>(1));
            Assert.Throws<InvalidOperationException>(() => reader.GetValue(0));
            Assert.Throws<InvalidOperationException>(() => reader.GetValues(new object[2]));
            Assert.Throws<InvalidOperationException>(() => reader.IsDBNull(5));
            Assert.Equal("column1", reader.GetName(1));
            Assert.Equal(2, reader.FieldCount);
            Assert.True(reader.HasRows);
        }
    }

    [Fact]
    public async Task After_the_only_result_there_are_no_columns()
    {
        var reader = Rows.On(typeof(int), 7);

        Assert.False(await reader.NextResultAsync());

        Assert.Equal(0, reader.FieldCount);
        Assert.False(reader.HasRows);
        Assert.False(await reader.ReadAsync());
        Assert.Throws<InvalidOperationException>(() => reader.GetName(0));
        Assert.Throws<InvalidOperationException>(() => reader.GetOrdinal("column0"));
        Assert.Throws<InvalidOperationException>(() => reader.GetInt32(0));
        Assert.Null(reader.GetSchemaTable());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_closed_reader_says_so(bool async)
    {
        var reader = Rows.On(typeof(int), 7);
        Assert.False(reader.IsClosed);

        if (async)
            await reader.CloseAsync();
        else
            reader.Close();

        Assert.True(reader.IsClosed);
        Assert.Equal(-1, reader.RecordsAffected);
        AssertThrows<InvalidOperationException>(reader);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_disposed_reader_says_so(bool async)
    {
        var reader = Rows.On(typeof(int), 7);

        if (async)
            await reader.DisposeAsync();
        else
            reader.Dispose();

        Assert.True(reader.IsClosed);
        AssertThrows<ObjectDisposedException>(reader);
    }

    [Fact]
    public void A_reader_that_was_disposed_serves_the_next_result_when_it_is_reset()
    {
        var reader = Rows.On(typeof(int), 7);
        reader.Dispose();

        reader.Reset(Rows.Cached([typeof(string)], ["a"], ["b"]));

        Assert.False(reader.IsClosed);
        Assert.True(reader.Read());
        Assert.Equal("a", reader.GetString(0));
        reader.Reset(Rows.Cached([typeof(string)], ["c"]));
        Assert.Throws<InvalidOperationException>(() => reader.GetString(0));
        Assert.True(reader.Read());
        Assert.Equal("c", reader.GetString(0));
        Assert.False(reader.Read());
    }

    [Fact]
    public void An_empty_result_has_columns_and_no_rows()
    {
        var reader = Rows.Reader(Rows.Cached([typeof(int), typeof(string)]));

        Assert.False(reader.HasRows);
        Assert.Equal(2, reader.FieldCount);
        Assert.False(reader.Read());
        Assert.Equal("column1", reader.GetName(1));
    }

    [Fact]
    public void Rows_without_a_column_that_anybody_reads_are_still_rows()
    {
        object?[][] rows = [.. Enumerable.Range(0, 100_000).Select(i => new object?[] { i })];
        var reader = Rows.Reader(Rows.Cached(Rows.Layout([null]), [typeof(int)], rows));

        var count = 0;
        while (reader.Read())
            count++;

        Assert.Equal(100_000, count);
    }

    [Fact]
    public void A_column_that_the_query_does_not_read_is_refused_by_name()
    {
        var layout = Rows.Layout(typeof(int), null);
        var reader = Rows.Reader(Rows.Cached(layout, [typeof(int), typeof(Uri)], [7, new Uri("http://x")]));
        reader.Read();

        Assert.Equal(7, reader.GetInt32(0));
        Assert.Contains("column1", Assert.Throws<InvalidOperationException>(() => reader.GetString(1)).Message);
        Assert.Throws<InvalidOperationException>(() => reader.IsDBNull(1));
        Assert.Equal(typeof(Uri), reader.GetFieldType(1));
    }

    [Fact]
    public void A_column_of_a_type_that_nobody_mapped_fails_as_it_does_live_and_only_where_it_is_asked_for()
    {
        Type[] types = [typeof(int), typeof(void)];
        var layout = Rows.Layout(typeof(int), null);
        Rows.Cached(layout, types, [6, "?"]);
        var reader = Rows.Reader(Rows.Cached(layout, types, [7, "?"]));
        reader.Read();

        Assert.Equal(7, reader.GetInt32(0));
        Assert.Equal("type of Void", reader.GetDataTypeName(1));
        Assert.Throws<InvalidCastException>(() => reader.GetFieldType(1));
        Assert.Equal(DBNull.Value, reader.GetSchemaTable()!.Rows[1]["DataType"]);
    }

    [Fact]
    public async Task Columns_are_found_by_Npgsqls_rules()
    {
        Type[] types = [typeof(int), typeof(int), typeof(int)];
        var live = new FakeDataReader(new FakeResultSet(types, [[1, 2, 3]], ["id", "ID", "ｎａｍｅ"]));
        var layout = Rows.Layout(types);
        var reader = Rows.Reader((await ResultCapture.CaptureAsync(false, live, layout, long.MaxValue, null, default)).Result!);
        reader.Read();

        Assert.Equal(0, reader.GetOrdinal("id"));
        Assert.Equal(1, reader.GetOrdinal("ID"));
        Assert.Equal(0, reader.GetOrdinal("iD"));
        Assert.Equal(2, reader.GetOrdinal("NAME"));
        Assert.Equal(3, reader["name"]);
        Assert.Contains("other", Assert.Throws<IndexOutOfRangeException>(() => reader.GetOrdinal("other")).Message);
        Assert.Throws<ArgumentException>(() => reader.GetOrdinal(""));
    }

    [Fact]
    public void The_schema_table_has_what_is_known_without_the_database()
    {
        var schema = Rows.Reader(Rows.Cached([typeof(int), typeof(string)])).GetSchemaTable()!;

        Assert.Equal(["column1", 1, typeof(string), "type of String"], schema.Rows[1].ItemArray);
    }

    [Theory]
    [InlineData("192.168.1.1")]
    [InlineData("2001:db8::1")]
    [InlineData("fe80::1%7")]
    public void An_address_is_every_readers_own(string text)
    {
        var reader = Rows.On(typeof(IPAddress), IPAddress.Parse(text));

        Assert.Equal(text, reader.GetFieldValue<IPAddress>(0).ToString());
        Assert.NotSame(reader.GetFieldValue<IPAddress>(0), reader.GetFieldValue<IPAddress>(0));
    }

    [Fact]
    public void Json_is_served_however_deep_it_is()
    {
        var options = new JsonDocumentOptions { MaxDepth = 1000 };
        var text = new string('[', 500) + new string(']', 500);

        Assert.Equal(text, Rows.On(typeof(JsonElement), JsonElement.Parse(text, options)).GetFieldValue<JsonElement>(0).GetRawText());
        using var document = Rows.On(typeof(JsonDocument), JsonDocument.Parse(text, options)).GetFieldValue<JsonDocument>(0);
        Assert.Equal(text, document.RootElement.GetRawText());
    }

    [Fact]
    public void Rows_can_be_enumerated_as_records()
    {
        var reader = Rows.Reader(Rows.Cached([typeof(int)], [1], [2], [3]));

        Assert.Equal([1, 2, 3], reader.Cast<System.Data.Common.DbDataRecord>().Select(record => record.GetInt32(0)));
    }

    [Fact]
    public void A_hit_allocates_nothing()
    {
        Type[] types = [typeof(int), typeof(string), typeof(decimal), typeof(Guid), typeof(DateTime), typeof(DateOnly), typeof(bool)];
        object?[] row = [1, "a", 2m, Guid.NewGuid(), DateTime.UtcNow, new DateOnly(2024, 1, 1), null];
        var result = Rows.Cached(types, row, row, row);
        var reader = new CachedDataReader();
        for (var i = 0; i < 100; i++)
            Serve();

        var before = GC.GetAllocatedBytesForCurrentThread();
        Serve();

        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());

        void Serve()
        {
            reader.Reset(result);
            while (reader.ReadAsync().Result)
            {
                reader.GetInt32(0);
                reader.GetString(1);
                reader.GetFieldValue<string>(1);
                reader.GetDecimal(2);
                reader.GetGuid(3);
                reader.GetDateTime(4);
                reader.GetFieldValue<DateOnly>(5);
                reader.IsDBNull(6);
                reader.GetName(0);
            }

            reader.Dispose();
        }
    }

    [Fact]
    public void Any_number_of_readers_can_read_a_result_at_once()
    {
        Type[] types = [typeof(int), typeof(string), typeof(decimal), typeof(int[]), typeof(Dictionary<string, string>)];
        object?[][] rows = [.. Enumerable.Range(0, 3_000).Select(i => new object?[]
        {
            i, i % 7 == 0 ? null : $"text {i % 50}", i * 0.01m, new[] { i, i + 1 }, new Dictionary<string, string> { ["key"] = $"{i}" },
        })];
        var result = Rows.Cached(types, rows);

        Parallel.For(0, 64, _ =>
        {
            var reader = Rows.Reader(result);
            for (var i = 0; i < rows.Length; i++)
            {
                Assert.True(reader.Read());
                Assert.Equal(i, reader.GetInt32(0));
                Assert.Equal(rows[i][1], reader.IsDBNull(1) ? null : reader.GetString(1));
                Assert.Equal(i * 0.01m, reader.GetDecimal(2));
                var array = reader.GetFieldValue<int[]>(3);
                Assert.Equal(i + 1, array[1]);
                array[1] = -1;
                var pairs = reader.GetFieldValue<Dictionary<string, string>>(4);
                Assert.Equal($"{i}", pairs["key"]);
                pairs.Clear();
            }

            Assert.False(reader.Read());
        });
    }

    private static void AssertThrows<TException>(CachedDataReader reader)
        where TException : Exception
    {
        Assert.Throws<TException>(() => reader.Read());
        Assert.Throws<TException>(() => reader.NextResult());
        Assert.Throws<TException>(() => reader.GetInt32(0));
        Assert.Throws<TException>(() => reader.GetValue(0));
        Assert.Throws<TException>(() => reader.IsDBNull(0));
        Assert.Throws<TException>(() => reader.FieldCount);
        Assert.Throws<TException>(() => reader.HasRows);
        Assert.Throws<TException>(() => reader.GetName(0));
        Assert.Throws<TException>(() => reader.GetOrdinal("column0"));
        Assert.Throws<TException>(() => reader.GetSchemaTable());
    }
}
