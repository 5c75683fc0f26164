using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using EfSecondLevelCache.IntegrationTests.Support;
using EfSecondLevelCache.Node;
using Microsoft.EntityFrameworkCore;

namespace EfSecondLevelCache.IntegrationTests.Backplanes;

/// <summary>
/// Three processes write and read the same rows while something happens to one of them. No read may return less than what had been written, and
/// acknowledged, MaxStaleness before the read began.
/// </summary>
public sealed class ClusterTests(PostgresServer server, ITestOutputHelper output) : IAsyncLifetime
{
    private const int Rows = 3;

    private static readonly TimeSpan MaxStaleness = TimeSpan.FromSeconds(1.5);
    private static readonly TimeSpan BetweenWrites = TimeSpan.FromSeconds(0.2);
    private static readonly TimeSpan LongerThanThat = TimeSpan.FromSeconds(4);

    private readonly ConcurrentQueue<(int Row, int Value, long At)> _written = [];
    private readonly ConcurrentQueue<(int Node, int Row, int Value, long At)> _read = [];
    private readonly CancellationTokenSource _stopping = new();
    private PostgresDatabase _database = null!;
    private NodeProcess[] _nodes = [];

    public async ValueTask InitializeAsync()
    {
        _database = await server.CreateDatabaseAsync();
        await using (var db = new ItemContext(_database.ConnectionString, null))
        {
            await db.Database.EnsureCreatedAsync();
            db.Items.AddRange(Enumerable.Range(1, Rows).Select(id => new Item { Id = id }));
            await db.SaveChangesAsync();
        }

        _nodes = [.. Enumerable.Range(0, 3).Select(_ => new NodeProcess(_database.ConnectionString, MaxStaleness))];
        foreach (var node in _nodes)
            node.Start(_nodes);
        await AllHeardAsync();
        await Task.WhenAll(_nodes.Select(node => node.AskAsync("read 1")));
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var node in _nodes)
            await node.DisposeAsync();
        await _database.DisposeAsync();
    }

    [Fact]
    public Task A_node_is_killed_and_started_again_at_the_same_address() => CheckAsync(async () =>
    {
        await _nodes[2].KillAsync();
        await Task.Delay(LongerThanThat);
        _nodes[2].Start(_nodes);
    });

    [Fact]
    public Task A_node_is_stopped_for_longer_than_it_may_be_stale() => CheckAsync(async () =>
    {
        await _nodes[2].SignalAsync("STOP");
        await Task.Delay(LongerThanThat);
        await _nodes[2].SignalAsync("CONT");
    });

    [Fact]
    public Task A_node_is_cut_off() => CheckAsync(async () =>
    {
        _nodes[2].Wire.Cut();
        await Task.Delay(LongerThanThat);
        _nodes[2].Wire.Restore();
    });

    /// <summary>What is sent to it is lost without a word; what it sends itself arrives.</summary>
    [Fact]
    public Task A_node_hears_nothing_and_is_heard() => CheckAsync(async () =>
    {
        _nodes[2].Wire.Hold();
        await Task.Delay(LongerThanThat);
        _nodes[2].Wire.Restore();
    });

    private async Task CheckAsync(Func<Task> fault)
    {
        Task[] clients = [WriteAsync(_nodes[0], 0), WriteAsync(_nodes[1], 1), .. Enumerable.Range(0, 3).Select(ReadAsync)];
        await AllServeAsync();
        await fault();
        var healed = Stopwatch.StartNew();
        await AllHeardAsync();
        await AllServeAsync();
        output.WriteLine($"all nodes served from their caches {healed.ElapsedMilliseconds} ms after the fault had ended");
        await _stopping.CancelAsync();
        await Task.WhenAll(clients);

        output.WriteLine($"{_written.Count} writes, {_read.Count} reads, hits: {string.Join(", ", await HitsAsync())}");
        Assert.Empty(StaleReads());

        // When nothing changes any more everybody sees the last values, from the cache.
        foreach (var node in _nodes)
        {
            for (var row = 1; row <= Rows; row++)
                Assert.Equal($"{_written.Where(w => w.Row == row).Max(w => w.Value)}", await node.AskAsync($"read {row}"));
        }
    }

    private async Task AllHeardAsync()
    {
        foreach (var node in _nodes)
            await Eventually.TrueAsync(async () => await node.AskAsync("heard") == "2 Live");
    }

    private async Task AllServeAsync()
    {
        var before = await HitsAsync();
        await Eventually.TrueAsync(async () => (await HitsAsync()).Zip(before).All(hits => hits.First > hits.Second));
    }

    private Task<int[]> HitsAsync()
        => Task.WhenAll(_nodes.Select(async node => int.Parse(await node.AskAsync("hits"), CultureInfo.InvariantCulture)));

    private IEnumerable<string> StaleReads()
    {
        var bound = (long)(MaxStaleness.TotalSeconds * Stopwatch.Frequency);
        foreach (var row in Enumerable.Range(1, Rows))
        {
            var written = _written.Where(w => w.Row == row).OrderBy(w => w.At).ToArray();
            var (next, due) = (0, 0);
            foreach (var read in _read.Where(r => r.Row == row).OrderBy(r => r.At))
            {
                for (; next < written.Length && written[next].At < read.At - bound; next++)
                    due = Math.Max(due, written[next].Value);
                if (read.Value < due)
                    yield return $"node {read.Node} read {read.Value} of row {row} when {due} was due";
            }
        }
    }

    /// <summary>Each writer has rows of its own, or values would not only rise.</summary>
    private async Task WriteAsync(NodeProcess node, int writer)
    {
        for (var value = 1; !_stopping.IsCancellationRequested; value++)
        {
            var row = writer == 0 ? 1 + (value % 2) : 3;
            if (await node.AskAsync($"write {row} {value}") == "ok")
                _written.Enqueue((row, value, Stopwatch.GetTimestamp()));
            await Task.Delay(BetweenWrites);
        }
    }

    private async Task ReadAsync(int number)
    {
        for (var i = 0; !_stopping.IsCancellationRequested; i++)
        {
            var row = 1 + (i % Rows);
            var at = Stopwatch.GetTimestamp();
            try
            {
                _read.Enqueue((number, row, int.Parse(await _nodes[number].AskAsync($"read {row}"), CultureInfo.InvariantCulture), at));
            }
            catch (IOException)
            {
                // It is dead at the moment.
                await Task.Delay(50);
            }
        }
    }
}
