using System.Collections.Frozen;
using System.Diagnostics;
using EfSecondLevelCache.Backplanes;
using EfSecondLevelCache.Benchmarks.Queries;
using EfSecondLevelCache.Values;
using EfSecondLevelCache.Versions;
using Microsoft.EntityFrameworkCore;

namespace EfSecondLevelCache.Benchmarks.Nodes;

/// <summary>
/// Three nodes of an application in one process: the first one writes, the others hold a result for each row that it writes. Without a backplane
/// there is the writer alone.
/// </summary>
internal sealed class Cluster : IAsyncDisposable
{
    private const int Nodes = 3;

    /// <summary>By how a message names the row.</summary>
    private static readonly FrozenDictionary<ulong, int> Ids = Enumerable.Range(1, Propagation.Changes).ToFrozenDictionary(HashOf, id => id);

    private readonly List<SecondLevelCache> _caches = [];
    private readonly List<DbContextOptions<Queries.Catalog>> _contexts = [];
    private readonly List<long[]> _gone = [];

    private Cluster(string name) => Name = name;

    public string Name { get; }

    /// <summary>Of all nodes, since they hear each other.</summary>
    public long Flushes => _caches.Sum(cache => cache.Backplane?.Flushes ?? 0) - FlushesAtStart;

    private long FlushesAtStart { get; set; }

    private IEnumerable<SecondLevelCache> Others => _caches.Skip(1);

    /// <param name="name">Of the backplane.</param>
    /// <param name="factoryOf">Makes that of each node; null: there is none.</param>
    /// <param name="synchronous">Whether a write waits for the other nodes.</param>
    public static async Task<Cluster> StartAsync(string name, Func<int, BackplaneFactory>? factoryOf, bool synchronous = false)
    {
        var cluster = new Cluster(name);
        for (var node = 0; node < (factoryOf is null ? 1 : Nodes); node++)
            cluster.Add(factoryOf?.Invoke(node), synchronous);
        // The writer knows the catalog, as one does that caches.
        foreach (var contexts in cluster._contexts)
            await ReadAsync(contexts, 1);
        while (!cluster._caches.All(cache => cache.Backplane is null or { State: BackplaneState.Live, Nodes.Count: Nodes - 1 }))
            await Task.Delay(50);
        foreach (var cache in cluster._caches)
            await cache.WaitUntilLiveAsync();
        cluster.FlushesAtStart = cluster.Flushes;
        return cluster;
    }

    /// <summary>The others have a result for each row, and it pays.</summary>
    public async Task FillAsync()
    {
        foreach (var gone in _gone)
            Array.Clear(gone);
        foreach (var contexts in _contexts.Skip(1))
        {
            for (var pass = 0; pass < 3; pass++)
                await Parallel.ForEachAsync(Enumerable.Range(1, Propagation.Changes), async (id, _) => await ReadAsync(contexts, id));
        }

        if (Others.Any(cache => cache.Entries().Count() < Propagation.Changes))
            throw new InvalidOperationException($"{Name}: the results to be removed are not there.");
    }

    public async Task WriteAsync(int id, int stock)
    {
        await using var db = new Queries.Catalog(_contexts[0]);
        var product = db.Attach(new Product { Id = id, Name = "", Description = "" });
        product.Property(p => p.Stock).CurrentValue = stock;
        await db.SaveChangesAsync();
    }

    /// <summary>When the result of a row went on each of the other nodes; 0: it is still there.</summary>
    public IEnumerable<long> GoneAt(int id) => _gone.Select(gone => Volatile.Read(ref gone[id]));

    /// <summary>How many results are left on the other nodes, when there was time enough.</summary>
    public async Task<int> LeftAsync()
    {
        for (var wait = 0; wait < 100 && Others.Any(cache => cache.Entries().Any()); wait++)
            await Task.Delay(20);
        return Others.Sum(cache => cache.Entries().Count());
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var cache in _caches)
            await cache.DisposeAsync();
    }

    private void Add(BackplaneFactory? factory, bool synchronous)
    {
        var gone = new long[Propagation.Changes + 1];
        if (_caches.Count > 0)
            _gone.Add(gone);
        var cache = new SecondLevelCache(options =>
        {
            if (factory is not null)
                options.UseBackplane(new ObservedBackplaneFactory(factory, message => Note(message, gone)));
            if (synchronous)
                options.SynchronousWrites(BenchmarkServer.ConnectionString);
        });
        _caches.Add(cache);
        _contexts.Add(BenchmarkServer.Options().AddSecondLevelCache(cache).Options);
    }

    private static async ValueTask ReadAsync(DbContextOptions<Queries.Catalog> contexts, int id)
    {
        await using var db = new Queries.Catalog(contexts);
        await db.Products.AsNoTracking().Where(p => p.Id == id).Cacheable(TimeSpan.FromHours(1)).SingleAsync();
    }

    private static void Note(ReadOnlyMemory<byte> message, long[] gone)
    {
        var now = Stopwatch.GetTimestamp();
        if (!ChangeMessageFormat.TryDecode(message, out var told) || told.Content is not RowsChanged rows)
            return;
        foreach (var column in rows.Changes.SelectMany(change => change.Rows ?? []).SelectMany(row => row.Columns))
        {
            if (column.Name == "Id" && Ids.TryGetValue(column.Hash, out var id))
                Volatile.Write(ref gone[id], now);
        }
    }

    private static ulong HashOf(int id)
        => ComparisonHash.TryHash(ComparisonFamily.Integer, id, out var hash) ? hash : throw new InvalidOperationException("An integer has no hash.");
}
