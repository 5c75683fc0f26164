using System.Collections.Concurrent;
using System.Data.Common;
using System.Globalization;
using System.Runtime.CompilerServices;
using EfSecondLevelCache.Catalog;
using EfSecondLevelCache.Changes;
using EfSecondLevelCache.ChangeSources.Replication;
using EfSecondLevelCache.Diagnostics;
using EfSecondLevelCache.Provider;
using EfSecondLevelCache.Threading;
using EfSecondLevelCache.Values;
using EfSecondLevelCache.Versions;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace EfSecondLevelCache.ChangeSources;

/// <summary>
/// Learns of everybody's writes to one database. It connects, reads, and sends a heartbeat through the stream now and then: what was visible when
/// a heartbeat was sent has been told when it is back. Nothing of the database is served unless that was lately.
/// </summary>
internal sealed class ChangeSource : IDatabaseSource, IAsyncDisposable
{
    private static readonly TimeSpan LeastPause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan MostPause = TimeSpan.FromSeconds(10);

    /// <summary>The time that a query waits for what its token stands for; a heartbeat takes some milliseconds.</summary>
    private static readonly TimeSpan LongestWait = TimeSpan.FromMilliseconds(250);

    private readonly string _database;
    private readonly ulong _databaseHash;
    private readonly ChangeSourceOptions _options;
    private readonly TimeSpan _maxStaleness;
    private readonly TimeProvider _time;
    private readonly DedicatedConnections _connections;
    private readonly Func<ChangeStream> _createStream;
    private readonly Invalidator _invalidator;
    private readonly DependencySlots _slots;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _stop = new();
    private readonly ConditionalWeakTable<KnownDatabase, object?> _known = [];
    private readonly ConcurrentDictionary<string, bool> _uncaptured = new();
    private readonly RecentTransactions? _recent;
    private readonly Task _running;

    /// <summary>Null: it is not live.</summary>
    private volatile Lease? _lease;

    /// <summary>What happened before it has been told; set ahead of the lease.</summary>
    private volatile ServerPosition? _position;

    /// <summary>The latest on which anybody has found the database.</summary>
    private uint _latestTimeline;

    private volatile CapturedTables? _tables;
    private volatile ChangeStream? _stream;
    private volatile TaskCompletionSource _live = NewCompletion();
    private volatile TaskCompletionSource _wakeUp = NewCompletion();

    /// <summary>The end of the next heartbeat, which has not been sent yet.</summary>
    private volatile TaskCompletionSource<bool> _next = NewCompletion<bool>();

    private volatile Heartbeat? _awaited;
    private long _heartbeats;
    private Storage? _storage;
    private string? _storageSum;
    private bool _wasLive;
    private bool _hasToldOfOutdated;
    private long _reconnects;
    private long _events;
    private long _flushes;
    private long _lag = -1;

    public ChangeSource(
        string database,
        SecondLevelCacheOptions options,
        DedicatedConnections connections,
        Func<ChangeStream> createStream,
        Invalidator invalidator,
        DependencySlots slots,
        ILogger logger)
    {
        _database = database;
        _databaseHash = ServerPosition.HashOf(database);
        _options = options.ChangeSource!;
        _maxStaleness = options.MaxSourceStaleness;
        _time = options.TimeProvider;
        _connections = connections;
        _createStream = createStream;
        _invalidator = invalidator;
        _slots = slots;
        _logger = logger;
        _recent = _options is { Kind: ChangeSourceKind.LogicalReplication, ChecksSnapshots: true } ? new RecentTransactions() : null;
        _running = BackgroundWork.RunOnThread($"change source of {database}", Run);
    }

    /// <summary>The changes that were told and processed.</summary>
    public long Events => Interlocked.Read(ref _events);

    /// <summary>What it tells may not be visible yet, so that a query has to say what it sees.</summary>
    public bool TellsEarly => _recent is not null;

    private TimeSpan HeartbeatInterval => _options.HeartbeatInterval ?? _maxStaleness / 4;

    private Exception? Fault { get; set; }

