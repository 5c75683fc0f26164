using System.Collections;
using System.Collections.Immutable;
using System.Collections.ObjectModel;
using System.Globalization;
using System.Net;
using System.Net.NetworkInformation;
using System.Numerics;
using System.Text.Json;
using EfSecondLevelCache.Keys;
using FsCheck;
using FsCheck.Fluent;
using NpgsqlTypes;

namespace EfSecondLevelCache.Tests.Keys;

public class ParameterEncoderTests
{
    private enum Colour
    {
        Red = 1,
        Green = 2,
    }

    private enum Size
    {
        Small = 1,
    }

    private enum Tiny : byte
    {
        One = 1,
    }

    /// <summary>Every kind of value, each different from all others in value or type; made anew by each call.</summary>
    private static object?[] DifferentValues() =>
    [
        null, false, true,
        (byte)0, (byte)1, (sbyte)0, (sbyte)1, (sbyte)-1, (short)0, (short)1, (ushort)0, (ushort)1, 0, 1, -1, int.MinValue, int.MaxValue,
        0u, 1u, uint.MaxValue, 0L, 1L, -1L, long.MinValue, 0UL, 1UL, ulong.MaxValue,
        0f, -0f, 1f, float.NaN, BitConverter.UInt32BitsToSingle(0x7fc0_0001), float.PositiveInfinity, float.NegativeInfinity, float.Epsilon,
        0d, -0d, 1d, double.NaN, BitConverter.UInt64BitsToDouble(0x7ff8_0000_0000_0001), double.PositiveInfinity,
        double.NegativeInfinity, double.Epsilon,
        (Half)0, (Half)1, (Int128)1, (UInt128)1,
        (1, "a"), (1, "b"), (2, "a"), new Version(1, 2), new Version(1, 2, 3),
        KeyValuePair.Create("a", 1), Tuple.Create(1), Tuple.Create(2), new ReadOnlyMemory<byte>([1]), new ReadOnlyMemory<byte>([1, 0]),
        new NpgsqlRange<string>("a", "b"), new NpgsqlRange<string>("a", "c"),
        new Numbers(new float[] { 1 }), new Numbers(new[] { 1f, 2f }), new Numbers(default),
        0m, 0.0m, 1m, 1.0m, 1.00m, -1m, decimal.MaxValue, decimal.MinValue, 0.1m,
        'a', 'b', '\0', "", "a", "b", "ab", "ä", "a\u0308", "A", "\0", "a\0", "null", "1", new string('x', 2_000), "\ud800", "\ud801",
        Guid.Empty, new Guid(1, 0, 0, new byte[8]), new Guid(0, 1, 0, new byte[8]),
        new DateTime(2024, 1, 2, 3, 4, 5, DateTimeKind.Unspecified), new DateTime(2024, 1, 2, 3, 4, 5, DateTimeKind.Utc),
        new DateTime(2024, 1, 2, 3, 4, 5, DateTimeKind.Local), new DateTime(2024, 1, 2, 3, 4, 5).AddTicks(1),
        DateTime.MinValue, DateTime.MaxValue,
        new DateTimeOffset(2024, 1, 2, 3, 0, 0, TimeSpan.Zero), new DateTimeOffset(2024, 1, 2, 4, 0, 0, TimeSpan.FromHours(1)),
        new DateTimeOffset(2024, 1, 2, 3, 0, 0, TimeSpan.FromHours(1)),
        new DateOnly(2024, 1, 2), new DateOnly(2024, 1, 3), new TimeOnly(3, 4), new TimeOnly(3, 5), TimeSpan.Zero, new TimeSpan(3, 4, 0),
        Array.Empty<byte>(), new byte[] { 0 }, new byte[] { 0, 0 }, new byte[] { 1 },
        Colour.Red, Colour.Green, (Colour)7, Size.Small, Tiny.One, DayOfWeek.Monday,
        new BigInteger(0), new BigInteger(1), new BigInteger(-1), BigInteger.Pow(2, 200), -BigInteger.Pow(2, 200),
        new BitArray(0), new BitArray(1), new BitArray(8), new BitArray(9), new BitArray([true]), new BitArray([true, false]),
        IPAddress.Loopback, IPAddress.Any, IPAddress.IPv6Loopback, IPAddress.Loopback.MapToIPv6(), IPAddress.IPv6Any,
        IPAddress.Parse("fe80::1%1"), IPAddress.Parse("fe80::1%2"), IPAddress.Parse("fe80::1"),
        IPNetwork.Parse("10.0.0.0/8"), IPNetwork.Parse("10.0.0.0/9"), IPNetwork.Parse("10.0.0.0/32"), IPNetwork.Parse("::/8"),
        new NpgsqlInet(IPAddress.Parse("10.0.0.0"), 8), new NpgsqlInet(IPAddress.Parse("10.0.0.0"), 32),
        new NpgsqlInet(IPAddress.Parse("10.0.0.1"), 8),
        PhysicalAddress.Parse("08-00-2B-01-02-03"), PhysicalAddress.Parse("08-00-2B-01-02-04"),
        PhysicalAddress.Parse("08-00-2B-01-02-03-04-05"),
        JsonDocument.Parse("""{"a":1}"""), JsonDocument.Parse("""{"a": 1}"""), JsonDocument.Parse("null"), JsonDocument.Parse("\"\""),
        new Dictionary<string, string?>(), new Dictionary<string, string?> { ["a"] = null },
        new Dictionary<string, string?> { ["a"] = "" },
        new Dictionary<string, string?> { ["a"] = "b" }, new Dictionary<string, string?> { ["b"] = "a" },
        new Dictionary<string, string?> { ["ab"] = "" },
        new Dictionary<string, string?> { ["a"] = "b", ["c"] = "d" }, new Dictionary<string, string?> { ["a"] = "d", ["c"] = "b" },
        new NpgsqlPoint(1, 2), new NpgsqlPoint(2, 1), new NpgsqlPoint(0d, 0d), new NpgsqlPoint(-0d, 0d),
        new NpgsqlInterval(1, 0, 0), new NpgsqlInterval(0, 1, 0), new NpgsqlInterval(0, 0, 1), new NpgsqlInterval(0, 30, 0),
        new NpgsqlLSeg(new NpgsqlPoint(1, 2), new NpgsqlPoint(3, 4)), new NpgsqlBox(new NpgsqlPoint(3, 4), new NpgsqlPoint(1, 2)),
        new NpgsqlCircle(1, 2, 3), new NpgsqlLine(1, 2, 3), new NpgsqlLine(3, 2, 1), new NpgsqlLogSequenceNumber(1), new NpgsqlTid(1, 2),
        new NpgsqlRange<int>(1, 5), new NpgsqlRange<int>(1, true, 5, false), new NpgsqlRange<int>(1, false, 5, true),
        new NpgsqlRange<int>(1, 6), new NpgsqlRange<int>(0, false, true, 5, true, false), NpgsqlRange<int>.Empty,
        new NpgsqlRange<long>(1, 5),
        new NpgsqlRange<DateOnly>(new DateOnly(2024, 1, 1), new DateOnly(2024, 1, 2)),
        new NpgsqlTsQueryEmpty(), Lexeme("a"), Lexeme("b"), new NpgsqlTsQueryLexeme("a", NpgsqlTsQueryLexeme.Weight.A),
        new NpgsqlTsQueryLexeme("a", NpgsqlTsQueryLexeme.Weight.None, true), new NpgsqlTsQueryNot(Lexeme("a")),
        new NpgsqlTsQueryAnd(Lexeme("a"), Lexeme("b")), new NpgsqlTsQueryAnd(Lexeme("b"), Lexeme("a")),
        new NpgsqlTsQueryOr(Lexeme("a"), Lexeme("b")), new NpgsqlTsQueryFollowedBy(Lexeme("a"), 1, Lexeme("b")),
        new NpgsqlTsQueryFollowedBy(Lexeme("a"), 2, Lexeme("b")), new NpgsqlTsQueryNot(new NpgsqlTsQueryAnd(Lexeme("a"), Lexeme("b"))),
        new NpgsqlTsQueryAnd(new NpgsqlTsQueryNot(Lexeme("a")), Lexeme("b")),
        // Their text is the same.
        new NpgsqlTsQueryAnd(Lexeme("a"), new NpgsqlTsQueryAnd(Lexeme("b"), Lexeme("c"))),
        new NpgsqlTsQueryAnd(new NpgsqlTsQueryAnd(Lexeme("a"), Lexeme("b")), Lexeme("c")),
        Vector(""), Vector("'a'"), Vector("'b'"), Vector("'a' 'b'"), Vector("'a b'"), Vector("'a'' ''b'"), Vector("'a:1'"), Vector("'a':1"),
        Vector("'a':1,2"), Vector("'a':12"), Vector("'a':1A"), Vector("'a':1C"), Vector(@"'a\\'"),
        Array.Empty<int>(), new[] { 0 }, new[] { 1 }, new[] { 1, 2 }, new[] { 2, 1 }, new[] { 1, 2, 3 }, new int?[] { 1 },
        new int?[] { null }, new int?[] { 1, null },
        new[] { 1u },
        Array.Empty<uint>(), new[] { Colour.Red }, new[] { Size.Small }, new[] { 1L }, new[] { 1UL }, new[] { (short)1 }, new[] { 'a' },
        new[] { 1d }, new[] { 0d }, new[] { -0d }, new[] { 1f }, new[] { 1m }, new[] { 1.0m }, new[] { true }, new[] { Guid.Empty },
        Array.Empty<string>(), new[] { "" }, new[] { "a" }, new[] { "ab", "c" }, new[] { "a", "bc" }, new[] { "abc" },
        new string?[] { null },
        new string?[] { null, "" }, new string?[] { "", null }, new[] { "", "" }, new object?[] { "a" }, new object?[] { null },
        new object?[] { 1 }, new object?[] { 1L },
        new[] { new byte[] { 1 }, new byte[] { 2 } }, new[] { new byte[] { 1, 2 } }, new[] { new byte[] { 1, 2 }, [] },
        new int[,] { { 1, 2 } }, new int[,] { { 1 }, { 2 } }, new int[,,] { { { 1, 2 } } }, new int[1, 0], new int[0, 1],
        Array.CreateInstance(typeof(int), [1], [1]), Array.CreateInstance(typeof(int), [1], [2]),
        new int[][] { [1, 2] }, new int[][] { [1], [2] }, new int[][] { [], [1, 2] }, new int[][] { [1, 2], [] }, new int[]?[] { null },
        new[] { new NpgsqlRange<int>(1, 5) }, new[] { new NpgsqlPoint(1, 2) },
        new List<int>(), new List<int> { 0 }, new List<int> { 1 }, new List<int> { 1, 2 }, new List<int?> { 1 },
        new List<uint> { 1 }, new List<long> { 1 }, new List<Colour> { Colour.Red },
        new List<string> { "ab", "c" }, new List<string> { "a", "bc" }, new List<object?> { "a" }, new List<List<int>> { new() { 1, 2 } },
        new List<List<int>> { new() { 1 }, new() { 2 } }, new List<Guid> { Guid.Empty }, new List<bool> { true },
        new List<NpgsqlRange<int>> { new(1, 5) },
        new NamedInts { 1 }, new ArrayList { 1 }, ImmutableArray.Create(1), ImmutableList.Create(1),
    ];

