using EfSecondLevelCache.Results;

namespace EfSecondLevelCache.Tests.Results;

public class CachedResultTests
{
    private const int LargeObjectThreshold = 85_000;

    public static IEnumerable<TheoryDataRow<Type[], int>> SizesAroundChunks
        => from types in new Type[][] { [typeof(int), typeof(string), typeof(decimal)], [typeof(long)], [typeof(string)], WideRow }
           from chunks in new[] { 1, 2, 5 }
           from difference in new[] { -1, 0, 1 }
           select new TheoryDataRow<Type[], int>(types, chunks * Rows.Layout(types).RowsPerChunk + difference);

    private static Type[] WideRow => [.. Enumerable.Repeat(typeof(decimal), 700), .. Enumerable.Repeat(typeof(string), 700)];

    [Theory]
    [MemberData(nameof(SizesAroundChunks))]
    public void No_array_of_a_result_reaches_the_large_object_threshold(Type[] types, int rows)
    {
        var result = Rows.Cached(types, Data(types, rows));

        var seen = 0;
        var chunks = 0;
        for (; result.TryGetChunk(chunks, out var chunk, out var chunkRows); chunks++)
        {
            Assert.InRange(ObjectSize.OfArray<byte>(chunk.Inline.Length), 0, LargeObjectThreshold - 1);
            Assert.InRange(ObjectSize.OfArray<object>(chunk.References.Length), 0, LargeObjectThreshold - 1);
            Assert.Equal(chunkRows * result.Layout.InlineStride, chunk.Inline.Length);
            Assert.Equal(chunkRows * result.Layout.ReferenceStride, chunk.References.Length);
            seen += chunkRows;
        }

        Assert.Equal(rows, seen);
        Assert.Equal((rows + result.Layout.RowsPerChunk - 1) / result.Layout.RowsPerChunk, chunks);
    }

    [Theory]
    [MemberData(nameof(SizesAroundChunks))]
    public void Every_row_is_served_once_and_in_order_across_chunks(Type[] types, int rows)
    {
        var data = Data(types, rows);
        var reader = Rows.Reader(Rows.Cached(types, data));

        for (var i = 0; i < rows; i++)
        {
            Assert.True(reader.Read());
            Assert.Equal(data[i][0], reader.GetValue(0));
            Assert.Equal(data[i][^1], reader.GetValue(types.Length - 1));
        }

        Assert.False(reader.Read());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(1000)]
    [InlineData(84_968)]
    public void An_array_takes_what_the_runtime_says(int length)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        var array = length == 0 ? [] : new byte[length];
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        Assert.Equal(allocated, ObjectSize.OfArray<byte>(length));
        Assert.Equal(length, array.Length);
    }

    private static object?[][] Data(Type[] types, int rows)
        => [.. Enumerable.Range(0, rows).Select(row => types.Select(object? (type) => type switch
        {
            _ when type == typeof(int) => row,
            _ when type == typeof(long) => row * 5_000_000_000L,
            _ when type == typeof(decimal) => row * 0.25m,
            _ => $"text {row}",
        }).ToArray())];
}
