using System.Text.Json;
using EfSecondLevelCache;
using EfSecondLevelCache.IntegrationTests.Consistency;
using EfSecondLevelCache.Node;

if (args is ["limited-pool", var connectionString, var threads, var asynchronous, var synchronous, var isCached])
{
    await LimitedPool.RunAsync(
        connectionString, int.Parse(threads), int.Parse(asynchronous), int.Parse(synchronous), bool.Parse(isCached));
    return;
}

// One node of a cluster under test; its only argument is a NodeSettings. Each line of input is TAG QUESTION, each line of output TAG ANSWER; they may
// overtake each other. It ends with its input.
var settings = JsonSerializer.Deserialize<NodeSettings>(args[0])!;
using var history = new HistoryFile(settings.History);
await using var cache = new SecondLevelCache(settings.Configure);
var workload = new NodeWorkload(settings, cache, history);

while (await Console.In.ReadLineAsync() is { } line)
    _ = Task.Run(() => AnswerAsync(line.Split(' ')));

async Task AnswerAsync(string[] words)
{
    string answer;
    try
    {
        answer = words[1] switch
        {
            "start" => Start(),
            "stop" => await StopAsync(),
            "heard" => $"{cache.Backplane!.Nodes.Count(node => !node.IsSuspect)} {cache.Backplane.State}",
            "status" => $"{cache.Backplane} {cache.Backplane!.Detail} {cache.Backplane.SynchronousWrites}",
            "hits" => $"{cache.Statistics.Hits}",
            "asked" => $"{cache.Statistics.Hits + cache.Statistics.Misses + cache.Statistics.Refusals}",
            "difference" => await workload.FirstDifferenceAsync() ?? "none",
            _ => "unknown",
        };
    }
    catch (Exception fault)
    {
        answer = $"failed {fault}";
    }

    lock (Console.Out)
        Console.WriteLine($"{words[0]} {answer.ReplaceLineEndings(" ")}");
}

string Start()
{
    workload.Start();
    return "ok";
}

async Task<string> StopAsync()
{
    await workload.StopAsync();
    return "ok";
}