    private static NpgsqlTsQueryLexeme Lexeme(string text) => new(text);

#pragma warning disable CS0618 // Npgsql reads some texts unlike PostgreSQL does; which ones does not matter here.
    private static NpgsqlTsVector Vector(string text) => NpgsqlTsVector.Parse(text);
#pragma warning restore CS0618

    [Fact]
    public void No_two_different_values_have_the_same_form_and_none_begins_like_another()
    {
        var values = DifferentValues();
        var forms = values.Select(value => Encode(value)!).ToArray();
        Assert.All(forms, Assert.NotNull);

        for (var i = 0; i < forms.Length; i++)
        {
            for (var j = 0; j < forms.Length; j++)
            {
                // That none is the beginning of another makes every sequence of values one of a kind.
                if (i != j && forms[j].AsSpan().StartsWith(forms[i]))
                    Assert.Fail($"{Describe(values[j])} is written like {Describe(values[i])}, or begins like it");
            }
        }
    }

    [Fact]
    public void Equal_values_have_the_same_form_whichever_object_holds_them()
    {
        foreach (var (one, other) in DifferentValues().Zip(DifferentValues()))
        {
            // Npgsql's ranges have padding, which is written with them.
            if (one?.GetType().ToString().Contains("NpgsqlRange", StringComparison.Ordinal) == true)
                continue;
            Assert.True(Encode(one)!.SequenceEqual(Encode(other)!), $"{Describe(one)} has two forms");
        }
    }

