using System.Data.Common;
using EfSecondLevelCache.Provider;
using EfSecondLevelCache.Threading;
using Microsoft.EntityFrameworkCore.Storage;

namespace EfSecondLevelCache.Catalog;

/// <summary>
/// A database as the sessions of one connection string see it. Its catalog is read when it is first needed, compared now and then, and read
/// again when it has changed, over the connection of a query that goes to the database anyway.
/// </summary>
/// <param name="name">Of the database.</param>
/// <param name="time">Tells when to compare.</param>
/// <param name="changed">Called when results may have been kept under a catalog that is no longer true.</param>
/// <param name="others">Those that share the catalogs with it; null: there are none.</param>
internal sealed class KnownDatabase(string name, TimeProvider time, Action<KnownDatabase> changed, KnownDatabases? others = null)
{
    /// <summary>How long changes that others make to the catalog may go unnoticed.</summary>
    private static readonly TimeSpan ComparedEvery = TimeSpan.FromSeconds(10);

    private readonly Lock _lock = new();
    private volatile CatalogView? _view;
    private volatile bool _isRead;

    /// <summary>The last that was read, to compare with.</summary>
    private CatalogView? _last;

    /// <summary>The state that it showed, which is remembered also where it was let go.</summary>
    private (CatalogFingerprint Fingerprint, CatalogSession Session)? _lastState;

    /// <summary>The last one that reads it, whom others may wait for; null: nobody does.</summary>
    private Reading? _reading;

    private long _comparedAt;
    private int _outdated;

    public string Name => name;

    /// <summary>Where its connection string leads: host and port.</summary>
    public string Address { get; init; } = "";

    /// <summary>The last that was read; null: it was let go, or could not be read.</summary>
    public DatabaseCatalog? Catalog => _last?.Catalog;

    /// <summary>Who tells of everybody's writes to it; null: nobody does.</summary>
    public IDatabaseSource? Source { get; set; }

    /// <summary>Null: it has not been read, is out of date, or can't be read.</summary>
    public CatalogView? View => _view;

    /// <summary>The last attempt to read it failed so; null: it did not.</summary>
    public Exception? Fault { get; private set; }

    /// <summary>A command may have changed the catalog.</summary>
    public void Outdated()
    {
        lock (_lock)
        {
            _outdated++;
            _view = null;
            _isRead = false;
        }
    }

    /// <summary>When a context used it last, in the milliseconds of <see cref="Environment.TickCount64"/>.</summary>
    public long UsedAt { get; set; }

    /// <summary>Lets go of the catalog, which is read again when it is needed; nothing has changed.</summary>
    public void Forget()
    {
        lock (_lock)
        {
            _view = _last = null;
            _isRead = false;
        }
    }

    /// <summary>Reads the catalog where that is due. A fault leaves it unknown, which costs precision, never the query.</summary>
    /// <param name="async">Whether to wait asynchronously; if not, the task returned is complete.</param>
    /// <param name="connection">In no transaction.</param>
    /// <param name="waiter">Of the query.</param>
    /// <param name="since">The timestamp from which on the time counts that this may wait for another one who reads it.</param>
    /// <param name="cancellationToken">Of the query.</param>
    public async ValueTask RefreshAsync(
        bool async, IRelationalConnection connection, IWaiter waiter, long since, CancellationToken cancellationToken)
    {
        if (!IsDue())
            return;
        var own = new Reading(async, time.GetTimestamp());
        if (Interlocked.CompareExchange(ref _reading, own, null) is { } other)
        {
            if (_isRead)
            {
                // While one compares the others go on with what is known, unless it has got stuck.
                if (time.GetElapsedTime(other.Began) < ComparedEvery)
                    return;
            }
            else if (waiter.MayWaitFor(async, other.IsAsync)
                && await waiter.WaitForAsync(async, other.Ended.Task, since, cancellationToken).ConfigureAwait(false))
            {
                return;
            }

            // Nobody else need wait for the other one in vain.
            Interlocked.CompareExchange(ref _reading, own, other);
        }

        // Whoever opens the connection may be called back.
        using var work = SharedWork.Begin();
        try
        {
            await ReadAsync(async, connection, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            Interlocked.CompareExchange(ref _reading, null, own);
            own.Ended.SetResult();
        }
    }

    private bool IsDue() => !_isRead || time.GetElapsedTime(Volatile.Read(ref _comparedAt)) >= ComparedEvery;

    private async ValueTask ReadAsync(bool async, IRelationalConnection connection, CancellationToken cancellationToken)
    {
        // Errors to connect are the query's own.
        await connection.OpenAsync(async, cancellationToken).ConfigureAwait(false);
        try
        {
            var outdated = Volatile.Read(ref _outdated);
            CatalogView? view = null;
            try
            {
                view = await ReadAsync(async, connection.DbConnection, connection.CommandTimeout, _last, cancellationToken).ConfigureAwait(false);
                Fault = null;
            }
            catch (Exception fault) when (fault is not OperationCanceledException)
            {
                Fault = fault;
            }

            Know(view, outdated);
        }
        finally
        {
            await connection.CloseAsync(async).ConfigureAwait(false);
        }
    }

    private async ValueTask<CatalogView> ReadAsync(
        bool async, DbConnection open, int? commandTimeout, CatalogView? known, CancellationToken cancellationToken)
    {
        var session = await CatalogReader.ReadSessionAsync(async, open, cancellationToken, commandTimeout).ConfigureAwait(false);
        if (known is not null || others?.HaveCatalogsOf(this) == true)
        {
            var fingerprint = await CatalogReader.ReadFingerprintAsync(async, open, cancellationToken, commandTimeout).ConfigureAwait(false);
            if (fingerprint == known?.Catalog.Fingerprint)
                return session == known.Session ? known : known with { Session = session };
            if (others?.Find(this, fingerprint) is { } shared)
                return new CatalogView(shared, session);
        }

        var read = await CatalogReader.ReadAsync(async, open, cancellationToken, commandTimeout).ConfigureAwait(false);
        return new CatalogView(others?.Share(this, read) ?? read, session);
    }

    private void Know(CatalogView? view, int outdated)
    {
        bool isChanged;
        lock (_lock)
        {
            // A command changed it while it was read.
            if (outdated != _outdated)
                return;
            // Two may have read it at the same time.
            if (view is not null && _last is { } same && view.Catalog.Fingerprint == same.Catalog.Fingerprint && view.Session == same.Session)
                view = same;
            isChanged = _lastState is { } last && (view?.Catalog.Fingerprint != last.Fingerprint || view.Session != last.Session);
            _view = _last = view;
            _lastState = view is null ? null : (view.Catalog.Fingerprint, view.Session);
            _isRead = true;
            Volatile.Write(ref _comparedAt, time.GetTimestamp());
        }

        others?.Bound(this);
        if (view is not null)
            Source?.FoundOn(view.Catalog.Fingerprint.Timeline);

        // After the new one can be seen: who counted the changes before this call is told, who counts after it looks at the new one.
        if (isChanged)
            changed(this);
    }

    private sealed record Reading(bool IsAsync, long Began)
    {
        public TaskCompletionSource Ended { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
