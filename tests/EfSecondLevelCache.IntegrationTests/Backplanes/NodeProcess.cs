using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using EfSecondLevelCache.IntegrationTests.Support;

namespace EfSecondLevelCache.IntegrationTests.Backplanes;

/// <summary>A node with a process and a cache of its own, behind a wire that carries what the others send to it.</summary>
internal sealed class NodeProcess : IAsyncDisposable
{
    private readonly ConcurrentDictionary<int, TaskCompletionSource<string>> _asked = new();
    private readonly int _port = TcpProxy.FreePort();
    private readonly string _connectionString;
    private readonly TimeSpan _maxStaleness;
    private Process _process = null!;
    private int _tags;

    public NodeProcess(string connectionString, TimeSpan maxStaleness)
    {
        _connectionString = connectionString;
        _maxStaleness = maxStaleness;
        Wire = new TcpProxy(new IPEndPoint(IPAddress.Loopback, _port));
    }

    public TcpProxy Wire { get; }

    public bool IsRunning { get; private set; }

    public void Start(IEnumerable<NodeProcess> members)
    {
        string[] arguments =
        [
            Path.Combine(AppContext.BaseDirectory, "EfSecondLevelCache.Node.dll"),
            _connectionString,
            $"127.0.0.1:{_port}",
            $"{Wire.Endpoint}",
            ((int)_maxStaleness.TotalMilliseconds).ToString(CultureInfo.InvariantCulture),
            .. members.Select(member => $"{member.Wire.Endpoint}"),
        ];
        _process = Process.Start(new ProcessStartInfo(Environment.ProcessPath is { } path && path.EndsWith("dotnet", StringComparison.Ordinal) ? path : "dotnet", arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;
        IsRunning = true;
        _ = ListenAsync(_process);
    }

    /// <summary>Fails when the node dies before it answers.</summary>
    public async Task<string> AskAsync(string question)
    {
        var tag = Interlocked.Increment(ref _tags);
        var answer = _asked[tag] = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_process)
        {
            _process.StandardInput.WriteLine($"{tag} {question}");
            _process.StandardInput.Flush();
        }

        return await answer.Task.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
    }

    public async Task KillAsync()
    {
        IsRunning = false;
        _process.Kill();
        await _process.WaitForExitAsync();
    }

    public Task SignalAsync(string signal) => Process.Start("kill", ["-s", signal, $"{_process.Id}"]).WaitForExitAsync();

    public async ValueTask DisposeAsync()
    {
        if (IsRunning)
            await KillAsync();
        _process.Dispose();
        await Wire.DisposeAsync();
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
