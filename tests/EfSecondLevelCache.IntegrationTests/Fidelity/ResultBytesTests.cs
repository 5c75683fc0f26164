using System.Collections;
using System.Collections.Immutable;
using System.Net;
using System.Net.NetworkInformation;
using System.Numerics;
using System.Text.Json;
using EfSecondLevelCache.Results;
using NpgsqlTypes;

namespace EfSecondLevelCache.IntegrationTests.Fidelity;

// Alone, as it weighs the whole heap.
[CollectionDefinition(nameof(ResultBytesTests), DisableParallelization = true)]
public sealed class ResultBytesCollection : ICollectionFixture<FidelityDatabase>;

/// <summary>A result takes the memory that it says, with the values as Npgsql builds them.</summary>
[Collection(nameof(ResultBytesTests))]
public sealed class ResultBytesTests(FidelityDatabase database)
{
    private const int RowCount = 2_000;
    private const int Bytes = 4 << 20;

    public static TheoryData<Type, string> Columns => new()
    {
        { typeof(int), "i" },
        { typeof(Guid), "gen_random_uuid()" },
        { typeof(decimal), "i * 1.5" },
        { typeof(BigInteger), "trunc(10::numeric ^ (i % 60))" },
        { typeof(string), "'text number ' || i" },
        { typeof(byte[]), "repeat('ab', i % 30)::bytea" },
        { typeof(string[]), "ARRAY['tag ' || i, 'tag ' || i % 10, '']" },
        { typeof(List<int>), "ARRAY[i, i + 1, i + 2]" },
        { typeof(int[,]), "ARRAY[[i, i + 1], [i, i]]" },
        { typeof(NpgsqlRange<int>[]), "int4multirange(int4range(i, i + 1))" },
        { typeof(Dictionary<string, string>), "hstore(ARRAY['color', 'c' || i, 'size', 's' || i % 10])" },
        { typeof(ImmutableDictionary<string, string>), "hstore(ARRAY['color' || i, 'c' || i, 'size' || i, 's' || i])" },
        { typeof(JsonDocument), "jsonb_build_object('id', i, 'tags', ARRAY['a', 'b'])" },
        { typeof(JsonElement), "jsonb_build_array(i, i)" },
        { typeof(BitArray), "repeat('1', i % 100)::varbit" },
        { typeof(IPAddress), "CASE i % 2 WHEN 0 THEN inet '10.0.0.0' + i ELSE inet '2001:db8::' + i END" },
        { typeof(IPNetwork), "set_masklen(inet '10.0.0.0' + i * 256, 24)::cidr" },
        { typeof(NpgsqlInet), "inet '10.0.0.0/24' + i" },
        { typeof(PhysicalAddress), "('08:00:2b:01:02:' || lpad((i % 100)::text, 2, '0'))::macaddr" },
        { typeof(NpgsqlPath), "path(polygon(3 + i % 5, circle '<(1,2),3>'))" },
        { typeof(NpgsqlPolygon), "polygon(3 + i % 5, circle '<(1,2),3>')" },
        { typeof(NpgsqlCube), "cube(ARRAY[i, 2, 3]::float8[], ARRAY[i + 1, 4, 5]::float8[])" },
        { typeof(NpgsqlTsVector), "to_tsvector('simple', 'word' || i || ' two three two')" },
        { typeof(NpgsqlTsQuery), "to_tsquery('simple', '!a' || i || ' & (b' || i || ' <2> c' || i || ')')" },
    };

    [Theory]
    [MemberData(nameof(Columns))]
    public void A_result_takes_what_the_garbage_collector_says(Type type, string expression)
    {
        var layout = RowLayout.TryCreate([type], out _)!;
        var results = new CachedResult[Bytes / Capture().Bytes + 1];
        // Somebody else's objects may go at the same moment; that does not happen each time, and a wrong count does.
        var ratio = 0.0;
        for (var attempt = 0; attempt < 5 && ratio is (< 0.95 or > 1.05); attempt++)
            ratio = Weigh();

        TestContext.Current.SendDiagnosticMessage($"{type}: {ratio:f4}");
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
                results[i] = Capture();
        }

        CachedResult Capture()
        {
            using var command = database.DataSource.CreateCommand($"SELECT {expression} FROM generate_series(1, {RowCount}) AS i");
            using var reader = command.ExecuteReader();
            return ResultCapture.CaptureAsync(false, reader, layout, long.MaxValue, null, default).AsTask().Result.Result!;
        }
    }
}
