using System.Text.Json;

namespace EfSecondLevelCache.IntegrationTests.Consistency;

/// <summary>
/// A history as a process writes it down, line by line. Each line is with the operating system before the process goes on, so that one that is killed
/// loses nothing; what it had begun to write is there as a write with unknown outcome.
/// </summary>
internal sealed class HistoryFile(string path) : IDisposable
{
    private readonly FileStream _file = new(path, FileMode.CreateNew, FileAccess.Write, FileShare.Read, bufferSize: 0);
    private readonly Lock _lock = new();
    private int _writes;

    /// <returns>Tells the line of its end.</returns>
    public int Begin(Write write)
    {
        var number = Interlocked.Increment(ref _writes);
        Append(new Line(number, write with { Returned = long.MaxValue, Outcome = Outcome.Unknown }, null));
        return number;
    }

    public void End(int number, Write write) => Append(new Line(number, write, null));

    public void Add(Read read) => Append(new Line(0, null, read));

    public static (IReadOnlyCollection<Write> Writes, IReadOnlyCollection<Read> Reads) Load(string path)
    {
        var writes = new Dictionary<int, Write>();
        var reads = new List<Read>();
        // What follows the last end of a line was torn by the end of the process.
        foreach (var text in File.ReadAllText(path).Split('\n')[..^1])
        {
            var line = JsonSerializer.Deserialize<Line>(text)!;
            if (line.Read is { } read)
                reads.Add(read);
            else
                writes[line.Number] = line.Write!;
        }

        return (writes.Values, reads);
    }

    public void Dispose() => _file.Dispose();

    private void Append(Line line)
    {
        byte[] bytes = [.. JsonSerializer.SerializeToUtf8Bytes(line), (byte)'\n'];
        lock (_lock)
            _file.Write(bytes);
    }

    private sealed record Line(int Number, Write? Write, Read? Read);
}