    public ChangeSourceStatus Status
    {
        get
        {
            var lease = _lease;
            return new ChangeSourceStatus
            {
                Database = _database,
                Kind = _options.Kind,
                State = lease is not null ? ChangeSourceState.Live : Volatile.Read(ref _wasLive) ? ChangeSourceState.Lost : ChangeSourceState.Starting,
                Position = _stream?.Position,
                Lag = Interlocked.Read(ref _lag) is var lag and >= 0 ? TimeSpan.FromTicks(lag) : null,
                LastHeartbeat = lease?.At,
                Reconnects = Interlocked.Read(ref _reconnects),
                Events = Events,
                Flushes = Interlocked.Read(ref _flushes),
                Uncaptured = [.. _uncaptured.Keys.Order(StringComparer.Ordinal)],
                Fault = lease is null ? Fault : null,
            };
        }
    }

    /// <summary>Why nothing of the database may be served at this moment; null: it may.</summary>
    public QueryCacheRefusal? RefusalNow()
        => _lease is not { } lease ? Volatile.Read(ref _wasLive) ? Refusals.SourceLost : Refusals.SourceStarting
            : lease.IsWithin(_maxStaleness) ? null
            : Refusals.SourceSilent;

    /// <summary>Why results from these tables may not be kept; null: they may.</summary>
    /// <param name="database">From which they were read.</param>
    /// <param name="tables">Null: not all of them are known.</param>
    /// <param name="logger">Of the context that asks.</param>
    public QueryCacheRefusal? RefusalOf(KnownDatabase database, IReadOnlyCollection<Relation>? tables, ILogger logger)
    {
        if (database.View is { } view && _position is { } position && view.Catalog.Fingerprint.Timeline != position.Timeline)
            return Refusals.OtherServer;
        if (_options.CachesUncaptured)
            return null;
        var name = tables is null || _tables is not { } known ? "a table that is not known yet" : known.FindUncaptured(tables)?.ToString();
        if (name is null)
            return null;
        if (tables is not null && _uncaptured.TryAdd(name, true))
            Log.NotCaptured(logger, name, _database);
        return Refusals.NotCaptured(name);
    }

    /// <summary>Why what is served may be older than what a token stands for; null: it is not.</summary>
    public QueryCacheRefusal? RefusalOf(ChangeToken token)
        => _position is not { } position ? Refusals.TokenAhead
            : token.Database != _databaseHash || token.Timeline != position.Timeline ? Refusals.TokenOfOtherServer
            : position.IsNotBefore(token) ? null
            : Refusals.TokenAhead;