    [Theory]
    [InlineData("de-DE")]
    [InlineData("ar-SA")]
    [InlineData("tr-TR")]
    [InlineData("fa-IR")]
    public void Culture_has_no_influence(string culture)
    {
        var before = DifferentValues().Select(value => Encode(value)).ToArray();
        var (current, currentUi) = (CultureInfo.CurrentCulture, CultureInfo.CurrentUICulture);
        CultureInfo.CurrentCulture = CultureInfo.CurrentUICulture = new CultureInfo(culture);
        try
        {
            foreach (var (value, form) in DifferentValues().Zip(before))
            {
                if (value?.GetType().ToString().Contains("NpgsqlRange", StringComparison.Ordinal) != true)
                    Assert.True(form!.SequenceEqual(Encode(value)!), $"{Describe(value)} has another form in {culture}");
            }
        }
        finally
        {
            (CultureInfo.CurrentCulture, CultureInfo.CurrentUICulture) = (current, currentUi);
        }
    }

    /// <summary>
    /// Sequences are drawn from few values, so that near misses and equal ones are frequent; each is made twice, so that equal ones are
    /// not the same objects. The description is the reference: independent of the encoder, and exact.
    /// </summary>
    [Fact]
    public void Sequences_have_the_same_form_where_and_only_where_they_are_the_same()
    {
        var sequences = Values(depth: 2).ListOf().Select(makers => makers.ToArray());

        Prop.ForAll(
                (from one in sequences from other in sequences select (one, other)).ToArbitrary(),
                pair =>
                {
                    var (one, other) = (Make(pair.one), Make(pair.other));
                    var same = one.Select(Describe).SequenceEqual(other.Select(Describe));
                    return Encode(one)!.SequenceEqual(Encode(other)!) == same
                        && Encode(one)!.SequenceEqual(Encode(Make(pair.one))!);
                })
            .Check(Config.QuickThrowOnFailure.WithMaxTest(3_000));

        static object?[] Make(Func<object?>[] makers) => [.. makers.Select(make => make())];
    }

