using System.Buffers;
using EfSecondLevelCache.Values;
using EfSecondLevelCache.Versions;
using MessagePack;

namespace EfSecondLevelCache.Backplanes;

/// <summary>
/// A message as MessagePack: [version, sender, number, kind, ...]. docs/nodes.md has the format. What does not fit is told in fewer words:
/// without rows, at last without tables.
/// </summary>
internal static class ChangeMessageFormat
{
    /// <summary>A node that hears more others than that says so of these only.</summary>
    public const int MostHeard = 1_000;

    private const int MostNameLength = 1_000;

    private enum Kind
    {
        Alive,
        RowsChanged,
        TablesChanged,
        TagChanged,
        EverythingChanged,
        Left,
        AcknowledgementAsked,
        Acknowledged,
    }

    public static byte[] Encode(ChangeMessage message, int maxBytes)
    {
        var written = new ArrayBufferWriter<byte>(256);
        foreach (var content in InFewerWords(message.Content!))
        {
            written.ResetWrittenCount();
            var writer = new MessagePackWriter(written);
            Write(ref writer, message, content);
            writer.Flush();
            if (written.WrittenCount <= maxBytes)
                break;
        }

        return written.WrittenSpan.ToArray();
    }

    /// <summary>False where the bytes are no message.</summary>
    public static bool TryDecode(ReadOnlyMemory<byte> bytes, out ChangeMessage message)
    {
        message = null!;
        try
        {
            var reader = new MessagePackReader(bytes);
            if (reader.ReadArrayHeader() < 3)
                return false;
            var version = reader.ReadInt32();
            Span<byte> sender = stackalloc byte[16];
            if (reader.ReadBytes() is not { Length: 16 } id)
                return false;
            id.CopyTo(sender);
            var number = reader.ReadInt64();
            var content = version == ChangeMessage.Version ? ReadContent(ref reader) : null;
            message = new ChangeMessage(new Guid(sender), number, content);
            return number >= 0 && (version != ChangeMessage.Version || (content is not null && reader.End));
        }
        catch (Exception)
        {
            // The reader has many ways to say that it met garbage.
            return false;
        }
    }

    private static IEnumerable<MessageContent> InFewerWords(MessageContent content)
    {
        yield return content;
        if (content is RowsChanged rows)
        {
            yield return rows with { Changes = [.. rows.Changes.Select(change => change with { Rows = null })] };
            yield return rows with { Changes = [TableChange.UnknownTables] };
        }

        if (content is Alive alive)
            yield return alive with { Heard = [] };
        else if (content is Change)
            yield return Change.Everything;
    }

    private static void Write(ref MessagePackWriter writer, ChangeMessage message, MessageContent content)
    {
        switch (content)
        {
            case Alive alive:
                Begin(ref writer, message, Kind.Alive, 3);
                writer.Write(alive.Node);
                writer.Write(alive.Stamp);
                var heard = Math.Min(alive.Heard.Count, MostHeard);
                writer.WriteArrayHeader(2 * heard);
                foreach (var (sender, stamp) in alive.Heard.Take(heard))
                {
                    Write(ref writer, sender);
                    writer.Write(stamp);
                }

                break;
            case RowsChanged rows:
                Begin(ref writer, message, Kind.RowsChanged, 2);
                writer.Write(rows.Database);
                writer.WriteArrayHeader(rows.Changes.Count);
                foreach (var change in rows.Changes)
                    Write(ref writer, change);
                break;
            case TablesChanged tables:
                Begin(ref writer, message, Kind.TablesChanged, 1);
                writer.WriteArrayHeader(tables.Tables.Count);
                foreach (var table in tables.Tables)
                    Write(ref writer, table);
                break;
            case TagChanged tag:
                Begin(ref writer, message, Kind.TagChanged, 1);
                writer.Write(tag.Tag);
                break;
            case EverythingChanged:
                Begin(ref writer, message, Kind.EverythingChanged, 0);
                break;
            case Left:
                Begin(ref writer, message, Kind.Left, 0);
                break;
            case AcknowledgementAsked asked:
                Begin(ref writer, message, Kind.AcknowledgementAsked, 1);
                writer.Write(asked.Stamp);
                break;
            case Acknowledged acknowledged:
                Begin(ref writer, message, Kind.Acknowledged, 2);
                Write(ref writer, acknowledged.Asker);
                writer.Write(acknowledged.Stamp);
                break;
        }
    }

    private static void Begin(ref MessagePackWriter writer, ChangeMessage message, Kind kind, int fields)
    {
        writer.WriteArrayHeader(4 + fields);
        writer.Write(ChangeMessage.Version);
        Write(ref writer, message.Sender);
        writer.Write(message.Number);
        writer.Write((long)kind);
    }

    private static void Write(ref MessagePackWriter writer, Guid id) => writer.Write(id.ToByteArray());

    private static void Write(ref MessagePackWriter writer, TableName table)
    {
        writer.WriteArrayHeader(2);
        writer.Write(table.Schema);
        writer.Write(table.Name);
    }

