using EfSecondLevelCache.Backplanes;
using EfSecondLevelCache.Catalog;
using EfSecondLevelCache.Changes;
using EfSecondLevelCache.ChangeSources;
using EfSecondLevelCache.Diagnostics;
using EfSecondLevelCache.Planning;
using EfSecondLevelCache.Provider;
using EfSecondLevelCache.Querying;
using EfSecondLevelCache.Session;
using EfSecondLevelCache.Store;
using EfSecondLevelCache.Threading;
using EfSecondLevelCache.Values;
using EfSecondLevelCache.Versions;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Metadata;
using Microsoft.EntityFrameworkCore.Storage;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace EfSecondLevelCache;

/// <summary>
/// A second-level query cache. Get it with <c>context.Database.GetSecondLevelCache()</c>, from the application's services after
/// <c>services.AddSecondLevelCache()</c>, or make one by hand. All members are thread-safe.
/// </summary>
public sealed class SecondLevelCache : ISessionCache, IAsyncDisposable, IDisposable
{
    /// <summary>The time for which <see cref="Dispose"/> keeps its thread, which may be one that the rest of the work needs.</summary>
    private static readonly TimeSpan LongestDisposal = TimeSpan.FromSeconds(5);

    private readonly Counters _counters = new();
    private readonly VersionSlots _versions;
    private readonly KnownDatabases _databases;
    private readonly BoundedStore _store;
    private readonly ITimer _sweeper;
    private readonly CacheMetrics _metrics;
    private readonly OtherNodes? _nodes;
    private int _hasToldOfFault;
    private volatile bool _enabled = true;
    private readonly CancellationTokenSource _stopping = new();
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly bool _missesWrites = SelfCheck.MissesWrites;
    private volatile bool _disposed;
    private bool _isEnding;

    /// <summary>Makes a cache that contexts share when it is given to <c>AddSecondLevelCache</c>.</summary>
    /// <param name="configure">Its settings; null for the defaults.</param>
    /// <exception cref="ArgumentException">A setting is out of its range; the message names it, its value and the way out.</exception>
    public SecondLevelCache(Action<SecondLevelCacheOptionsBuilder>? configure = null)
        : this(SecondLevelCacheOptionsBuilder.Build(configure))
    {
    }

    internal SecondLevelCache(SecondLevelCacheOptions options, ILoggerFactory? loggerFactory = null)
    {
        using var background = BackgroundWork.WithoutContext();
        Options = options;
        _versions = VersionSlots.ForBound(options.MaxBytes);
        _store = new BoundedStore(
            options.MaxBytes - _versions.MostBytes, options.MaxEntries, options.Eviction, options.TimeProvider, OnRemoved);
        _databases = new KnownDatabases(options.MaxBytes, options.TimeProvider, OnCatalogChanged, _store.Reserve);
        Slots = DependencySlots.ForBound(_versions, options.MaxBytes);
        OtherNodes? nodes = null;
        Invalidator = new Invalidator(_versions, Slots, _counters, options, Outdate, options.Backplane is null ? null : Connect);
        _nodes = nodes;
        ActiveSources = new ActiveSources(options, Invalidator, Slots);
        Queries = new QueryCache(options, _store, _versions, Slots, _counters);
        CacheRules.Add(options);
        _sweeper = Sweeping.Start(_store, options.TimeProvider);
        _metrics = new CacheMetrics(_counters, _store);

        OtherNodes Connect(Action<Change> apply)
            => nodes = new OtherNodes(options, apply, Log.LoggerOf(loggerFactory ?? NullLoggerFactory.Instance));
    }

    SecondLevelCacheOptions ISessionCache.Options => Options;

    QueryCacheRefusal? ISessionCache.Refusal => Refusal;

    bool ISessionCache.HasResults => _store.Count > 0;

    internal SecondLevelCacheOptions Options { get; }

    internal QueryCache Queries { get; }

    internal Invalidator Invalidator { get; }

    internal DependencySlots Slots { get; }

    internal ActiveSources ActiveSources { get; }

    internal bool IsDisposed => _disposed;

