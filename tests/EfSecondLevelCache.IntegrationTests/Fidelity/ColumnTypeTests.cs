using System.Data.Common;
using System.Globalization;
using EfSecondLevelCache.Results;
using Microsoft.EntityFrameworkCore.Storage;
using Npgsql;

namespace EfSecondLevelCache.IntegrationTests.Fidelity;

/// <summary>A cached reader gives what the live reader gave, for every type, and however it is asked.</summary>
[Collection(nameof(FidelityCollection))]
public sealed class ColumnTypeTests(FidelityDatabase database)
{
    /// <summary>For these, GetValue gives the type that EF Core reads, as Npgsql's own choice can't be made of it.</summary>
    private static readonly string[] StoredAsAnotherType =
    [
        "numeric as BigInteger", "numeric as Single", "numeric as Double", "json as JsonDocument", "jsonb as JsonDocument",
        "json as JsonElement", "jsonb as JsonElement", "interval as NpgsqlInterval", "inet as NpgsqlInet", "cidr as NpgsqlCidr",
        "bit(1) as Boolean", "mood as String", "hstore as ImmutableDictionary<String, String>", "smallint[] as Byte[]",
        "numeric[] as BigInteger[]", "numeric[] as BigInteger?[]", "jsonb[] as JsonDocument[]", "jsonb[] as JsonElement[]",
        "inet[] as List<NpgsqlInet>", "inet[] as NpgsqlInet?[]", "timestamp with time zone[] as List<DateTimeOffset>", "text as Char",
        "character(1) as Char", "integer[] as Int32?[]", "integer[] as List<Int32?>", "tstzrange as NpgsqlRange<DateTimeOffset>",
        "daterange as NpgsqlRange<DateTime>",
    ];

    public static IEnumerable<TheoryDataRow<string>> Names => ColumnType.Names;

    [Theory]
    [MemberData(nameof(Names))]
    public async Task A_hit_equals_the_miss_and_changing_one_changes_no_other(string name)
    {
        var type = ColumnType.Named(name);
        var live = await LiveValues(type);
        var result = await Cached(type, async: true);

        Assert.Equal(live, Values(result, type, change: true));
        Assert.Equal(live, Values(result, type, change: true));
        Assert.Equal(live, Values(result, type, change: false));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public async Task A_hit_equals_the_miss_whatever_the_culture(string name)
    {
        var type = ColumnType.Named(name);
        var live = await LiveValues(type);

        var culture = CultureInfo.CurrentCulture;
        try
        {
            CultureInfo.CurrentCulture = new("ar-SA");
            var result = await Cached(type, async: false);
            CultureInfo.CurrentCulture = new("tr-TR");
            Assert.Equal(live, Values(result, type, change: false));
        }
        finally
        {
            CultureInfo.CurrentCulture = culture;
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public async Task Whatever_else_is_asked_the_answer_is_the_live_readers(string name)
    {
        var type = ColumnType.Named(name);
        var result = await Cached(type, async: false);
        await using var command = database.DataSource.CreateCommand(type.Query);
        await using var live = await command.ExecuteReaderAsync();
        var cached = new CachedDataReader();
        cached.Reset(result);

        Assert.Equal(live.HasRows, cached.HasRows);
        Assert.Equal(live.FieldCount, cached.FieldCount);
        Assert.Equal(live.GetName(0), cached.GetName(0));
        Assert.Equal(live.GetFieldType(0), cached.GetFieldType(0));
        Assert.Equal(live.GetDataTypeName(0), cached.GetDataTypeName(0));
        Assert.Equal(live.GetOrdinal("VALUE"), cached.GetOrdinal("VALUE"));
        while (await live.ReadAsync())
        {
            Assert.True(await cached.ReadAsync());
            Assert.Equal(live.IsDBNull(0), cached.IsDBNull(0));
            Assert.Equal(await live.IsDBNullAsync(0), await cached.IsDBNullAsync(0));
            Assert.Equal(live.GetInt32(1), cached.GetInt32(1));
            if (!StoredAsAnotherType.Contains(name))
            {
                Assert.Equal(ExactValue.Of(live.GetValue(0)), ExactValue.Of(cached.GetValue(0)));
                Assert.Equal(ExactValue.Of(live.GetFieldValue<object>(0)), ExactValue.Of(cached.GetFieldValue<object>(0)));
            }
            else
            {
                Assert.Equal(live.IsDBNull(0), cached.GetValue(0) is DBNull);
            }
        }

        Assert.False(await cached.ReadAsync());
    }

    [Fact]
    public void Something_can_be_changed_in_what_was_returned()
    {
        // Else the tests above would show nothing.
        var types = ColumnType.All.Where(type => type.ToString().EndsWith(']')).ToArray();
        Assert.NotEmpty(types);
        object[] values = [new[] { 1 }, new List<string> { "a" }, new Dictionary<string, string>(), System.Net.IPAddress.Parse("::1")];
        foreach (var value in values)
        {
            var before = ExactValue.Of(value);
            Assert.True(Mutation.TryApply(value));
            Assert.NotEqual(before, ExactValue.Of(value));
        }
    }

    private async Task<List<string>> LiveValues(ColumnType type)
    {
        await using var command = database.DataSource.CreateCommand(type.Query);
        await using var reader = await command.ExecuteReaderAsync();
        return Values(reader, type, change: false);
    }

    private async Task<CachedResult> Cached(ColumnType type, bool async)
    {
        await using var command = database.DataSource.CreateCommand(type.Query);
        await using var reader = await command.ExecuteReaderAsync();
        var capture = await ResultCapture.CaptureAsync(async, reader, Layout(type), long.MaxValue, null, default);
        Assert.Null(capture.Fault);
        return capture.Result!;
    }

    private static RowLayout Layout(ColumnType type) => RowLayout.TryCreate([type.ClrType, typeof(int)], out _)!;

    private static List<string> Values(CachedResult result, ColumnType type, bool change)
    {
        var reader = new CachedDataReader();
        reader.Reset(result);
        return Values(reader, type, change);
    }

    /// <summary>By the method that EF Core uses for this type.</summary>
    private static List<string> Values(DbDataReader reader, ColumnType type, bool change)
    {
        var method = RelationalTypeMapping.GetDataReaderMethod(type.ClrType);
        var values = new List<string>();
        while (reader.Read())
        {
            if (reader.IsDBNull(0))
            {
                values.Add("null");
                continue;
            }

            var value = method.Invoke(reader, [0]);
            values.Add(ExactValue.Of(value));
            Assert.Equal(values[^1], ExactValue.Of(method.Invoke(reader, [0])));
            if (change && Mutation.TryApply(value) && value is not System.Text.Json.JsonDocument)
                Assert.NotEqual(values[^1], ExactValue.Of(value));
        }

        return values;
    }
}
