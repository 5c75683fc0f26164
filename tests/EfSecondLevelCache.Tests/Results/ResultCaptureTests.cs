using System.Data.Common;
using EfSecondLevelCache.Results;

namespace EfSecondLevelCache.Tests.Results;

public class ResultCaptureTests
{
    private const int RowCount = 12;
    private static readonly Type[] Types = [typeof(int), typeof(string), typeof(decimal)];

    /// <summary>Every row at which a capture can end, synchronously and not.</summary>
    public static IEnumerable<TheoryDataRow<bool, int>> Cuts
        => from async in new[] { false, true } from cut in Enumerable.Range(0, RowCount) select new TheoryDataRow<bool, int>(async, cut);

    [Theory]
    [InlineData(false, 0)]
    [InlineData(true, 0)]
    [InlineData(false, 1)]
    [InlineData(true, 1)]
    [InlineData(false, RowCount)]
    [InlineData(true, RowCount)]
    public async Task All_rows_are_captured_and_served(bool async, int count)
    {
        var live = new FakeDataReader(Types, Data(count));

        var capture = await Capture(async, live);

        Assert.True(capture.IsComplete);
        Assert.Equal(count, capture.Result.Rows);
        Assert.Equal(Expected(count), Rows.ReadAll(Rows.Reader(capture.Result)));
        Assert.Equal(async, live.ReadAsynchronously);
        Assert.Equal(!async, live.ReadSynchronously);
        Assert.False(live.IsDisposed);
    }

    [Fact]
    public void A_synchronous_capture_never_waits_on_a_task()
        => Assert.True(Capture(async: false, new FakeDataReader(Types, Data(3))).IsCompleted);

    [Theory]
    [MemberData(nameof(Cuts))]
    public async Task Past_the_row_limit_what_was_read_is_served_and_the_live_reader_goes_on(bool async, int cut)
    {
        var live = new FakeDataReader(Types, Data(RowCount));

        var capture = await Capture(async, live, maxRows: cut);

        Assert.Equal(CaptureOutcome.TooManyRows, capture.Outcome);
        Assert.Equal(Expected(RowCount), Rows.ReadAll(capture.PassThrough!));
    }

    [Fact]
    public async Task The_row_limit_itself_is_not_past_it()
        => Assert.True((await Capture(false, new FakeDataReader(Types, Data(RowCount)), maxRows: RowCount)).IsComplete);

    [Theory]
    [MemberData(nameof(Cuts))]
    public async Task Past_the_byte_limit_what_was_read_is_served_and_the_live_reader_goes_on(bool async, int cut)
    {
        var limit = Rows.Cached(Types, Data(cut + 1)).Bytes - 1;

        var capture = await Capture(async, new FakeDataReader(Types, Data(RowCount)), maxBytes: limit);

        Assert.Equal(CaptureOutcome.TooManyBytes, capture.Outcome);
        Assert.Equal(Expected(RowCount), Rows.ReadAll(capture.PassThrough!));
    }

    [Theory]
    [InlineData(0, true)]
    [InlineData(-1, false)]
    public async Task The_byte_limit_is_the_size_of_the_finished_result(int difference, bool complete)
    {
        var size = Rows.Cached(Types, Data(RowCount)).Bytes;

        var capture = await Capture(false, new FakeDataReader(Types, Data(RowCount)), maxBytes: size + difference);

        Assert.Equal(complete, capture.IsComplete);
    }