    /// <summary>Waits shortly until what a token stands for has been told.</summary>
    public async ValueTask CatchUpAsync(bool async, ChangeToken token, CancellationToken cancellationToken)
    {
        if (!ReferenceEquals(RefusalOf(token), Refusals.TokenAhead))
            return;
        // One heartbeat is enough: if that does not bring it, its transaction has not committed.
        Task caughtUp = CatchUpAsync(cancellationToken);
        var limit = LongestWait < _maxStaleness ? LongestWait : _maxStaleness;
        if (async)
            await caughtUp.WaitAsync(limit, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        else
            caughtUp.Wait(limit, CancellationToken.None);
        cancellationToken.ThrowIfCancellationRequested();
    }

    /// <summary>
    /// Somebody has found the database on this timeline. Where that is a later one than the source's, there was a failover, and the source still
    /// talks to the server that was left.
    /// </summary>
    public void FoundOn(uint timeline)
    {
        while (Volatile.Read(ref _latestTimeline) is var latest && timeline > latest)
        {
            if (Interlocked.CompareExchange(ref _latestTimeline, timeline, latest) == latest && _position?.Timeline < timeline)
                WakeUp();
        }
    }

    /// <summary>Has it tell when the catalog has changed, too.</summary>
    public void Attach(KnownDatabase known) => _known.TryAdd(known, null);

    public Task WaitUntilLiveAsync(CancellationToken cancellationToken) => _live.Task.WaitAsync(cancellationToken);

    /// <summary>
    /// Sends a heartbeat now. True: it is back, so that everything that was visible at the call has been told. False: the source is lost, or stopped.
    /// </summary>
    public Task<bool> CatchUpAsync(CancellationToken cancellationToken)
    {
        var next = _next;
        // Who lost it has ended the waits from before; until it is found again there may be none to come.
        if (_lease is null)
            return Task.FromResult(false);
        _wakeUp.TrySetResult();
        return next.Task.WaitAsync(cancellationToken);
    }

    public Task LookAgainAsync(CancellationToken cancellationToken)
    {
        if (RefusalNow() is null)
            return CatchUpAsync(cancellationToken);
        WakeUp();
        return Task.CompletedTask;
    }

    private void WakeUp() => _wakeUp.TrySetResult();

    /// <summary>A transaction has changed tables.</summary>
    /// <param name="changes">Null: it is not known which.</param>
    /// <param name="xid">Its number, where it may be told of before it is visible.</param>
    public void Told(IReadOnlyCollection<ToldChange>? changes, uint? xid = null)
    {
        IReadOnlyCollection<TableChange> translated;
        try
        {
            translated = changes is null || _tables is not { } tables ? [TableChange.UnknownTables] : Translate(changes, tables);
        }
        catch (Exception fault)
        {
            Log.ChangeFault(_logger, fault);
            translated = [TableChange.UnknownTables];
        }

        if (xid is { } number)
            _recent?.Add(number, translated);
        _invalidator.Apply(ChangeOrigin.Source, new RowsChanged(_database, translated));
        Interlocked.Add(ref _events, changes?.Count ?? 1);
    }

    /// <summary>
    /// The changes that were told already and that are not in a result that will be read under this snapshot, or a later one. To be asked before it
    /// is read.
    /// </summary>
    /// <param name="snapshot">As PostgreSQL writes it.</param>
    /// <param name="askedAt">When it was asked for.</param>
    public IReadOnlyCollection<TableChange> UnseenBy(string snapshot, long askedAt)
        => _recent?.UnseenBy(TransactionSnapshot.Parse(snapshot), askedAt) ?? [];

    /// <summary>A heartbeat has come through the stream.</summary>
    public void HeartbeatArrived(long number)
    {
        if (_awaited is { } awaited && awaited.Number == number)
            awaited.Arrived.TrySetResult();
    }

    public void Stop()
    {
        _lease = null;
        // Not here: what listens to the token cuts connections, which may take a moment.
        _ = BackgroundWork.RunOnThread("change source, stopping", _stop.Cancel);
    }

    public async ValueTask DisposeAsync()
    {
        Stop();
        await _running.ConfigureAwait(false);
    }

    private void Run()
    {
        for (var pause = LeastPause; !_stop.IsCancellationRequested; pause = pause * 2 < MostPause ? pause * 2 : MostPause)
        {
            var live = _live;
            try
            {
                Follow(_stop.Token);
            }
            catch (Exception fault)
            {
                // The same one is not told at each attempt.
                if (!_stop.IsCancellationRequested && fault.Message != Fault?.Message)
                    Log.SourceFault(_logger, _options.Kind, _database, fault);
                Fault = fault;
            }

            if (live.Task.IsCompletedSuccessfully)
                pause = LeastPause;
            Lose();
            if (_stop.IsCancellationRequested)
                return;
            // Not all at once, when a server comes back that many wait for.
            WaitForAny(pause * (0.5 + (Random.Shared.NextDouble() / 2)), _stop.Token, _wakeUp.Task);
            _wakeUp = NewCompletion();
            Interlocked.Increment(ref _reconnects);
        }
    }

    /// <summary>Connects and goes on until that ends, which it does with an exception.</summary>
    private void Follow(CancellationToken cancellationToken)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var stream = _stream = _createStream();
        NpgsqlConnection? side = null;
        var reading = Task.CompletedTask;
        try
        {
            side = _connections.Open(end.Token);
            using var cut = end.Token.UnsafeRegister(_ => ProviderInternals.Cut(side), null);
            Meet(side);
            stream.Open(side, end.Token);
            if (stream.IsOutdated && !_hasToldOfOutdated)
                Log.CaptureOutdated(_logger, _database);
            _hasToldOfOutdated = stream.IsOutdated;
            reading = BackgroundWork.RunOnThread($"changes of {_database}", () => stream.Read(this, end.Token));
            while (true)
            {
                Beat(stream, side, reading, end.Token);
                WaitForAny(HeartbeatInterval, end.Token, reading, _wakeUp.Task);
                end.Token.ThrowIfCancellationRequested();
            }
        }
        finally
        {
            // Nothing is served from now on, however long it takes to close what may be dead.
            Lose();
            end.Cancel();
            Close(reading, stream, side);
        }
    }

