using System.Data.Common;
using EfSecondLevelCache.Results;
using Npgsql;

namespace EfSecondLevelCache.IntegrationTests.Fidelity;

/// <summary>What a capture leaves behind when it ends early is Npgsql's own reader, in the middle of its rows.</summary>
[Collection(nameof(FidelityCollection))]
public sealed class LiveCaptureTests(FidelityDatabase database)
{
    private const int RowCount = 8;

    // Not a number, for 3, is no decimal.
    private const string WithUnreadable =
        """
        SELECT i, 'row ' || i, CASE i WHEN 3 THEN 'NaN'::numeric ELSE i * 1.50 END, ARRAY[i, i + 1]
        FROM generate_series(0, 7) AS i ORDER BY i
        """;

    private static readonly string Readable = WithUnreadable.Replace("'NaN'", "4.5");

    private static readonly Type[] Types = [typeof(int), typeof(string), typeof(decimal), typeof(int[])];

    public static IEnumerable<TheoryDataRow<bool, int>> Cuts
        => from async in new[] { false, true } from cut in Enumerable.Range(0, RowCount) select new TheoryDataRow<bool, int>(async, cut);

    [Theory]
    [MemberData(nameof(Cuts))]
    public async Task Wherever_the_row_limit_ends_a_capture_all_rows_are_served_once(bool async, int cut)
    {
        await using var command = database.DataSource.CreateCommand(Readable);
        await using var live = await command.ExecuteReaderAsync();

        var capture = await Capture(async, live, maxRows: cut);

        Assert.Equal(CaptureOutcome.TooManyRows, capture.Outcome);
        await AssertRows(async, capture.PassThrough!);
    }

