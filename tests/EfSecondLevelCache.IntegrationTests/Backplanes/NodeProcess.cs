using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using EfSecondLevelCache.Node;

namespace EfSecondLevelCache.IntegrationTests.Backplanes;

/// <summary>A node with a process and a cache of its own.</summary>
/// <param name="settings">Of every process that is started as this node.</param>
/// <param name="folder">Takes the histories.</param>
/// <param name="launcher">The command that starts another one; empty: it is started directly.</param>
internal sealed class NodeProcess(NodeSettings settings, string folder, string[] launcher) : IAsyncDisposable
{
    private const long ValuesOfProcess = 1_000_000;

    private static int _started;

    private readonly ConcurrentDictionary<int, TaskCompletionSource<string>> _asked = new();
    private readonly List<string> _histories = [];
    private Process? _process;
    private int _tags;

    /// <summary>What its processes have written down, each in a file of its own.</summary>
    public IReadOnlyList<string> Histories => _histories;

    public void Start()
    {
        var number = Interlocked.Increment(ref _started);
        _histories.Add(Path.Combine(folder, $"{number}.jsonl"));
        string[] command =
        [
            .. launcher,
            Environment.ProcessPath is { } path && path.EndsWith("dotnet", StringComparison.Ordinal) ? path : "dotnet",
            Path.Combine(AppContext.BaseDirectory, "EfSecondLevelCache.Node.dll"),
            JsonSerializer.Serialize(settings with { History = _histories[^1], FirstValue = number * ValuesOfProcess }),
        ];
        _process = Process.Start(new ProcessStartInfo(command[0], command[1..]) { RedirectStandardInput = true, RedirectStandardOutput = true })!;
        _ = ListenAsync(_process);
    }

    /// <summary>Fails when the node dies before it answers.</summary>
    public async Task<string> AskAsync(string question)
    {
        var tag = Interlocked.Increment(ref _tags);
        var answer = _asked[tag] = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_asked)
        {
            _process!.StandardInput.WriteLine($"{tag} {question}");
            _process.StandardInput.Flush();
        }

        var told = await answer.Task.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
        return told.StartsWith("failed", StringComparison.Ordinal) ? throw new IOException($"{question}: {told}") : told;
    }

    public async Task<int> CountAsync(string question) => int.Parse(await AskAsync(question), CultureInfo.InvariantCulture);

    public async Task KillAsync()
    {
        _process!.Kill();
        await _process.WaitForExitAsync();
    }

    public Task SignalAsync(string signal) => Process.Start("kill", ["-s", signal, $"{_process!.Id}"]).WaitForExitAsync();

    public async ValueTask DisposeAsync()
    {
        if (_process is null)
            return;
        if (!_process.HasExited)
            await KillAsync();
        _process.Dispose();
    }

    private async Task ListenAsync(Process process)
    {
        while (await process.StandardOutput.ReadLineAsync() is { } line)
        {
            var space = line.IndexOf(' ', StringComparison.Ordinal);
            if (_asked.TryRemove(int.Parse(line[..space], CultureInfo.InvariantCulture), out var answer))
                answer.TrySetResult(line[(space + 1)..]);
        }

        foreach (var tag in _asked.Keys)
        {
            if (_asked.TryRemove(tag, out var answer))
                answer.TrySetException(new IOException("the node died"));
        }
    }
}
