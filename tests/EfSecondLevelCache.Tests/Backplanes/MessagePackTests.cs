using System.Buffers;
using MessagePack;

namespace EfSecondLevelCache.Tests.Backplanes;

/// <summary>The bytes are those of https://github.com/msgpack/msgpack/blob/master/spec.md, written by hand.</summary>
public class MessagePackTests
{
    [Theory]
    [InlineData(0, "00")]
    [InlineData(127, "7f")]
    [InlineData(128, "cc 80")]
    [InlineData(255, "cc ff")]
    [InlineData(256, "cd 01 00")]
    [InlineData(65535, "cd ff ff")]
    [InlineData(65536, "ce 00 01 00 00")]
    [InlineData(4294967295, "ce ff ff ff ff")]
    [InlineData(4294967296, "cf 00 00 00 01 00 00 00 00")]
    [InlineData(long.MaxValue, "cf 7f ff ff ff ff ff ff ff")]
    [InlineData(-1, "ff")]
    [InlineData(-32, "e0")]
    [InlineData(-33, "d0 df")]
    [InlineData(-128, "d0 80")]
    [InlineData(-129, "d1 ff 7f")]
    [InlineData(-32768, "d1 80 00")]
    [InlineData(-32769, "d2 ff ff 7f ff")]
    [InlineData(int.MinValue, "d2 80 00 00 00")]
    [InlineData(-2147483649, "d3 ff ff ff ff 7f ff ff ff")]
    [InlineData(long.MinValue, "d3 80 00 00 00 00 00 00 00")]
    public void An_integer_has_its_shortest_form(long value, string bytes)
    {
        Assert.Equal(bytes, Written(writer => writer.Write(value)));
        Assert.Equal(value, Reader(bytes).ReadInt64());
    }

    [Theory]
    [InlineData(5, "d3 00 00 00 00 00 00 00 05")]
    [InlineData(5, "d2 00 00 00 05")]
    [InlineData(5, "d1 00 05")]
    [InlineData(5, "d0 05")]
    [InlineData(5, "cd 00 05")]
    public void An_integer_may_have_a_longer_form(long value, string bytes) => Assert.Equal(value, Reader(bytes).ReadInt64());

    [Fact]
    public void The_largest_integer_is_unsigned()
    {
        const string Bytes = "cf ff ff ff ff ff ff ff ff";

        Assert.Equal(Bytes, Written(writer => writer.Write(ulong.MaxValue)));
        Assert.Equal(ulong.MaxValue, Reader(Bytes).ReadUInt64());
        Assert.Throws<MessagePackSerializationException>(() => Reader(Bytes).ReadInt64());
        Assert.Throws<MessagePackSerializationException>(() => Reader("ff").ReadUInt64());
        Assert.Throws<MessagePackSerializationException>(() => Reader("ce ff ff ff ff").ReadInt32());
    }

    [Fact]
    public void A_text_is_UTF_8_behind_its_length()
    {
        AssertText("", "a0");
        AssertText("é", "a2 c3 a9");
        AssertText(new string('a', 31), "bf" + Repeated(" 61", 31));
        AssertText(new string('a', 32), "d9 20" + Repeated(" 61", 32));
        AssertText(new string('a', 256), "da 01 00" + Repeated(" 61", 256));
        AssertText(new string('a', 65536), "db 00 01 00 00" + Repeated(" 61", 65536));
        AssertText(null, "c0");
        Assert.Throws<MessagePackSerializationException>(() => Reader("a1 ff").ReadString());
    }

    [Fact]
    public void Bytes_stand_behind_their_length()
    {
        AssertBytes(0, "c4 00");
        AssertBytes(255, "c4 ff" + Repeated(" 00", 255));
        AssertBytes(256, "c5 01 00" + Repeated(" 00", 256));
        AssertBytes(65536, "c6 00 01 00 00" + Repeated(" 00", 65536));
        Assert.Null(Reader("c0").ReadBytes());
    }

    [Fact]
    public void An_array_begins_with_its_length()
    {
        AssertArray(0, "90");
        AssertArray(15, "9f");
        AssertArray(16, "dc 00 10");
        AssertArray(65536, "dd 00 01 00 00");
    }

    [Fact]
    public void Booleans_and_nil_are_one_byte()
    {
        Assert.Equal("c2", Written(writer => writer.Write(false)));
        Assert.Equal("c3", Written(writer => writer.Write(true)));
        Assert.Equal("c0", Written(writer => writer.WriteNil()));
        Assert.True(Reader("c3").ReadBoolean());
        Assert.False(Reader("c2").ReadBoolean());
        Assert.True(Reader("c0").TryReadNil());
        Assert.False(Reader("c3").TryReadNil());
    }

    /// <summary>Who claims gigabytes and sends ten bytes makes nobody allocate gigabytes.</summary>
    [Theory]
    [InlineData("dd ff ff ff ff 00")]
    [InlineData("dc 00 02 00")]
    public void An_array_that_claims_more_than_there_is_ends_early(string bytes)
        => Assert.Throws<EndOfStreamException>(() => Reader(bytes).ReadArrayHeader());

    [Theory]
    [InlineData("db ff ff ff ff 61")]
    [InlineData("a2 61")]
    [InlineData("")]
    public void A_text_that_claims_more_than_there_is_ends_early(string bytes)
        => Assert.Throws<EndOfStreamException>(() => Reader(bytes).ReadString());

    [Fact]
    public void What_is_of_another_type_is_an_error()
    {
        Assert.Throws<MessagePackSerializationException>(() => Reader("a0").ReadInt64());
        Assert.Throws<MessagePackSerializationException>(() => Reader("80").ReadArrayHeader());
        Assert.Throws<MessagePackSerializationException>(() => Reader("01").ReadString());
        Assert.Throws<MessagePackSerializationException>(() => Reader("a0").ReadBytes());
        Assert.Throws<MessagePackSerializationException>(() => Reader("c0").ReadBoolean());
    }

    private static void AssertText(string? text, string bytes)
    {
        Assert.Equal(bytes, Written(writer => writer.Write(text)));
        Assert.Equal(text, Reader(bytes).ReadString());
    }

    private static void AssertBytes(int length, string bytes)
    {
        Assert.Equal(bytes, Written(writer => writer.Write(new byte[length])));
        Assert.Equal(new byte[length], Reader(bytes).ReadBytes()!.Value.ToArray());
    }

    private static void AssertArray(int count, string bytes)
    {
        Assert.Equal(bytes, Written(writer => writer.WriteArrayHeader(count)));
        Assert.Equal(count, Reader(bytes + Repeated(" 00", count)).ReadArrayHeader());
    }

    private static string Written(Action<MessagePackWriter> write)
    {
        var output = new ArrayBufferWriter<byte>();
        write(new MessagePackWriter(output));
        return string.Join(' ', output.WrittenSpan.ToArray().Select(b => b.ToString("x2")));
    }

    private static MessagePackReader Reader(string bytes) => new(Convert.FromHexString(bytes.Replace(" ", "")));

    private static string Repeated(string text, int count) => string.Concat(Enumerable.Repeat(text, count));
}