    [Fact]
    public void No_sequence_begins_with_another_one_of_as_many_values()
    {
        var sequences = Values(depth: 1).ArrayOf(3);

        Prop.ForAll(
                (from one in sequences from other in sequences select (one, other)).ToArbitrary(),
                pair =>
                {
                    var (one, other) = (Encode([.. pair.one.Select(make => make())])!, Encode([.. pair.other.Select(make => make())])!);
                    return one.SequenceEqual(other) || !one.AsSpan().StartsWith(other);
                })
            .Check(Config.QuickThrowOnFailure.WithMaxTest(3_000));
    }

    [Fact]
    public void Texts_of_any_characters_are_told_apart()
        => Prop.ForAll<string?[], string?[]>((one, other)
                => Encode([.. one])!.SequenceEqual(Encode([.. other])!) == one.SequenceEqual(other, StringComparer.Ordinal))
            .Check(Config.QuickThrowOnFailure.WithMaxTest(1_000));

    [Fact]
    public void Numbers_are_told_apart_by_their_bits()
        => Prop.ForAll<double, double>((a, b)
                => Encode(a)!.SequenceEqual(Encode(b)!) == (BitConverter.DoubleToInt64Bits(a) == BitConverter.DoubleToInt64Bits(b)))
            .Check(Config.QuickThrowOnFailure.WithMaxTest(1_000));

