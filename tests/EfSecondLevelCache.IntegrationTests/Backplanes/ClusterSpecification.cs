using System.Diagnostics;
using System.Globalization;
using EfSecondLevelCache.IntegrationTests.Consistency;
using EfSecondLevelCache.IntegrationTests.Support;
using EfSecondLevelCache.Node;

namespace EfSecondLevelCache.IntegrationTests.Backplanes;

/// <summary>
/// Three processes, each with a cache of its own, read and write one small database while something happens to one of them. The history of all three
/// is checked against the database's log: no read is older than what had returned on its own node when it was called, nor than what had
/// returned on another one a bound before. How long it takes until all serve again is reported, not asserted; <c>EFSLC_HISTORY_SECONDS</c>
/// makes the times before and after a fault longer.
/// </summary>
[Collection("clusters")]
public abstract class ClusterSpecification(PostgresServer server, ITestOutputHelper output) : IAsyncLifetime
{
    /// <summary>The node to which something happens.</summary>
    protected const int Victim = 2;

    private const int Size = 3;

    /// <summary>Below that, too little came from the caches to prove anything. While a fault lasts, nearly everything goes to the database.</summary>
    private const double LeastHitRatio = 0.1;

    private const int MostViolationsShown = 3;

    protected static readonly TimeSpan MaxStaleness = TimeSpan.FromSeconds(1.5);
    protected static readonly TimeSpan LongerThanThat = TimeSpan.FromSeconds(3.5);

    private static readonly TimeSpan Quiet = TimeSpan.FromSeconds(
        int.TryParse(Environment.GetEnvironmentVariable("EFSLC_HISTORY_SECONDS"), CultureInfo.InvariantCulture, out var seconds) ? seconds : 1);

    private readonly string _folder = Directory.CreateTempSubdirectory("efslc-cluster-").FullName;
    private HistoryDatabase _database = null!;

    /// <summary>How old a read may be of what another node has written.</summary>
    protected virtual TimeSpan Bound => MaxStaleness;

    /// <summary>Null: the test can run here.</summary>
    protected virtual string? WhyNot => null;

    internal NodeProcess[] Nodes { get; private set; } = [];

    internal HistoryDatabase Database => _database;

    public virtual async ValueTask InitializeAsync()
    {
        Assert.SkipWhen(WhyNot is not null, WhyNot ?? "");
        _database = await HistoryDatabase.CreateAsync(server);
    }

    public virtual async ValueTask DisposeAsync()
    {
        foreach (var node in Nodes)
            await node.DisposeAsync();
        if (_database is not null)
            await _database.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
        GC.SuppressFinalize(this);
    }

    protected abstract NodeSettings Configure(NodeSettings node);

    protected virtual string[] LauncherOf(int node) => [];

    protected async Task KillAndStartAgainAsync()
    {
        await Nodes[Victim].KillAsync();
        await Task.Delay(LongerThanThat);
        await StartAgainAsync();
    }

    /// <summary>Where nobody can tell that a node is the successor of another, the others go to the database until they give that one up.</summary>
    protected async Task KillAndGiveUpAsync()
    {
        await KillAndStartAgainAsync();
        await Task.Delay(TimeSpan.FromMinutes(1));
    }

    protected async Task StartAgainAsync()
    {
        Nodes[Victim].Start();
        await Nodes[Victim].AskAsync("start");
    }

    protected async Task StopForAWhileAsync()
    {
        await Nodes[Victim].SignalAsync("STOP");
        await Task.Delay(LongerThanThat);
        await Nodes[Victim].SignalAsync("CONT");
    }

    protected static async Task DuringAsync(IEnumerable<TcpProxy> wires, Action<TcpProxy> happens)
    {
        foreach (var wire in wires)
            happens(wire);
        await Task.Delay(LongerThanThat);
        foreach (var wire in wires)
            wire.Restore();
    }

    /// <param name="fault">Has ended when it returns.</param>
    protected async Task CheckAsync(Func<Task> fault)
    {
        var violations = await RunAsync(fault, Bound);
        Assert.True(
            violations.Count == 0, $"{violations.Count} reads break the promise.\n{string.Join('\n', violations.Take(MostViolationsShown))}");
    }

