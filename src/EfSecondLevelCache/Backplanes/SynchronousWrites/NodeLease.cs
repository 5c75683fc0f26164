using EfSecondLevelCache.ChangeSources;
using EfSecondLevelCache.Diagnostics;
using EfSecondLevelCache.Threading;
using Microsoft.Extensions.Logging;

namespace EfSecondLevelCache.Backplanes.SynchronousWrites;

/// <summary>
/// This node's lease (Gray, Cheriton: Leases, SOSP 1989). It serves only while it holds one, so a writer who can't reach it need not wait for it longer
/// than the lease lasts. A node that takes a lease starts with nothing, and takes it only when all who hold one answer.
/// </summary>
internal sealed class NodeLease : IAsyncDisposable
{
    /// <summary>Clocks may run at different speeds: a node stops that much before the others have waited for it.</summary>
    private const double Usable = 0.9;

    private readonly LeaseTable _table;
    private readonly ChangeBroadcast _broadcast;
    private readonly Acknowledgements _acknowledgements;
    private readonly Action _flush;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _stopping = new();
    private readonly Task _running;
    private volatile TaskCompletionSource _taken = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Since its last renewal; null: there is none.</summary>
    private volatile Lease? _held;

    private volatile string _detail = "not taken yet";
    private Guid _id;

    /// <param name="table">Of all leases.</param>
    /// <param name="broadcast">Names this node.</param>
    /// <param name="acknowledgements">Of the others.</param>
    /// <param name="flush">Removes everything.</param>
    /// <param name="time">Of the cache.</param>
    /// <param name="logger">For what is worth a person's attention.</param>
    public NodeLease(
        LeaseTable table, ChangeBroadcast broadcast, Acknowledgements acknowledgements, Action flush, TimeProvider time, ILogger logger)
    {
        _table = table;
        _broadcast = broadcast;
        _acknowledgements = acknowledgements;
        _flush = flush;
        _time = time;
        _logger = logger;
        _running = BackgroundWork.RunOnPool(RunAsync);
    }

    public bool IsHeld => _held is { } held && held.IsWithin(_table.Lasts * Usable);

    /// <summary>Why it is not held, in words; null: it is.</summary>
    public string? Detail => IsHeld ? null : _detail;

    public Task WaitAsync(CancellationToken cancellationToken) => _taken.Task.WaitAsync(cancellationToken);

    public async ValueTask DisposeAsync()
    {
        var wasHeld = Interlocked.Exchange(ref _held, null) is not null;
        await _stopping.CancelAsync().ConfigureAwait(false);
        await _running.ConfigureAwait(false);
        if (!wasHeld)
            return;
        try
        {
            using var soon = new CancellationTokenSource(TimeSpan.FromSeconds(1));
            await _table.DeleteAsync([_id], soon.Token).ConfigureAwait(false);
        }
        catch (Exception)
        {
            // Then it runs out.
        }
    }

    private async Task RunAsync()
    {
        while (!_stopping.IsCancellationRequested)
        {
            var pause = _table.Lasts / 4;
            try
            {
                // One that has run out is not renewed: a writer may have given up on this node, and what it has is not trusted any more.
                if (_held is not null && !IsHeld)
                    Lose("it could not be renewed in time");
                else if (_held is not null)
                    await RenewAsync(_stopping.Token).ConfigureAwait(false);
                if (_held is null)
                    await TakeAsync(_stopping.Token).ConfigureAwait(false);
            }
            catch (Exception fault)
            {
                if (_stopping.IsCancellationRequested)
                    return;
                if (_held is null && _detail != fault.Message)
                    Log.LeaseNotHeld(_logger, fault.Message);
                _detail = fault.Message;
                pause /= 4;
            }

            await Task.Delay(pause * (0.75 + (Random.Shared.NextDouble() / 4)), _stopping.Token)
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <exception cref="TimeoutException">
    /// Not everybody answers. With a lease all the same, each write of theirs and of this node would wait until one of them is fenced, again and again.
    /// </exception>
    private async Task TakeAsync(CancellationToken cancellationToken)
    {
        var stamp = _broadcast.AskForAcknowledgement();
        var others = (await _table.ReadAsync(cancellationToken).ConfigureAwait(false)).Where(row => !row.IsFenced).ToList();
        if (!await _acknowledgements.WaitAsync(others, stamp).ConfigureAwait(false))
        {
            var silent = others.Where(row => !_acknowledgements.Has(row, stamp)).Select(row => row.Name);
            throw new TimeoutException($"{string.Join(", ", silent)} did not answer");
        }

        var id = Guid.NewGuid();
        var held = new Lease(_time);
        await _table.InsertAsync(id, _broadcast.Incarnation, _broadcast.NodeName, cancellationToken).ConfigureAwait(false);
        // What was read before the writers could know of this lease.
        _flush();
        _id = id;
        _held = held;
        _taken.TrySetResult();
        Log.LeaseTaken(_logger);
    }

    private async Task RenewAsync(CancellationToken cancellationToken)
    {
        var renewed = new Lease(_time);
        if (!await _table.RenewAsync(_id, cancellationToken).ConfigureAwait(false))
        {
            Lose("a writer that had no answer has fenced it");
            return;
        }

        _held = renewed;
        var runOut = (await _table.ReadAsync(cancellationToken).ConfigureAwait(false))
            .Where(row => row.IsFenced && _table.HasRunOut(row)).Select(row => row.Id).ToArray();
        if (runOut.Length > 0)
            await _table.DeleteAsync(runOut, cancellationToken).ConfigureAwait(false);
    }

    private void Lose(string why)
    {
        _held = null;
        _detail = why;
        _taken = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Log.LeaseNotHeld(_logger, why);
    }
}