    [Theory]
    [MemberData(nameof(Cuts))]
    public async Task Wherever_the_byte_limit_ends_a_capture_all_rows_are_served_once(bool async, int cut)
    {
        long limit;
        await using (var prefix = database.DataSource.CreateCommand(Readable.Replace("(0, 7)", $"(0, {cut})")))
        await using (var reader = await prefix.ExecuteReaderAsync())
            limit = (await Capture(async, reader)).Result!.Bytes - 1;
        await using var command = database.DataSource.CreateCommand(Readable);
        await using var live = await command.ExecuteReaderAsync();

        var capture = await Capture(async, live, maxBytes: limit);

        Assert.Equal(CaptureOutcome.TooManyBytes, capture.Outcome);
        await AssertRows(async, capture.PassThrough!);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_value_that_Npgsql_cant_read_throws_where_it_is_read(bool async)
    {
        await using var command = database.DataSource.CreateCommand(WithUnreadable);
        await using var live = await command.ExecuteReaderAsync();

        var capture = await Capture(async, live);

        Assert.Equal(CaptureOutcome.UnreadableValue, capture.Outcome);
        Assert.IsType<InvalidCastException>(capture.Fault);
        await AssertRows(async, capture.PassThrough!, unreadable: 3);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_error_of_the_server_between_rows_comes_out_and_leaves_the_connection_usable(bool async)
    {
        await using var connection = await database.DataSource.OpenConnectionAsync();
        await using (var command = new NpgsqlCommand("SELECT 10 / (500 - i) FROM generate_series(0, 1000) AS i", connection))
        await using (var live = await command.ExecuteReaderAsync())
        {
            var layout = RowLayout.TryCreate([typeof(int)], out _)!;
            var exception = await Assert.ThrowsAsync<PostgresException>(
                () => ResultCapture.CaptureAsync(async, live, layout, long.MaxValue, null, default).AsTask());
            Assert.Equal(PostgresErrorCodes.DivisionByZero, exception.SqlState);
        }

        await using var next = new NpgsqlCommand("SELECT 1", connection);
        Assert.Equal(1, await next.ExecuteScalarAsync());
    }

    [Fact]
    public async Task A_cancellation_between_rows_comes_out_and_leaves_the_connection_usable()
    {
        await using var connection = await database.DataSource.OpenConnectionAsync();
        using var cancellation = new CancellationTokenSource();
        const string Sql = "SELECT i, pg_sleep(CASE i WHEN 5000 THEN 60 ELSE 0 END)::text FROM generate_series(0, 5000) AS i";
        await using (var command = new NpgsqlCommand(Sql, connection))
        await using (var live = await command.ExecuteReaderAsync(CancellationToken.None))
        {
            var capture = ResultCapture.CaptureAsync(
                true, live, RowLayout.TryCreate([typeof(int), typeof(string)], out _)!, long.MaxValue, null, cancellation.Token).AsTask();
            Assert.False(capture.IsCompleted);
            await cancellation.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => capture);
        }

        await using var next = new NpgsqlCommand("SELECT 1", connection);
        Assert.Equal(1, await next.ExecuteScalarAsync());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Two_statements_are_two_results(bool async)
    {
        await using var command = database.DataSource.CreateCommand("SELECT 1 AS one; SELECT 'two' AS two");
        await using var live = await command.ExecuteReaderAsync();

        var layout = RowLayout.TryCreate([typeof(int)], out _)!;
        var capture = await ResultCapture.CaptureAsync(async, live, layout, long.MaxValue, null, default);

        Assert.Equal(CaptureOutcome.MoreResultSets, capture.Outcome);
        var reader = capture.PassThrough!;
        Assert.True(reader.Read());
        Assert.Equal(1, reader.GetInt32(0));
        Assert.False(reader.Read());
        Assert.True(reader.NextResult());
        Assert.Equal("two", reader.GetName(0));
        Assert.True(reader.Read());
        Assert.Equal("two", reader.GetString(0));
        Assert.False(reader.NextResult());
    }

    [Fact]
    public async Task A_column_that_nobody_reads_may_be_of_a_type_that_nobody_mapped()
    {
        await using var command = database.DataSource.CreateCommand("SELECT 1 AS id, 'pg_class'::regclass AS relation");
        await using var live = await command.ExecuteReaderAsync();
        Assert.Throws<InvalidCastException>(() => live.GetFieldType(1));

        var layout = NamedColumns.TryCreate([("id", typeof(int))], out _)!.LayoutFor(live)!;
        var capture = await ResultCapture.CaptureAsync(true, live, layout, long.MaxValue, null, default);

        Assert.True(capture.IsComplete);
        var cached = new CachedDataReader();
        cached.Reset(capture.Result);
        Assert.True(cached.Read());
        Assert.Equal(1, cached.GetInt32(0));
        Assert.Throws<InvalidCastException>(() => cached.GetFieldType(1));
    }

    [Fact]
    public async Task Rows_past_the_limit_are_not_read_ahead()
    {
        await using var connection = await database.DataSource.OpenConnectionAsync();
        await using var command = new NpgsqlCommand("SELECT i FROM generate_series(1, 3000000) AS i", connection);
        await using var live = await command.ExecuteReaderAsync();

        var reader = (await ResultCapture.CaptureAsync(
            true, live, RowLayout.TryCreate([typeof(int)], out _)!, long.MaxValue, 10, default)).PassThrough!;

        for (var i = 1; i <= 20; i++)
        {
            Assert.True(await reader.ReadAsync());
            Assert.Equal(i, reader.GetInt32(0));
        }

        Assert.False(live.IsClosed);
        await command.DisposeAsync();
    }

    private static ValueTask<Capture> Capture(bool async, DbDataReader live, long maxBytes = long.MaxValue, int? maxRows = null)
        => ResultCapture.CaptureAsync(async, live, RowLayout.TryCreate(Types, out _)!, maxBytes, maxRows, default);

    private static async Task AssertRows(bool async, DbDataReader reader, int? unreadable = null)
    {
        for (var i = 0; i < RowCount; i++)
        {
            Assert.True(async ? await reader.ReadAsync() : reader.Read());
            Assert.Equal(i, reader.GetInt32(0));
            Assert.Equal($"row {i}", reader.GetString(1));
            if (i == unreadable)
                Assert.Throws<InvalidCastException>(() => reader.GetDecimal(2));
            else
                Assert.Equal(i == 3 ? 4.5m : i * 1.5m, reader.GetDecimal(2));
            Assert.Equal([i, i + 1], reader.GetFieldValue<int[]>(3));
        }

        Assert.False(async ? await reader.ReadAsync() : reader.Read());
    }
}
