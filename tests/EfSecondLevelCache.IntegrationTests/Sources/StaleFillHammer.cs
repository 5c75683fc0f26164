using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace EfSecondLevelCache.IntegrationTests.Sources;

/// <summary>
/// Writers that raise values, readers that read them through the cache, and what the source has told: nothing older than that may be served. A reader
/// notes what was told for certain before it asks, by a heartbeat that was sent when the value was visible.
/// </summary>
internal sealed class StaleFillHammer(string connectionString, Action<SecondLevelCacheOptionsBuilder> configure)
{
    private const int Keys = 40;
    private readonly int[] _told = new int[Keys];
    private int _reads;
    private int _stale;

    public int Reads => _reads;

    public int Stale => _stale;

    public long Hits { get; private set; }

    public long FillsPrevented { get; private set; }

    /// <summary>Values that the cache still had wrong when everything was told.</summary>
    public int WrongAtTheEnd { get; private set; }

    public async Task RunAsync(TimeSpan duration)
    {
        await using var cache = new SecondLevelCache(configure);
        await using (var db = Open(cache))
        {
            await db.Database.ExecuteSqlRawAsync($"TRUNCATE items, parts; INSERT INTO items SELECT i, 0, '0' FROM generate_series(0, {Keys - 1}) i");
            await db.Database.EnsureChangeCaptureAsync();
            await cache.WaitUntilLiveAsync();
        }

        using var end = new CancellationTokenSource(duration);
        var tasks = Enumerable.Range(0, 3).Select(writer => Task.Run(() => WriteAsync(writer, end.Token)))
            .Concat(Enumerable.Range(0, 6).Select(reader => Task.Run(() => ReadAsync(cache, reader, end.Token))))
            .Append(Task.Run(() => NoteAsync(cache, end.Token)));
        await Task.WhenAll(tasks);

        await cache.ActiveSources.All.Single().CatchUpAsync(default);
        await using var plain = Open(null);
        for (var key = 0; key < Keys; key++)
        {
            if (await ReadAsync(cache, key) != (await plain.Items.SingleAsync(i => i.Id == key)).GroupId)
                WrongAtTheEnd++;
        }

        Hits = cache.Statistics.Hits;
        FillsPrevented = cache.Statistics.StaleFillsPrevented;
    }

    private SourceContext Open(SecondLevelCache? cache)
    {
        var options = new DbContextOptionsBuilder<SourceContext>().UseNpgsql(connectionString);
        return new SourceContext((cache is null ? options : options.AddSecondLevelCache(cache)).Options);
    }

    private async Task WriteAsync(int writer, CancellationToken end)
    {
        var random = new Random(writer);
        await using var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync(CancellationToken.None);
        while (!end.IsCancellationRequested)
        {
            await using var command = new NpgsqlCommand("UPDATE items SET group_id = group_id + 1 WHERE id = $1", connection);
            command.Parameters.AddWithValue(random.Next(Keys));
            await command.ExecuteNonQueryAsync(CancellationToken.None);
        }
    }

    private async Task ReadAsync(SecondLevelCache cache, int reader, CancellationToken end)
    {
        var random = new Random(100 + reader);
        while (!end.IsCancellationRequested)
        {
            var key = random.Next(Keys);
            var told = Volatile.Read(ref _told[key]);
            Interlocked.Increment(ref _reads);
            if (await ReadAsync(cache, key) < told)
                Interlocked.Increment(ref _stale);
        }
    }

    private async Task<int> ReadAsync(SecondLevelCache cache, int key)
    {
        await using var db = Open(cache);
        return (await db.Items.AsNoTracking().Where(i => i.Id == key).Cacheable().SingleAsync()).GroupId;
    }

    /// <summary>What is visible before a heartbeat is sent has been told when it is back.</summary>
    private async Task NoteAsync(SecondLevelCache cache, CancellationToken end)
    {
        while (!end.IsCancellationRequested)
        {
            await using var plain = Open(null);
            var visible = await plain.Items.AsNoTracking().ToListAsync(CancellationToken.None);
            if (!await cache.ActiveSources.All.Single().CatchUpAsync(CancellationToken.None))
                continue;
            foreach (var item in visible)
                Volatile.Write(ref _told[item.Id], item.GroupId);
        }
    }
}