    [Fact]
    public void Decimals_are_told_apart_by_their_bits()
        => Prop.ForAll<decimal, decimal>((a, b)
                => Encode(a)!.SequenceEqual(Encode(b)!) == decimal.GetBits(a).SequenceEqual(decimal.GetBits(b)))
            .Check(Config.QuickThrowOnFailure.WithMaxTest(1_000));

    [Fact]
    public void DBNull_is_null() => Assert.Equal(Encode([null]), Encode(DBNull.Value));

    [Fact]
    public void A_value_in_a_nullable_is_the_value()
    {
        int? number = 5;
        Assert.Equal(Encode(5), Encode(number));
    }

    /// <summary>The runtime takes an array of one integer type for an array of another of the same width.</summary>
    [Theory]
    [InlineData(typeof(sbyte))]
    [InlineData(typeof(Tiny))]
    public void Bytes_are_told_apart_from_arrays_that_the_runtime_takes_for_bytes(Type element)
    {
        var lookalike = Array.CreateInstance(element, 1);
        Buffer.SetByte(lookalike, 0, 1);

        Assert.NotEqual(Encode(new byte[] { 1 }), Encode(lookalike));
    }

    [Fact]
    public void The_order_in_which_a_dictionary_was_filled_has_no_influence()
    {
        var one = new Dictionary<string, string?> { ["a"] = "1", ["b"] = null, ["Ä"] = "3", ["B"] = "4" };
        var other = new Dictionary<string, string?> { ["B"] = "4", ["Ä"] = "3", ["b"] = null, ["a"] = "1" };

        Assert.Equal(Encode(one), Encode(other));
        Assert.Equal(Encode(one.ToImmutableDictionary()), Encode(other.ToImmutableDictionary()));
    }

    [Fact]
    public void A_list_that_its_owner_changes_does_not_change_what_was_written()
    {
        var list = new List<int> { 1, 2, 3 };
        var array = new[] { 1, 2, 3 };
        var writer = new KeyWriter(stackalloc byte[512]);
        ParameterEncoder.TryWrite(ref writer, list);
        ParameterEncoder.TryWrite(ref writer, array);
        var written = writer.Written.ToArray();

        list[0] = 9;
        list.Add(4);
        array[0] = 9;

        Assert.Equal(written, writer.Written.ToArray());
        Assert.NotEqual(Encode(new List<int> { 1, 2, 3 }), Encode(list));
        writer.Dispose();
    }

    [Fact]
    public void A_list_that_changes_while_it_is_written_is_refused()
    {
        Assert.Null(Encode(new ChangingList(count: 2, items: [1])));
        Assert.Null(Encode(new ChangingList(count: 1, items: [1, 2])));
        Assert.NotNull(Encode(new ChangingList(count: 1, items: [1])));
    }

    public static TheoryData<string, object> WithoutExactForm => new()
    {
        { "an object", new object() },
        { "a class", new Poco() },
        { "a delegate", new Func<int>(() => 1) },
        { "a struct that holds a reference", new Labelled(new Poco(), 1) },
        { "a stream", new MemoryStream([1]) },
        { "an array of objects that holds one", new object[] { 1, new Poco() } },
        { "a list that holds one", new List<object> { 1, new Poco() } },
        { "an array of arrays that holds one", new object[] { new object[] { new Poco() } } },
        { "an array of structs that hold references", new[] { new Labelled(new Poco(), 1) } },
        { "a set", new HashSet<int> { 1 } },
        { "a sequence", Enumerable.Range(0, 3).Where(number => number > 0) },
        { "a dictionary of objects", new Dictionary<string, object> { ["a"] = 1 } },
        { "a JsonElement of nothing", default(JsonElement) },
        { "a path", new NpgsqlPath(new NpgsqlPoint(1, 2)) },
        { "an exception", new InvalidOperationException() },
    };