    /// <summary>Looks which server this is, before anything of its stream is read.</summary>
    private void Meet(NpgsqlConnection side)
    {
        var timeline = Ask(side, CatalogReader.Mark + ServerPosition.Sql, ServerPosition.Read).Timeline;
        CheckTimeline(timeline);
        if (_position is { } before && before.Timeline != timeline)
            _recent?.Forget();
    }

    private void Beat(ChangeStream stream, NpgsqlConnection side, Task reading, CancellationToken cancellationToken)
    {
        _wakeUp = NewCompletion();
        var beat = Interlocked.Exchange(ref _next, NewCompletion<bool>());
        try
        {
            var lease = new Lease(_time);
            var started = TimeProvider.System.GetTimestamp();
            var awaited = _awaited = new Heartbeat(Interlocked.Increment(ref _heartbeats), NewCompletion());
            var (position, isChanged) = Send(stream, side, awaited.Number);
            if (!WaitForAny(_maxStaleness, cancellationToken, awaited.Arrived.Task, reading))
                throw new TimeoutException("The connection that tells of changes is silent.");
            if (!awaited.Arrived.Task.IsCompleted)
            {
                reading.GetAwaiter().GetResult();
                throw new IOException("The connection that tells of changes has ended.");
            }

            Interlocked.Exchange(ref _lag, TimeProvider.System.GetElapsedTime(started).Ticks);
            if (isChanged || _lease is null)
                Flush();
            _position = position;
            _lease = lease;
            Fault = null;
            Volatile.Write(ref _wasLive, true);
            if (_live.TrySetResult())
                Log.SourceLive(_logger, _options.Kind, _database);
            beat.TrySetResult(true);
        }
        finally
        {
            beat.TrySetResult(false);
        }
    }

    /// <summary>Sends a heartbeat and looks at what the stream does not tell.</summary>
    /// <returns>Where the server was before, and whether the catalog has changed.</returns>
    private (ServerPosition Position, bool IsChanged) Send(ChangeStream stream, NpgsqlConnection side, long number)
    {
        // One by one: of a synchronous command of several statements Npgsql sends all but the first from the pool.
        var position = Ask(side, CatalogReader.Mark + ServerPosition.Sql, ServerPosition.Read);
        Ask(side, stream.HeartbeatSql(number), _ => true);
        var fingerprint = Ask(side, CatalogQueries.Fingerprint, CatalogBuilder.ReadFingerprint);
        var captured = Ask(side, $"SELECT ARRAY({stream.CapturedTablesSql})", row => row.GetFieldValue<uint[]>(0));
        var storageSum = Ask(side, Storage.SumSql, row => row.GetString(0));

        CheckTimeline(position.Timeline);
        _recent?.Settle(position.Snapshot);

        if (storageSum != _storageSum)
        {
            var storage = Storage.Read(side);
            if (_storage is not null)
                Told([.. _storage.MovedIn(storage).Select(table => new ToldChange(table, Rows: null))]);
            (_storage, _storageSum) = (storage, storageSum);
        }

        if (_tables?.IsSame(fingerprint, captured) == true)
            return (position, false);
        var session = CatalogReader.ReadSessionAsync(async: false, side, default).GetAwaiter().GetResult();
        var catalog = CatalogReader.ReadAsync(async: false, side, default).GetAwaiter().GetResult();
        _tables = new CapturedTables(new CatalogView(catalog, session), captured.ToHashSet());
        _uncaptured.Clear();
        return (position, true);
    }

    private static T Ask<T>(NpgsqlConnection side, string sql, Func<DbDataReader, T> read)
    {
        using var command = new NpgsqlCommand(sql, side);
        using var rows = command.ExecuteReader();
        rows.Read();
        return read(rows);
    }

