using EfSecondLevelCache;
using EfSecondLevelCache.Node;
using Microsoft.EntityFrameworkCore;

// One node of a cluster under test. Arguments: connection string, where it listens, where it is found, milliseconds of MaxStaleness, members ...
// Each line of input is TAG VERB [ARGUMENT ...], each line of output TAG RESULT; they may overtake each other.
var (connectionString, listen, advertise, maxStaleness, members) = (args[0], args[1], args[2], int.Parse(args[3]), args[4..]);
await using var cache = new SecondLevelCache(options => options
    .MaxStaleness(TimeSpan.FromMilliseconds(maxStaleness))
    .UsePeers(peers => peers.SharedSecret("correct horse battery staple").Listen(listen).Advertise(advertise).Members(members)));

while (await Console.In.ReadLineAsync() is { } line)
    _ = Task.Run(() => AnswerAsync(line.Split(' ')));

async Task AnswerAsync(string[] words)
{
    string result;
    try
    {
        result = words[1..] switch
        {
            ["read", var id] => await ReadAsync(int.Parse(id)),
            ["write", var id, var value] => await WriteAsync(int.Parse(id), int.Parse(value)),
            ["heard"] => $"{cache.Backplane!.Nodes.Count(node => !node.IsSuspect)} {cache.Backplane.State}",
            ["hits"] => $"{cache.Statistics.Hits}",
            _ => "unknown",
        };
    }
    catch (Exception fault)
    {
        result = $"failed {fault.Message.ReplaceLineEndings(" ")}";
    }

    lock (Console.Out)
        Console.WriteLine($"{words[0]} {result}");
}

async Task<string> ReadAsync(int id)
{
    await using var db = new ItemContext(connectionString, cache);
    return $"{(await db.Items.Where(item => item.Id == id).Cacheable().SingleAsync()).Value}";
}

async Task<string> WriteAsync(int id, int value)
{
    await using var db = new ItemContext(connectionString, cache);
    db.Update(new Item { Id = id, Value = value });
    await db.SaveChangesAsync();
    return "ok";
}