    [Theory]
    [MemberData(nameof(WithoutExactForm))]
    public void What_has_no_exact_form_is_refused(string what, object value) => Assert.True(Encode(value) is null, what);

    [Fact]
    public void What_comes_after_a_value_without_exact_form_does_not_make_it_acceptable()
        => Assert.Null(Encode(1, new Poco(), 2));

    [Fact]
    public void A_value_that_is_larger_than_the_stack_is_written_whole()
    {
        var numbers = Enumerable.Range(0, 100_000).ToArray();
        var form = Encode(numbers, "end")!;
        numbers[^1]++;

        Assert.True(form.Length > 400_000);
        Assert.False(form.SequenceEqual(Encode(numbers, "end")!));
    }

    /// <summary>Makers of values, from few of each kind.</summary>
    private static Gen<Func<object?>> Values(int depth)
    {
        Gen<Func<object?>> leaves = Gen.Elements<Func<object?>>(
            () => null, () => "", () => "a", () => "b", () => "ab", () => 0, () => 1, () => -1, () => 0L, () => 1L, () => (short)1,
            () => (byte)1,
            () => true, () => false, () => 0d, () => -0d, () => double.NaN, () => 1f, () => 1m, () => 1.0m, () => 'a', () => Guid.Empty,
            () => Colour.Red, () => Size.Small, () => new DateTime(1, DateTimeKind.Utc), () => new DateTime(1, DateTimeKind.Unspecified),
            () => new DateOnly(1, 1, 2), () => new TimeOnly(1), () => new TimeSpan(1), () => new byte[] { 1 }, () => Array.Empty<byte>(),
            () => new NpgsqlPoint(1, 2), () => new BigInteger(1), () => new BitArray([true]), () => IPAddress.Loopback,
            () => new int[] { }, () => new[] { 1 }, () => new[] { 1u }, () => new[] { 1, 1 }, () => new List<int> { 1 },
            () => new List<int>(),
            () => new[] { "a", "b" }, () => new[] { "ab" }, () => new string?[] { null }, () => new List<string> { "a", "b" });
        if (depth == 0)
            return leaves;

        var items = Values(depth - 1).ArrayOf().Resize(3);
        return Gen.Frequency(
            (4, leaves),
            (1, items.Select<Func<object?>[], Func<object?>>(makers => () => makers.Select(make => make()).ToArray())),
            (1, items.Select<Func<object?>[], Func<object?>>(makers => () => makers.Select(make => make()).ToList())));
    }

    private static byte[]? Encode(params object?[] values)
    {
        var writer = new KeyWriter(stackalloc byte[64]);
        try
        {
            foreach (var value in values)
            {
                if (!ParameterEncoder.TryWrite(ref writer, value))
                    return null;
            }

            return writer.Written.ToArray();
        }
        finally
        {
            writer.Dispose();
        }
    }

    private static string Describe(object? value) => value switch
    {
        null => "null",
        string text => $"\"{text.Length}:{text}\"",
        float number => $"float {BitConverter.SingleToInt32Bits(number):x}",
        double number => $"double {BitConverter.DoubleToInt64Bits(number):x}",
        decimal number => $"decimal {string.Join(' ', decimal.GetBits(number))}",
        DateTime time => $"DateTime {time.Ticks} {time.Kind}",
        NpgsqlPoint point => $"point {Describe(point.X)} {Describe(point.Y)}",
        IEnumerable items => $"{items.GetType()} {(items as Array)?.Rank}[{string.Join(", ", items.Cast<object?>().Select(Describe))}]",
        _ => $"{value.GetType()} {string.Create(CultureInfo.InvariantCulture, $"{value}")}",
    };

    private sealed class NamedInts : List<int>;

    private sealed record Numbers(ReadOnlyMemory<float> Of);

    private sealed class Poco
    {
        public int Number { get; set; }
    }

    private readonly record struct Labelled(Poco Poco, int Number);

    /// <summary>Another thread's changes, as far as they can be seen from here.</summary>
    private sealed class ChangingList(int count, int[] items) : Collection<int>(items), ICollection, IList
    {
        int ICollection.Count => count;
    }
}