    /// <summary>Commands that it has served.</summary>
    internal long Served => _counters.Hits.Value;

    /// <summary>Why nothing is cached at all at the moment; null: it is.</summary>
    internal QueryCacheRefusal? Refusal
        => !_enabled || _disposed ? Refusals.Disabled
            : _missesWrites ? Refusals.WritesUnseen
            : _nodes?.RefusalNow();

    /// <summary>
    /// The kill switch. While it is false, queries go to the database and nothing is kept; changes are still processed, so that
    /// nothing stale is served when it is switched on again. Default: true.
    /// </summary>
    public bool Enabled
    {
        get => _enabled;
        set => _enabled = value;
    }

    /// <summary>How the nodes hear of each other; null: no backplane is configured.</summary>
    public BackplaneStatus? Backplane => _nodes?.Status;

    /// <summary>A snapshot of the counters.</summary>
    public CacheStatistics Statistics
    {
        get
        {
            var refusals = new Dictionary<RefusalReason, long>();
            foreach (var reason in Enum.GetValues<RefusalReason>())
            {
                if (Volatile.Read(ref _counters.Refusals[(int)reason]) is var count and > 0)
                    refusals[reason] = count;
            }

            return new CacheStatistics
            {
                Hits = _counters.Hits.Value,
                Misses = _counters.Misses.Value - _counters.RefusedAfterMiss.Value,
                Fills = _counters.Fills.Value,
                Refusals = refusals.Values.Sum(),
                RefusalsByReason = refusals,
                Curable = _counters.Found.Curable,
                NotRequested = _counters.NotRequested.Value,
                StaleFillsPrevented = _counters.StaleFillsPrevented.Value,
                TooLarge = _counters.TooLarge.Value,
                Joined = _counters.Joined.Value,
                Invalidations = _counters.Invalidations.Value,
                Evictions = _counters.Removals[(int)RemovalCause.Evicted].Value,
                Expirations = _counters.Removals[(int)RemovalCause.Expired].Value,
                Entries = _store.Count,
                Bytes = _store.Bytes,
                SwitchedOff = SelfCheck.SwitchedOff,
            };
        }
    }

    /// <summary>The change sources of the databases that were used so far; empty where none is configured.</summary>
    public IReadOnlyList<ChangeSourceStatus> Sources => [.. ActiveSources.All.Select(source => source.Status)];

