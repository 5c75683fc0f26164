using System.Data.Common;
using EfSecondLevelCache.Results;

namespace EfSecondLevelCache.Tests.Results;

/// <summary>Captures and reads back.</summary>
internal static class Rows
{
    public static RowLayout Layout(params Type?[] types)
        => RowLayout.TryCreate(types, out var unsupported)
            ?? throw new ArgumentException($"{unsupported} is not supported.", nameof(types));

    public static CachedResult Cached(Type[] types, params object?[][] rows) => Cached(Layout(types), types, rows);

    public static CachedResult Cached(RowLayout layout, Type[] types, params object?[][] rows)
    {
        var capture = ResultCapture.CaptureAsync(false, new FakeDataReader(types, rows), layout, long.MaxValue, null, default);
        return capture.GetAwaiter().GetResult().Result!;
    }

    public static CachedDataReader Reader(CachedResult result)
    {
        var reader = new CachedDataReader();
        reader.Reset(result);
        return reader;
    }

    /// <summary>A reader of one row, at that row.</summary>
    public static CachedDataReader On(Type type, object? value)
    {
        var reader = Reader(Cached([type], [value]));
        Assert.True(reader.Read());
        return reader;
    }

    /// <summary>Every value that is left, as EF Core would read it: an int, a nullable text and a decimal.</summary>
    public static List<(int, string?, decimal)> ReadAll(DbDataReader reader)
    {
        var rows = new List<(int, string?, decimal)>();
        while (reader.Read())
            rows.Add((reader.GetInt32(0), reader.IsDBNull(1) ? null : reader.GetString(1), reader.GetDecimal(2)));
        return rows;
    }
}