    /// <returns>The reads that break the promise.</returns>
    internal async Task<IReadOnlyList<Violation>> RunAsync(Func<Task> fault, TimeSpan bound)
    {
        Nodes =
        [
            .. Enumerable.Range(0, Size).Select(node => new NodeProcess(
                Configure(new NodeSettings { Node = node, ConnectionString = Database.ConnectionString, TellsRows = node > 0 }),
                _folder,
                LauncherOf(node))),
        ];
        foreach (var node in Nodes)
            node.Start();
        await AllHeardAsync();
        await AllAsync("start");
        await AllServeAsync();
        await Task.Delay(Quiet);

        var began = Stopwatch.GetTimestamp();
        await fault();
        var ended = Stopwatch.GetTimestamp();
        await AllHeardAsync();
        var heard = Stopwatch.GetElapsedTime(ended);
        await AllServeAsync();
        output.WriteLine($"after the fault had ended: all heard each other in {heard.TotalSeconds:N1} s, "
            + $"all served from their caches in {Stopwatch.GetElapsedTime(ended).TotalSeconds:N1} s");
        await Task.Delay(Quiet);
        await AllAsync("stop");
        var (hits, asked) = (await SumAsync("hits"), await SumAsync("asked"));

        // What was published last is on its way; then everybody answers as the database does.
        await Task.Delay(MaxStaleness);
        var differences = (await AllAsync("difference")).Where(difference => difference != "none").ToArray();
        var histories = Nodes.SelectMany(node => node.Histories).Select(HistoryFile.Load).ToList();
        Write[] writes = [.. histories.SelectMany(history => history.Writes)];
        Read[] reads = [.. histories.SelectMany(history => history.Reads)];
        var checker = new HistoryChecker(Database.Initial, writes, await Database.CommitsAsync(), ToTicks(bound));
        var violations = reads.OrderBy(read => read.Invoked).Select(checker.Check).OfType<Violation>().ToList();

        var committed = writes.Where(write => write.Outcome is Outcome.Committed).ToArray();
        output.WriteLine($"{reads.Length} reads, {writes.Length} writes, {committed.Length} of them committed; {(double)hits / asked:P0} hits; "
            + $"{violations.Count} reads beyond the bound of {bound.TotalSeconds} s");
        output.WriteLine($"longest write: {Longest(committed.Where(write => write.Returned < began || write.Invoked > ended)):N0} ms in quiet times, "
            + $"{Longest(committed.Where(write => write.Returned >= began && write.Invoked <= ended)):N0} ms during the fault");
        Assert.Empty(differences);
        Assert.True(hits > LeastHitRatio * asked, $"Only {hits} of {asked} queries were answered from the caches.");
        return violations;
    }

    private static long ToTicks(TimeSpan time) => (long)(time.TotalSeconds * Stopwatch.Frequency);

    private static double Longest(IEnumerable<Write> writes)
        => writes.Select(write => Stopwatch.GetElapsedTime(write.Invoked, write.Returned).TotalMilliseconds).DefaultIfEmpty().Max();

    private Task AllHeardAsync() => UntilAllAsync(async node => await node.AskAsync("heard") == $"{Size - 1} Live");

    private async Task AllServeAsync()
    {
        var before = await Task.WhenAll(Nodes.Select(node => node.CountAsync("hits")));
        await UntilAllAsync(async node => await node.CountAsync("hits") > before[Array.IndexOf(Nodes, node)]);
    }

    private async Task UntilAllAsync(Func<NodeProcess, Task<bool>> condition)
    {
        try
        {
            await Task.WhenAll(Nodes.Select(node => Eventually.TrueAsync(() => condition(node))));
        }
        catch (Xunit.Sdk.FailException fault)
        {
            Assert.Fail($"{fault.Message}\n{string.Join('\n', await AllAsync("status"))}");
        }
    }

    private Task<string[]> AllAsync(string question) => Task.WhenAll(Nodes.Select(node => node.AskAsync(question)));

    private async Task<int> SumAsync(string question) => (await Task.WhenAll(Nodes.Select(node => node.CountAsync(question)))).Sum();
}