    [Theory]
    [MemberData(nameof(Cuts))]
    public async Task A_value_that_cant_be_read_throws_where_it_is_read_and_nowhere_else(bool async, int cut)
    {
        for (var column = 0; column < Types.Length; column++)
        {
            var data = Data(RowCount);
            var fault = new InvalidCastException("not a number");
            data[cut][column] = fault;
            var live = new FakeDataReader(Types, data);

            var capture = await Capture(async, live);

            Assert.Equal(CaptureOutcome.UnreadableValue, capture.Outcome);
            Assert.Same(fault, capture.Fault);
            var reader = capture.PassThrough!;
            for (var row = 0; row < RowCount; row++)
            {
                Assert.True(async ? await reader.ReadAsync() : reader.Read());
                if (row == cut)
                    Assert.Same(fault, Assert.Throws<InvalidCastException>(() => reader.GetValue(column)));
                for (var i = 0; i < Types.Length; i++)
                {
                    if (row != cut || i != column)
                        Assert.Equal(data[row][i] is null, reader.IsDBNull(i));
                    if ((row != cut || i != column) && data[row][i] is { } value)
                        Assert.Equal(value, reader.GetValue(i));
                }
            }

            Assert.False(async ? await reader.ReadAsync() : reader.Read());
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task More_than_one_result_set_is_passed_through(bool async)
    {
        var live = new FakeDataReader(new FakeResultSet(Types, Data(3)), new FakeResultSet([typeof(string)], [["second"]]));

        var capture = await Capture(async, live);

        Assert.Equal(CaptureOutcome.MoreResultSets, capture.Outcome);
        var reader = capture.PassThrough!;
        Assert.Equal(Expected(3), Rows.ReadAll(reader));
        Assert.False(reader.Read());
        Assert.Throws<InvalidOperationException>(() => reader.GetInt32(0));
        Assert.Equal(3, reader.FieldCount);
        Assert.True(async ? await reader.NextResultAsync() : reader.NextResult());
        Assert.Equal(1, reader.FieldCount);
        Assert.True(reader.Read());
        Assert.Equal("second", reader.GetString(0));
        Assert.False(async ? await reader.NextResultAsync() : reader.NextResult());
    }

    [Fact]
    public async Task The_next_result_can_be_asked_for_while_rows_are_left()
    {
        var live = new FakeDataReader(new FakeResultSet(Types, Data(RowCount)), new FakeResultSet([typeof(string)], [["second"]]));
        var reader = (await Capture(false, live, maxRows: 5)).PassThrough!;

        Assert.True(reader.Read());
        Assert.True(reader.NextResult());
        Assert.True(reader.Read());
        Assert.Equal("second", reader.GetString(0));
    }

    [Fact]
    public async Task A_reader_with_other_columns_is_passed_through_as_it_is()
    {
        var live = new FakeDataReader([typeof(int)], [1]);

        var capture = await Capture(false, live);

        Assert.Equal(CaptureOutcome.OtherColumns, capture.Outcome);
        Assert.Same(live, capture.PassThrough);
        Assert.True(live.Read());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task What_the_live_reader_throws_when_it_advances_comes_out(bool async)
    {
        var fault = new InvalidOperationException("connection lost");
        var live = new FakeDataReader(Types, Data(3)) { Fault = (2, fault) };

        Assert.Same(fault, await Assert.ThrowsAsync<InvalidOperationException>(() => Capture(async, live).AsTask()));
    }

    [Fact]
    public async Task A_cancellation_comes_out()
    {
        using var cancellation = new CancellationTokenSource();
        await cancellation.CancelAsync();
        var capture = ResultCapture.CaptureAsync(
            true, new FakeDataReader(Types, Data(3)), Rows.Layout(Types), long.MaxValue, null, cancellation.Token);

        await Assert.ThrowsAsync<OperationCanceledException>(() => capture.AsTask());
    }

    [Fact]
    public async Task Before_its_first_row_a_reader_that_goes_on_says_what_the_live_one_would()
    {
        var live = new FakeDataReader(Types, Data(RowCount));
        var reader = (await Capture(false, live, maxRows: 0)).PassThrough!;

        Assert.True(reader.HasRows);
        Assert.Equal(3, reader.FieldCount);
        Assert.Equal("column1", reader.GetName(1));
        Assert.Equal(1, reader.GetOrdinal("column1"));
        Assert.Equal(typeof(string), reader.GetFieldType(1));
        Assert.Equal("type of String", reader.GetDataTypeName(1));
        Assert.Throws<InvalidOperationException>(() => reader.GetInt32(0));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_live_reader_is_disposed_with_the_one_that_goes_on(bool async)
    {
        var live = new FakeDataReader(Types, Data(RowCount));
        var reader = (await Capture(async, live, maxRows: 5)).PassThrough!;

        if (async)
            await reader.DisposeAsync();
        else
            reader.Dispose();

        Assert.True(live.IsDisposed);
    }

    [Fact]
    public void Equal_strings_of_a_result_are_one_instance()
    {
        // More different ones than are compared one by one, twice.
        Type[] types = [typeof(string), typeof(string[])];
        object?[][] rows = [.. Enumerable.Range(0, 100).Select(i => new object?[] { $"text {i % 40}", new[] { $"text {i % 40}", "" } })];

        var reader = Rows.Reader(Rows.Cached(types, rows));

        var instances = new HashSet<string>(ReferenceEqualityComparer.Instance);
        while (reader.Read())
        {
            instances.Add(reader.GetString(0));
            instances.Add(reader.GetFieldValue<string[]>(1)[0]);
        }

        Assert.Equal(40, instances.Count);
    }

    [Fact]
    public void A_column_that_repeats_itself_is_shared_though_another_never_does()
    {
        Type[] types = [typeof(string), typeof(string)];
        object?[][] rows = [.. Enumerable.Range(0, 2_000).Select(i => new object?[] { $"new {i}", $"old {i % 100}" })];

        var reader = Rows.Reader(Rows.Cached(types, rows));

        var instances = new HashSet<string>(ReferenceEqualityComparer.Instance);
        for (var i = 0; reader.Read(); i++)
        {
            Assert.Equal($"new {i}", reader.GetString(0));
            instances.Add(reader.GetString(1));
        }

        Assert.Equal(100, instances.Count);
    }

    [Fact]
    public void Results_of_equal_columns_share_their_description()
    {
        var layout = Rows.Layout(Types);

        Assert.Same(Rows.Cached(layout, Types, Data(1)).Columns, Rows.Cached(layout, Types, Data(2)).Columns);
    }

    [Fact]
    public async Task A_column_whose_name_changed_is_described_anew()
    {
        var layout = Rows.Layout(Types);
        var before = Rows.Cached(layout, Types, Data(1));
        var live = new FakeDataReader(new FakeResultSet(Types, Data(1), ["a", "b", "c"]));

        var after = (await ResultCapture.CaptureAsync(false, live, layout, long.MaxValue, null, default)).Result!;

        Assert.Equal("column2", Rows.Reader(before).GetName(2));
        Assert.Equal("c", Rows.Reader(after).GetName(2));
    }

    private static ValueTask<Capture> Capture(bool async, DbDataReader live, long maxBytes = long.MaxValue, int? maxRows = null)
        => ResultCapture.CaptureAsync(async, live, Rows.Layout(Types), maxBytes, maxRows, default);

    private static object?[][] Data(int rows)
        => [.. Enumerable.Range(0, rows).Select(i => new object?[] { i, i % 3 == 0 ? null : $"name {i}", i * 1.50m })];

    private static IEnumerable<(int, string?, decimal)> Expected(int rows)
        => Data(rows).Select(row => ((int)row[0]!, (string?)row[1], (decimal)row[2]!));
}