    private void CheckTimeline(uint timeline)
    {
        FoundOn(timeline);
        if (Volatile.Read(ref _latestTimeline) is var latest && timeline < latest)
        {
            throw new IOException(
                $"The change source reaches a server on timeline {timeline.ToString(CultureInfo.InvariantCulture)}, but the database was found on "
                + $"timeline {latest.ToString(CultureInfo.InvariantCulture)}: there was a failover. It connects until it reaches the new primary; where "
                + "it has a ConnectionString of its own, that must lead there too.");
        }
    }

    private List<TableChange> Translate(IReadOnlyCollection<ToldChange> told, CapturedTables tables)
    {
        var changes = new List<TableChange>(told.Count);
        foreach (var change in told)
        {
            if (tables.FamilyOf(change.Table) is not { } family)
                return [TableChange.UnknownTables];
            var rows = change.Rows is null ? null : ImagesOf(change.Rows, family);
            changes.AddRange(family.Select(member => new TableChange(member.Name) { Rows = rows }));
        }

        return changes;
    }

    /// <summary>The values of those columns by which results depend on rows.</summary>
    private List<RowImage> ImagesOf(IReadOnlyList<IReadOnlyDictionary<string, string?>> rows, IEnumerable<Relation> family)
    {
        var database = _slots.Of(_database);
        var wanted = new Dictionary<string, ComparisonFamily>();
        foreach (var table in family.SelectMany(member => database.ReachedBy(member.Name)))
        {
            foreach (var key in table.Keys)
            {
                foreach (var column in key.Columns)
                    wanted.TryAdd(column.Name, column.Family);
            }
        }

        var images = new List<RowImage>(rows.Count);
        foreach (var row in rows)
        {
            var columns = new List<ColumnImage>(wanted.Count);
            foreach (var (name, comparison) in wanted)
            {
                if (row.TryGetValue(name, out var text) && WrittenValue.TryHash(comparison, text, out var hash))
                    columns.Add(new ColumnImage(name, comparison, hash, IsStated: false));
            }

            images.Add(new RowImage([.. columns]));
        }

        return images;
    }

    private void Lose()
    {
        var lease = Interlocked.Exchange(ref _lease, null);
        if (lease is not null)
        {
            Flush();
            Log.SourceLost(_logger, _options.Kind, _database);
        }

        Interlocked.Exchange(ref _next, NewCompletion<bool>()).TrySetResult(false);
        if (_live.Task.IsCompleted)
            _live = NewCompletion();
    }

    /// <summary>Removes everything of the database, after what is known of it: who counts the changes later must not find the old.</summary>
    private void Flush()
    {
        foreach (var (known, _) in _known)
            known.Outdated();
        Interlocked.Increment(ref _flushes);
        _invalidator.Apply(ChangeOrigin.Source, RowsChanged.Unknown(_database));
    }

    /// <summary>What ended is told already; what does not end is left to itself.</summary>
    private static void Close(Task reading, ChangeStream stream, NpgsqlConnection? side)
    {
        var closing = BackgroundWork.RunOnThread("change source, closing", () =>
        {
            WaitForAny(Timeout.InfiniteTimeSpan, CancellationToken.None, reading);
            stream.Dispose();
            side?.Dispose();
        });
        WaitForAny(TimeSpan.FromSeconds(2), CancellationToken.None, closing);
        _ = closing.Exception;
        _ = reading.Exception;
    }

    /// <summary>Waits on this thread; false: until the limit. Throws nothing.</summary>
    private static bool WaitForAny(TimeSpan limit, CancellationToken cancellationToken, params Task[] tasks)
    {
        try
        {
            return Task.WaitAny(tasks, (int)limit.TotalMilliseconds, cancellationToken) >= 0;
        }
        catch (OperationCanceledException)
        {
            return true;
        }
    }

    private static TaskCompletionSource NewCompletion() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private static TaskCompletionSource<T> NewCompletion<T>() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private sealed record Heartbeat(long Number, TaskCompletionSource Arrived);
}
