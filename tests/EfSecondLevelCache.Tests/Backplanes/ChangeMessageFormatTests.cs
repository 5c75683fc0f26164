using EfSecondLevelCache.Backplanes;
using EfSecondLevelCache.Values;
using EfSecondLevelCache.Versions;

namespace EfSecondLevelCache.Tests.Backplanes;

public class ChangeMessageFormatTests
{
    private const int Unbounded = 1 << 20;

    private static readonly Guid Sender = new("00112233-4455-6677-8899-aabbccddeeff");

    private static readonly MessageContent[] Contents =
    [
        new Alive("node 1", 12345678901, [new HeardStamp(Guid.NewGuid(), 1), new HeardStamp(Guid.NewGuid(), long.MaxValue)]),
        new Alive("", 0, []),
        new TablesChanged([new TableName("sales", "orders"), new TableName(null, "é")]),
        new TagChanged("menu"),
        new EverythingChanged(),
        new Left(),
        new AcknowledgementAsked(12345678901),
        new Acknowledged(Guid.NewGuid(), 12345678901),
    ];

    [Fact]
    public void A_message_is_the_same_on_the_other_side()
    {
        foreach (var content in Contents)
            Assert.Equivalent(new ChangeMessage(Sender, 7, content), Transferred(content), strict: true);
    }

    [Fact]
    public void Rows_are_the_same_on_the_other_side()
    {
        var posts = new TableChange(new TableName("public", "posts")) { Rows = [Row(("Id", 7), ("BlogId", 1)), Row(("Id", 7)), Row()] };
        var told = Assert.IsType<RowsChanged>(Transferred(
            new RowsChanged("shop", [posts, new TableChange(new TableName(null, "blogs")), TableChange.UnknownTables])).Content);

        Assert.Equal("shop", told.Database);
        Assert.Equal([posts.Table, new TableName(null, "blogs"), null], told.Changes.Select(change => change.Table));
        Assert.Equal(posts.Rows, told.Changes.First().Rows);
        Assert.All(told.Changes.Skip(1), change => Assert.Null(change.Rows));
        Assert.Same(TableChange.UnknownTables, told.Changes.Last());
    }

    [Fact]
    public void What_does_not_fit_is_told_without_rows_and_at_last_without_tables()
    {
        var posts = new TableChange(new TableName("public", "posts")) { Rows = [.. Enumerable.Range(0, 1000).Select(i => Row(("Id", i)))] };
        var rows = new RowsChanged("shop", [posts]);

        var withoutRows = Assert.IsType<RowsChanged>(Transferred(rows, 100).Content);
        var withoutTables = Assert.IsType<RowsChanged>(Transferred(rows, 32).Content);

        Assert.Equal([new TableChange(posts.Table)], withoutRows.Changes);
        Assert.Equal([TableChange.UnknownTables], withoutTables.Changes);
        Assert.IsType<EverythingChanged>(Transferred(new TagChanged(new string('x', 1000)), 100).Content);
        Assert.True(Encoded(rows, 12_000).Length <= 12_000);
    }

    [Fact]
    public void A_message_of_another_version_still_has_a_sender_and_a_number()
    {
        var bytes = Encoded(new EverythingChanged());
        bytes[1] = ChangeMessage.Version + 1;

        Assert.True(ChangeMessageFormat.TryDecode(bytes, out var message));
        Assert.Equal(new ChangeMessage(Sender, 7, Content: null), message);
    }

    [Fact]
    public void The_first_bytes_never_change()
        => Assert.Equal("94-01-C4-10-33-22-11-00-55-44-77-66-88-99-AA-BB-CC-DD-EE-FF-07-04", BitConverter.ToString(Encoded(new EverythingChanged())));

    /// <summary>A million frames of noise and of messages with a few bytes changed, cut or added: each is read, or is no message.</summary>
    [Fact]
    public void Garbage_is_no_message_and_costs_nothing()
    {
        var random = new Random(1);
        byte[][] seeds = [.. Contents.Append(new RowsChanged("shop", [new TableChange(new TableName("public", "posts")) { Rows = [Row(("Id", 7))] }]))
            .Select(content => Encoded(content))];
        var (messages, before) = (0, GC.GetAllocatedBytesForCurrentThread());
        for (var i = 0; i < 1_000_000; i++)
        {
            if (ChangeMessageFormat.TryDecode(Garbage(random, seeds[i % seeds.Length]), out _))
                messages++;
        }

        Assert.InRange(messages, 1_000, 999_000);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 2_000_000_000);
    }

    private static byte[] Garbage(Random random, byte[] seed)
    {
        var bytes = random.Next(4) == 0 ? new byte[random.Next(64)] : (byte[])seed.Clone();
        if (bytes.Length < 64 && random.Next(4) == 0)
            random.NextBytes(bytes);
        for (var i = random.Next(4); i > 0 && bytes.Length > 0; i--)
            bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
        return random.Next(4) switch
        {
            0 => bytes[..random.Next(bytes.Length + 1)],
            1 => [.. bytes, (byte)random.Next(256)],
            _ => bytes,
        };
    }

    private static ChangeMessage Transferred(MessageContent content, int maxBytes = Unbounded)
    {
        Assert.True(ChangeMessageFormat.TryDecode(Encoded(content, maxBytes), out var message));
        return message;
    }

    private static byte[] Encoded(MessageContent content, int maxBytes = Unbounded)
        => ChangeMessageFormat.Encode(new ChangeMessage(Sender, 7, content), maxBytes);

    private static RowImage Row(params (string Column, int Value)[] values)
        => new([.. values.Select(value => new ColumnImage(value.Column, ComparisonFamily.Integer, ulong.MaxValue - (ulong)value.Value, IsStated: false))]);
}