    /// <summary>Nil for any table, else [table, rows or nil, columns]: a row is of pairs of the number of a column and a hash.</summary>
    private static void Write(ref MessagePackWriter writer, TableChange change)
    {
        if (change.Table is not { } table)
        {
            writer.WriteNil();
            return;
        }

        writer.WriteArrayHeader(3);
        Write(ref writer, table);
        var columns = new List<KeyColumn>();
        if (change.Rows is { } rows)
            Write(ref writer, rows, columns);
        else
            writer.WriteNil();
        writer.WriteArrayHeader(2 * columns.Count);
        foreach (var column in columns)
        {
            writer.Write(column.Name);
            writer.Write((long)column.Family);
        }
    }

    private static void Write(ref MessagePackWriter writer, IReadOnlyList<RowImage> rows, List<KeyColumn> columns)
    {
        var numbers = new Dictionary<KeyColumn, int>();
        writer.WriteArrayHeader(rows.Count);
        foreach (var row in rows)
        {
            writer.WriteArrayHeader(2 * row.Columns.Count);
            foreach (var column in row.Columns.AsSpan())
            {
                var key = new KeyColumn(column.Name, column.Family);
                if (!numbers.TryGetValue(key, out var number))
                {
                    numbers[key] = number = columns.Count;
                    columns.Add(key);
                }

                writer.Write((long)number);
                writer.Write(column.Hash);
            }
        }
    }

    private static MessageContent? ReadContent(ref MessagePackReader reader) => (Kind)reader.ReadInt32() switch
    {
        Kind.Alive => new Alive(ReadName(ref reader), reader.ReadInt64(), ReadHeard(ref reader)),
        Kind.RowsChanged => new RowsChanged(ReadName(ref reader), ReadChanges(ref reader)),
        Kind.TablesChanged => new TablesChanged(ReadTables(ref reader)),
        Kind.TagChanged => new TagChanged(reader.ReadString() ?? throw Missing("tag")),
        Kind.EverythingChanged => new EverythingChanged(),
        Kind.Left => new Left(),
        Kind.AcknowledgementAsked => new AcknowledgementAsked(reader.ReadInt64()),
        Kind.Acknowledged => new Acknowledged(ReadGuid(ref reader), reader.ReadInt64()),
        _ => null,
    };

    private static HeardStamp[] ReadHeard(ref MessagePackReader reader)
    {
        var heard = new HeardStamp[reader.ReadArrayHeader() / 2];
        for (var i = 0; i < heard.Length; i++)
            heard[i] = new HeardStamp(ReadGuid(ref reader), reader.ReadInt64());
        return heard;
    }

    private static Guid ReadGuid(ref MessagePackReader reader)
        => reader.ReadBytes() is { Length: 16 } bytes ? new Guid(bytes.ToArray()) : throw Missing("sender");

    private static TableName[] ReadTables(ref MessagePackReader reader)
    {
        var tables = new TableName[reader.ReadArrayHeader()];
        for (var i = 0; i < tables.Length; i++)
            tables[i] = ReadTable(ref reader);
        return tables;
    }

    private static TableName ReadTable(ref MessagePackReader reader)
    {
        ReadHeader(ref reader, 2);
        return new TableName(reader.TryReadNil() ? null : ReadName(ref reader), ReadName(ref reader));
    }

    private static TableChange[] ReadChanges(ref MessagePackReader reader)
    {
        var changes = new TableChange[reader.ReadArrayHeader()];
        for (var i = 0; i < changes.Length; i++)
            changes[i] = reader.TryReadNil() ? TableChange.UnknownTables : ReadChange(ref reader);
        return changes;
    }

    private static TableChange ReadChange(ref MessagePackReader reader)
    {
        ReadHeader(ref reader, 3);
        var table = ReadTable(ref reader);
        var rows = reader.TryReadNil() ? null : ReadRows(ref reader);
        var columns = new KeyColumn[reader.ReadArrayHeader() / 2];
        for (var i = 0; i < columns.Length; i++)
            columns[i] = new KeyColumn(ReadName(ref reader), (ComparisonFamily)reader.ReadInt32());
        return new TableChange(table) { Rows = rows?.Select(row => ToImage(row, columns)).ToArray() };
    }

    private static (int Column, ulong Hash)[][] ReadRows(ref MessagePackReader reader)
    {
        var rows = new (int Column, ulong Hash)[reader.ReadArrayHeader()][];
        for (var i = 0; i < rows.Length; i++)
        {
            rows[i] = new (int, ulong)[reader.ReadArrayHeader() / 2];
            for (var j = 0; j < rows[i].Length; j++)
                rows[i][j] = (reader.ReadInt32(), reader.ReadUInt64());
        }

        return rows;
    }

    private static RowImage ToImage((int Column, ulong Hash)[] row, KeyColumn[] columns)
        => new([.. row.Select(value => (uint)value.Column < (uint)columns.Length
            ? new ColumnImage(columns[value.Column].Name, columns[value.Column].Family, value.Hash, IsStated: false)
            : throw Missing("column"))]);

    private static string ReadName(ref MessagePackReader reader)
        => reader.ReadString() is { Length: <= MostNameLength } name ? name : throw Missing("name");

    private static void ReadHeader(ref MessagePackReader reader, int count)
    {
        if (reader.ReadArrayHeader() != count)
            throw Missing("field");
    }

    private static MessagePackSerializationException Missing(string what) => new($"A {what} is missing or too long.");
}
