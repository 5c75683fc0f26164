using System.Diagnostics;
using EfSecondLevelCache.Diagnostics;
using EfSecondLevelCache.Threading;
using Microsoft.Extensions.Logging;

namespace EfSecondLevelCache.Backplanes.SynchronousWrites;

/// <summary>
/// After a write has been committed and published: waits until every node that holds a lease has processed it. One that does not answer is fenced, so
/// that it can't renew its lease, and waited out. Who takes a lease after that was asked for has read nothing from before the commit.
/// </summary>
internal sealed class SynchronousWriting : IAsyncDisposable
{
    private readonly Lock _lock = new();
    private readonly ChangeBroadcast _broadcast;
    private readonly LeaseTable _table;
    private readonly Acknowledgements _acknowledgements;
    private readonly NodeLease _lease;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _stopping = new();

    /// <summary>The round of the writes that come next: they are asked for together.</summary>
    private Round? _next;

    private bool _isAsking;
    private long _waits;
    private TimeSpan _lastWait;
    private TimeSpan _longestWait;
    private long _fenced;
    private long _unconfirmed;

    /// <param name="settings">Of the cache.</param>
    /// <param name="broadcast">Carries the questions and answers.</param>
    /// <param name="flush">Removes everything.</param>
    /// <param name="time">Of the cache.</param>
    /// <param name="logger">For what is worth a person's attention.</param>
    public SynchronousWriting(SynchronousWritesSettings settings, ChangeBroadcast broadcast, Action flush, TimeProvider time, ILogger logger)
    {
        _broadcast = broadcast;
        _logger = logger;
        _table = new LeaseTable(settings.Database, settings.Lease);
        _acknowledgements = new Acknowledgements(broadcast, settings.Lease / 4);
        _lease = new NodeLease(_table, broadcast, _acknowledgements, flush, time, logger);
    }

    /// <summary>Whether the writers wait for this node, so that it may serve.</summary>
    public bool HoldsLease => _lease.IsHeld;

    /// <summary>
    /// Nobody need wait for longer: by then the database was asked in vain for three leases, twice, and the longest lease has run out. What
    /// has not ended then lacks threads.
    /// </summary>
    public TimeSpan LongestWait => _table.Lasts * 8;

    public SynchronousWritesStatus Status
    {
        get
        {
            lock (_lock)
            {
                return new SynchronousWritesStatus
                {
                    HoldsLease = _lease.IsHeld,
                    Detail = _lease.Detail,
                    Waits = _waits,
                    LastWait = _lastWait,
                    LongestWait = _longestWait,
                    Fenced = _fenced,
                    Unconfirmed = _unconfirmed,
                };
            }
        }
    }

    public Task WaitForLeaseAsync(CancellationToken cancellationToken) => _lease.WaitAsync(cancellationToken);

    /// <summary>Returns when nobody serves anything from before what this node had published at the call. It does not fail.</summary>
    public Task AcknowledgedAsync()
    {
        if (_stopping.IsCancellationRequested)
            return Task.CompletedTask;
        lock (_lock)
        {
            var round = _next ??= new Round();
            if (!_isAsking)
            {
                _isAsking = true;
                _ = BackgroundWork.RunOnPool(AskAsync);
            }

            return round.Ended.Task;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        await _lease.DisposeAsync().ConfigureAwait(false);
        await _table.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>While one question is put, the writes that come meanwhile wait for the next.</summary>
    private async Task AskAsync()
    {
        while (true)
        {
            Round round;
            lock (_lock)
            {
                if (_next is null)
                {
                    _isAsking = false;
                    return;
                }

                (round, _next) = (_next, null);
            }

            var stamp = _broadcast.AskForAcknowledgement();
            // After the commit: who is not among them has taken its lease later, or gives it up.
            var rows = await InsistAsync(cancellationToken => _table.ReadAsync(cancellationToken)).ConfigureAwait(false);
            _ = EndAsync(round, stamp, rows);
        }
    }

    private async Task EndAsync(Round round, long stamp, IReadOnlyList<NodeLeaseRow>? rows)
    {
        var isConfirmed = false;
        try
        {
            isConfirmed = rows is not null
                && await ConfirmAsync([.. rows.Where(row => row.Node != _broadcast.Incarnation)], stamp).ConfigureAwait(false);
        }
        finally
        {
            if (!isConfirmed)
                Log.Unconfirmed(_logger);
            lock (_lock)
            {
                _waits++;
                _lastWait = Stopwatch.GetElapsedTime(round.Began);
                _longestWait = _lastWait > _longestWait ? _lastWait : _longestWait;
                _unconfirmed += isConfirmed ? 0 : 1;
            }

            round.Ended.SetResult();
        }
    }

    /// <summary>False: the database could not be asked to fence somebody.</summary>
    private async Task<bool> ConfirmAsync(IReadOnlyList<NodeLeaseRow> rows, long stamp)
    {
        if (rows.Count == 0)
            return true;
        await _acknowledgements.WaitAsync([.. rows.Where(row => !row.IsFenced)], stamp).ConfigureAwait(false);
        var silent = rows.Where(row => !_acknowledgements.Has(row, stamp)).ToDictionary(row => row.Id);
        Guid[] unfenced = [.. silent.Values.Where(row => !row.IsFenced).Select(row => row.Id)];
        if (unfenced.Length > 0)
        {
            if (await InsistAsync(cancellationToken => _table.FenceAsync(unfenced, cancellationToken)).ConfigureAwait(false) is not { } fenced)
                return false;
            foreach (var gone in unfenced.Except(fenced))
                silent.Remove(gone);
            foreach (var id in fenced)
                Log.NodeFenced(_logger, silent[id].Name);
            lock (_lock)
                _fenced += fenced.Count;
        }

        if (silent.Count == 0)
            return true;
        var longest = silent.Values.Max(row => row.Lasts);
        await _acknowledgements.WaitAsync(
            () => silent.Values.All(row => _acknowledgements.Has(row, stamp) || _table.HasRunOut(row)), longest).ConfigureAwait(false);
        return true;
    }

    /// <summary>Asks the database until it answers; null: it has not for so long that who can't reach it either serves no more.</summary>
    private async Task<T?> InsistAsync<T>(Func<CancellationToken, Task<T>> ask)
        where T : class
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(_stopping.Token);
        end.CancelAfter(_table.Lasts * 3);
        while (true)
        {
            try
            {
                return await ask(end.Token).ConfigureAwait(false);
            }
            catch (Exception)
            {
                if (end.IsCancellationRequested)
                    return null;
                await Task.Delay(50, CancellationToken.None).ConfigureAwait(false);
            }
        }
    }

    /// <summary>What some writes wait for.</summary>
    private sealed class Round
    {
        public long Began { get; } = Stopwatch.GetTimestamp();

        public TaskCompletionSource Ended { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
