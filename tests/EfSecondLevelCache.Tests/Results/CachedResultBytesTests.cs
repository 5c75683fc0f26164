using System.Collections;
using System.Collections.Immutable;
using System.Net;
using System.Net.NetworkInformation;
using System.Numerics;
using System.Text.Json;
using EfSecondLevelCache.Results;
using NpgsqlTypes;

namespace EfSecondLevelCache.Tests.Results;

// Alone, as it weighs the whole heap.
[CollectionDefinition(nameof(CachedResultBytesTests), DisableParallelization = true)]
[Collection(nameof(CachedResultBytesTests))]
public class CachedResultBytesTests
{
    private const int Bytes = 2 << 20;

    /// <summary>Makes the value of a column of row i.</summary>
    private static readonly Dictionary<Type, Func<int, object>> Values = new()
    {
        [typeof(int)] = i => i,
        [typeof(decimal)] = i => i * 1.5m,
        [typeof(Guid)] = _ => Guid.NewGuid(),
        [typeof(string)] = i => "text number " + i,
        [typeof(byte[])] = i => new byte[i % 50],
        [typeof(string[])] = i => new[] { "tag " + i, "tag " + i % 10, "" },
        [typeof(int[])] = i => Enumerable.Range(0, i % 20).ToArray(),
        [typeof(int?[])] = i => Enumerable.Range(0, i % 20).Select(n => n % 3 == 0 ? n : (int?)null).ToArray(),
        [typeof(int[,])] = i => new int[1 + i % 3, 4],
        [typeof(List<long>)] = i => Enumerable.Range(0, i % 20).Select(n => (long)n).ToList(),
        [typeof(List<string>)] = i => new List<string> { "a" + i, "b" + i },
        [typeof(NpgsqlRange<int>[])] = i => new[] { new NpgsqlRange<int>(i, i + 1) },
        [typeof(Dictionary<string, string>)] = i => new Dictionary<string, string> { ["color"] = "c" + i, ["size"] = "s" + i % 10 },
        [typeof(ImmutableDictionary<string, string>)] =
            i => new Dictionary<string, string> { ["color" + i] = "c" + i, ["size" + i] = "s" + i, ["x" + i] = "" }.ToImmutableDictionary(),
        [typeof(JsonDocument)] = i => JsonDocument.Parse($$"""{"id": {{i}}, "tags": ["a", "b", {"c": null}]}"""),
        [typeof(JsonElement)] = i => JsonElement.Parse($$"""[{{i}}, {{i}}]"""),
        [typeof(BitArray)] = i => new BitArray(1 + i % 100),
        [typeof(BigInteger)] = i => BigInteger.Pow(new BigInteger(-10), i % 60),
        [typeof(IPAddress)] = i => i % 2 == 0 ? new IPAddress(i) : new IPAddress(new byte[16]),
        [typeof(IPNetwork)] = i => new IPNetwork(new IPAddress(new byte[] { 10, 0, (byte)i, 0 }), 24),
        [typeof(NpgsqlInet)] = i => new NpgsqlInet(new IPAddress(i), 24),
        [typeof(PhysicalAddress)] = i => new PhysicalAddress(new byte[i % 2 == 0 ? 6 : 8]),
        [typeof(NpgsqlPath)] = i => new NpgsqlPath(Enumerable.Repeat(new NpgsqlPoint(i, i), 1 + i % 5), open: true),
        [typeof(NpgsqlPolygon)] = i => new NpgsqlPolygon(Enumerable.Repeat(new NpgsqlPoint(i, i), 1 + i % 5)),
        [typeof(NpgsqlCube)] = i => new NpgsqlCube(new double[] { 1, 2, i }, new double[] { 3, 4, i + 1 }),
        [typeof(NpgsqlInterval)] = i => new NpgsqlInterval(i, i, i),
        [typeof(NpgsqlTsQuery)] = i => new NpgsqlTsQueryAnd(
            new NpgsqlTsQueryNot(new NpgsqlTsQueryLexeme("a" + i)),
            new NpgsqlTsQueryFollowedBy(new NpgsqlTsQueryLexeme("b" + i), 2, new NpgsqlTsQueryLexeme("c" + i))),
    };

    public static IEnumerable<TheoryDataRow<Type>> Types => Values.Keys.Select(type => new TheoryDataRow<Type>(type));

    [Theory]
    [MemberData(nameof(Types))]
    public void A_result_takes_what_the_garbage_collector_says(Type type) => AssertBytes([type], rows: 1_000);

    [Theory]
    [InlineData(1)]
    [InlineData(20)]
    [InlineData(5_000)]
    public void A_result_of_several_columns_takes_what_the_garbage_collector_says(int rows)
        => AssertBytes([typeof(int), typeof(string), typeof(decimal), typeof(Guid), typeof(string[]), typeof(JsonDocument)], rows);

    [Fact]
    public void A_string_that_comes_again_takes_its_reference_only()
    {
        var once = Rows.Cached([typeof(string)], [.. Enumerable.Range(0, 100).Select(_ => new object?[] { "the same text" })]);
        var twice = Rows.Cached([typeof(string)], [.. Enumerable.Range(0, 200).Select(_ => new object?[] { "the same text" })]);

        Assert.Equal(100 * sizeof(long), twice.Bytes - once.Bytes);
    }

    private static void AssertBytes(Type[] types, int rows)
    {
        var layout = Rows.Layout(types);
        var results = new CachedResult[Bytes / Make().Bytes + 1];
        // Somebody else's objects may go at the same moment; that does not happen each time, and a wrong count does.
        var ratio = 0.0;
        for (var attempt = 0; attempt < 5 && ratio is (< 0.95 or > 1.05); attempt++)
            ratio = Weigh();

        TestContext.Current.SendDiagnosticMessage($"{string.Join(", ", types.Select(type => type.Name))}: {ratio:f4}");
        Assert.InRange(ratio, 0.95, 1.05);

        double Weigh()
        {
            Fill();
            var said = results.Sum(result => result.Bytes);
            var with = GC.GetTotalMemory(forceFullCollection: true);
            Array.Clear(results);
            return said / (double)(with - GC.GetTotalMemory(forceFullCollection: true));
        }

        // In a method of its own, whose frame keeps no result alive.
        void Fill()
        {
            for (var i = 0; i < results.Length; i++)
                results[i] = Make();
        }

        // The live reader makes every value when it is read, so that nobody else has it.
        CachedResult Make() => Rows.Cached(
            layout, types, [.. Enumerable.Range(0, rows).Select(i => types.Select(type => (object?)(() => Values[type](i))).ToArray())]);
    }
}