    /// <summary>
    /// Waits until the change source of each database that was used so far is live, and this node holds its lease where <c>SynchronousWrites</c> is
    /// configured. Queries need not wait: until then they go to the database.
    /// </summary>
    /// <param name="cancellationToken">Ends the wait, which takes as long as a source can't connect.</param>
    /// <exception cref="ObjectDisposedException">The cache is disposed, or was while this waited.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public async Task WaitUntilLiveAsync(CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _stopping.Token);
        try
        {
            await Task.WhenAll(
            [
                .. ActiveSources.All.Select(source => source.WaitUntilLiveAsync(end.Token)),
                _nodes?.WaitForLeaseAsync(end.Token) ?? Task.CompletedTask,
            ]).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            cancellationToken.ThrowIfCancellationRequested();
            ObjectDisposedException.ThrowIf(_disposed, this);
            throw;
        }
    }

    /// <summary>Removes what depends on any table of the entity type's mapping: base, split, owned and join tables.</summary>
    /// <typeparam name="TEntity">An entity type of the context's model.</typeparam>
    /// <param name="context">Any context whose model maps the type.</param>
    /// <param name="cancellationToken">Ends the wait for other nodes, where writes are synchronous; it undoes nothing.</param>
    /// <exception cref="ArgumentException">The model does not map the type.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled; this node has removed, others may not have yet.</exception>
    public ValueTask InvalidateAsync<TEntity>(DbContext context, CancellationToken cancellationToken = default)
        where TEntity : class
    {
        ArgumentNullException.ThrowIfNull(context);
        var tables = ModelTables.Of(context.Model, typeof(TEntity));
        if (tables.Count == 0)
        {
            throw new ArgumentException(
                $"InvalidateAsync<{typeof(TEntity).Name}>: the model of {context.GetType().Name} does not map this type to a table. "
                + "Name the table itself with InvalidateTableAsync.", nameof(context));
        }

        return ChangedAsync(new TablesChanged(tables), cancellationToken);
    }

    /// <summary>
    /// Removes what depends on one row, which somebody has changed whom the cache does not see: in the context's database, and what the database changes
    /// with it. Where the database of the context is not known, what depends on any row of the tables goes.
    /// </summary>
    /// <typeparam name="TEntity">An entity type of the context's model.</typeparam>
    /// <param name="context">A context with this cache.</param>
    /// <param name="keyValues">The values of the primary key, as for <c>FindAsync</c>.</param>
    /// <param name="cancellationToken">Ends the wait for other nodes, where writes are synchronous; it undoes nothing.</param>
    /// <exception cref="ArgumentException">The model does not map the type, or its key has other values.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled; this node has removed, others may not have yet.</exception>
    public ValueTask InvalidateAsync<TEntity>(DbContext context, object?[] keyValues, CancellationToken cancellationToken = default)
        where TEntity : class
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(keyValues);
        if (context.Model.FindEntityType(typeof(TEntity)) is not { } type || type.FindPrimaryKey() is not { } key)
            return InvalidateAsync<TEntity>(context, cancellationToken);
        CheckKey<TEntity>(key, keyValues);
        var session = context.GetInfrastructure().GetService<CacheSession>();
        return session?.FindKnown() is { } database
            ? ChangedAsync(new RowsWritten(database, ModelTables.RowsOf(type, keyValues)), cancellationToken)
            : InvalidateAsync<TEntity>(context, cancellationToken);
    }

    /// <summary>Removes what depends on a table, in every database that the cache serves.</summary>
    /// <param name="table"><c>table</c> or <c>schema.table</c>, in the exact case of the catalog and without quotes.</param>
    /// <param name="schema">
    /// Its schema; <paramref name="table"/> is then taken literally, dots and all. Null: the one in <paramref name="table"/>, else whichever
    /// schema the name stands in.
    /// </param>
    /// <param name="cancellationToken">Ends the wait for other nodes, where writes are synchronous; it undoes nothing.</param>
    /// <exception cref="ArgumentException"><paramref name="table"/> is null, empty or blank.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled; this node has removed, others may not have yet.</exception>
    public ValueTask InvalidateTableAsync(string table, string? schema = null, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(table);
        return ChangedAsync(new TablesChanged([schema is null ? TableName.Parse(table) : new TableName(schema, table)]), cancellationToken);
    }

    /// <summary>Removes the results that were named with <c>Cacheable(q => q.Tag(tag))</c>.</summary>
    /// <param name="tag">Compared ordinally.</param>
    /// <param name="cancellationToken">Ends the wait for other nodes, where writes are synchronous; it undoes nothing.</param>
    /// <exception cref="ArgumentException"><paramref name="tag"/> is null, empty or blank.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled; this node has removed, others may not have yet.</exception>
    public ValueTask InvalidateTagAsync(string tag, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(tag);
        return ChangedAsync(new TagChanged(tag), cancellationToken);
    }

    /// <summary>Removes every result.</summary>
    /// <param name="cancellationToken">Ends the wait for other nodes, where writes are synchronous; it undoes nothing.</param>
    /// <exception cref="OperationCanceledException">The token was cancelled; this node has removed, others may not have yet.</exception>
    public ValueTask ClearAsync(CancellationToken cancellationToken = default)
    {
        // First the versions, so that what is being read now is not kept either.
        var told = ChangedAsync(Change.Everything, cancellationToken);
        _store.Clear();
        return told;
    }

    /// <summary>The kept results, for operators; a moving picture, not a snapshot.</summary>
    public IEnumerable<CacheEntryInfo> Entries()
        => _store.Entries().OfType<CachedQuery>().Where(entry => entry.IsUpToDate).Select(entry => entry.ToInfo(_store.Clock.Now));

    /// <summary>
    /// Lets go of every result, and closes the connections to databases and other nodes. Queries go on, uncached. Where it is called several times at
    /// once, each returns when that is done, but after 5 seconds at the latest; the rest then goes on in the background.
    /// </summary>
    public void Dispose()
    {
        var ended = EndOnceAsync();
        if (Task.WaitAny([ended], LongestDisposal) == 0)
            ended.GetAwaiter().GetResult();
    }

    /// <summary>
    /// Lets go of every result, and closes the connections to databases and other nodes. Queries go on, uncached. Where it is called several times at
    /// once, each returns when that is done.
    /// </summary>
    public ValueTask DisposeAsync() => new(EndOnceAsync());

    /// <summary>The line of its statistics, for people.</summary>
    public override string ToString() => Statistics.ToString();

    /// <summary>What is known of the database of a scope: contexts of all types share it.</summary>
    KnownDatabase ISessionCache.DatabaseOf(CacheScope scope) => _databases.Of(scope.ConnectionIdentity, scope.Database, scope.Address);

    /// <summary>A context of the database is used: what tells of changes by its connections starts with the first one.</summary>
    void ISessionCache.Used(KnownDatabase database, IRelationalConnection connection, ILogger logger)
    {
        try
        {
            database.Source ??= ActiveSources.For(database, connection, logger);
            _nodes?.Used(database, connection, logger);
        }
        catch (Exception fault)
        {
            // Without its source nothing of the database is served; the next use tries again.
            if (Interlocked.Exchange(ref _hasToldOfFault, 1) == 0)
                Log.BackgroundFault(logger, fault);
        }
    }

    private static void CheckKey<TEntity>(IKey key, object?[] keyValues)
    {
        if (keyValues.Length != key.Properties.Count)
        {
            throw new ArgumentException(
                $"InvalidateAsync<{typeof(TEntity).Name}>: {keyValues.Length} key values were given, and the primary key has {key.Properties.Count}: "
                + $"{string.Join(", ", key.Properties.Select(property => property.Name))}. Give one for each, in this order.", nameof(keyValues));
        }

        foreach (var (property, value) in key.Properties.Zip(keyValues))
        {
            if (value is null || !property.ClrType.IsInstanceOfType(value))
            {
                throw new ArgumentException(
                    $"InvalidateAsync<{typeof(TEntity).Name}>: the value of {property.Name} is {value?.GetType().Name ?? "null"}, and the key has "
                    + $"{property.ClrType.Name}. Give a value of that type.", nameof(keyValues));
            }
        }
    }

    private async ValueTask ChangedAsync(Change change, CancellationToken cancellationToken)
    {
        Invalidator.Apply(ChangeOrigin.ThisNode, change);
        if (!await Invalidator.AcknowledgedAsync(async: true, cancellationToken).ConfigureAwait(false))
            cancellationToken.ThrowIfCancellationRequested();
    }

    private Task EndOnceAsync()
    {
        if (!Interlocked.Exchange(ref _isEnding, true))
            _ = EndAsync();
        else if (SharedWork.IsUnderWay)
            return Task.CompletedTask;
        return _ended.Task;
    }

    private async Task EndAsync()
    {
        // A backplane or a logger of the application may be called back.
        using var work = SharedWork.Begin();
        try
        {
            Stop();
            await ActiveSources.DisposeAsync().ConfigureAwait(false);
            if (_nodes is not null)
                await _nodes.DisposeAsync().ConfigureAwait(false);
            _ended.SetResult();
        }
        catch (Exception fault)
        {
            _ended.SetException(fault);
        }
    }

    private void Stop()
    {
        _disposed = true;
        Queries.Stop();
        _sweeper.Dispose();
        _metrics.Dispose();
        ActiveSources.Stop();
        _ = _stopping.CancelAsync();
        _versions.Bump([VersionSlots.Everything]);
        _store.Clear();
    }

    private void Outdate(string name)
    {
        foreach (var database in _databases.Named(name))
            database.Outdated();
    }

    private void OnCatalogChanged(KnownDatabase database) => Invalidator.Apply(ChangeOrigin.Catalog, RowsChanged.Unknown(database.Name));

    private void OnRemoved(StoreEntry entry, RemovalCause cause) => _counters.Removals[(int)cause].Add(1);
}
