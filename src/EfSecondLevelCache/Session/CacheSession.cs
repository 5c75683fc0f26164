using System.Data;
using System.Data.Common;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Transactions;
using EfSecondLevelCache.Catalog;
using EfSecondLevelCache.Changes;
using EfSecondLevelCache.Diagnostics;
using EfSecondLevelCache.Provider;
using EfSecondLevelCache.Threading;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Metadata;
using Microsoft.EntityFrameworkCore.Storage;
using Microsoft.Extensions.Logging;
using Npgsql;
using Npgsql.EntityFrameworkCore.PostgreSQL.Storage.Internal;

namespace EfSecondLevelCache.Session;

/// <summary>What the commands of one context have in common: its cache, its scope, and whether its session can be trusted right now.</summary>
internal sealed class CacheSession(
    ICurrentDbContext currentContext,
    IRelationalConnection connection,
    IDbContextOptions options,
    IInterceptors interceptors,
    ILoggerFactory loggerFactory) : IWaiter
{
    /// <summary>Open connections on which a command may have changed the session; the mark goes when the connection closes.</summary>
    private static readonly ConditionalWeakTable<DbConnection, object> ChangedSessions = [];

    /// <summary>The time that a command waits for others which may wait for ever for the database: the default of a command.</summary>
    private const int SecondsWithoutTimeout = 30;

    private readonly ITransactionEnlistmentManager? _enlistment = connection as ITransactionEnlistmentManager;
    private string? _connectionString;
    private CacheScope? _scope;
    private KnownDatabase? _known;
    private QueryCacheRefusal? _standing;

    /// <summary>Null: the context has none.</summary>
    public ISessionCache? Cache { get; } = options.Extensions.OfType<ISessionCacheProvider>().FirstOrDefault()?.CacheFor(options);

    public DbContext Context => currentContext.Context;

    public IModel Model => field ??= currentContext.Context.Model;

    public IRelationalConnection Connection => connection;

    /// <summary>Whether the application looks at its commands, or changes them.</summary>
    public bool InterceptsCommands { get; } = interceptors.Aggregate<IDbCommandInterceptor>() is not null;

    public ILogger Logger { get; } = Log.LoggerOf(loggerFactory);

    /// <summary>Valid after <see cref="RefusalNow"/> returned null.</summary>
    public CacheScope Scope => _scope!;

    /// <summary>What is known of the database; valid after <see cref="RefusalNow"/> returned null.</summary>
    public KnownDatabase Known => _known!;

    /// <summary>The same; null where the context has no cache, or no connection string yet.</summary>
    public KnownDatabase? FindKnown()
    {
        ReadConnectionString();
        return _known;
    }

    /// <summary>What is known of the database that another connection than the context's own leads to; nobody begins to watch it for that.</summary>
    public KnownDatabase? DatabaseBehind(string? connectionString)
        => connectionString is null ? null : Cache?.DatabaseOf(CacheScope.Of(connectionString, currentContext.Context.GetType()));

    /// <summary>
    /// Reads the catalog where it is not known and a write could spare results by it; not inside of a transaction, which a fault would end.
    /// </summary>
    public async ValueTask LearnForWriteAsync(bool async, CancellationToken cancellationToken)
    {
        if (FindKnown() is not { View: null, Fault: null } || !Cache!.HasResults || IsInTransaction)
            return;
        // Errors to connect are the write's own.
        await connection.OpenAsync(async, cancellationToken).ConfigureAwait(false);
        try
        {
            await RefreshKnownAsync(async, Stopwatch.GetTimestamp(), cancellationToken).ConfigureAwait(false);
        }
        catch (Exception fault) when (fault is not OperationCanceledException)
        {
            Log.ChangeFault(Logger, fault);
        }
        finally
        {
            await connection.CloseAsync(async).ConfigureAwait(false);
        }
    }

    /// <summary>Reads the catalog where that is due and the connection allows it.</summary>
    /// <param name="async">Whether to wait asynchronously; if not, the task returned is complete.</param>
    /// <param name="since">The timestamp from which on the time counts that this may wait for another one who reads it.</param>
    /// <param name="cancellationToken">Of the query.</param>
    public ValueTask RefreshKnownAsync(bool async, long since, CancellationToken cancellationToken)
        => IsInTransaction ? default : Known.RefreshAsync(async, connection, this, since, cancellationToken);

    /// <summary>
    /// Whether this may wait for the work of another one. Not who holds a connection: the other one may be waiting for it. Not who is called in the
    /// middle of work that the other one may be waiting for. And who waits on a thread only for who works on a thread: a task that goes on in the
    /// thread pool may find it full of those who wait for it.
    /// </summary>
    /// <inheritdoc/>
    public bool MayWaitFor(bool async, bool otherIsAsync) => (async || !otherIsAsync) && !HoldsConnection && !SharedWork.IsUnderWay;

    /// <summary>Waits for the work of another one, for as long as a command of this context may take. False: it has not ended by then.</summary>
    /// <inheritdoc/>
    public async ValueTask<bool> WaitForAsync(bool async, Task work, long since, CancellationToken cancellationToken)
    {
        var left = CommandTimeout - Stopwatch.GetElapsedTime(since);
        if (left <= TimeSpan.Zero)
            return work.IsCompleted;
        // Whoever completes it wakes this thread; that takes no other one.
        if (!async)
            return work.Wait(left, CancellationToken.None);
        await work.WaitAsync(left, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        cancellationToken.ThrowIfCancellationRequested();
        return work.IsCompleted;
    }

    private TimeSpan CommandTimeout
        => TimeSpan.FromMilliseconds(Math.Min(
            int.MaxValue, 1000L * ((connection.CommandTimeout ?? _scope?.CommandTimeout) is { } seconds and > 0 ? seconds : SecondsWithoutTimeout)));

    /// <summary>Why nothing may be served or kept at this moment, whatever the query; null: it may.</summary>
    public QueryCacheRefusal? RefusalNow()
    {
        ReadConnectionString();
        if ((Cache!.Refusal ?? _standing) is { } standing)
            return standing;
        var open = ProviderInternals.OpenConnectionOf(connection);
        if (IsInTransactionOver(open) && !IsHarmlessTransaction())
            return Refusals.InTransaction;
        if (open is not null && ChangedSessions.TryGetValue(open, out _))
            return Refusals.SessionChanged;
        return _known!.Source is { } source ? source.RefusalNow() : Cache.Options.ChangeSource is null ? null : Refusals.SourceStarting;
    }

    /// <summary>Whether the next command is part of a transaction, EF Core's or one that it was not told of.</summary>
    public bool IsInTransaction => IsInTransactionOver(ProviderInternals.OpenConnectionOf(connection));

    /// <param name="open">
    /// Null: there is none. On a connection that the application holds open it may have sent commands that EF Core knows nothing of.
    /// </param>
    private bool IsInTransactionOver(DbConnection? open)
        => connection.CurrentTransaction is not null || Transaction.Current is not null || _enlistment?.EnlistedTransaction is not null
            || (open is not null && ProviderInternals.MayBeInTransaction(open));

    /// <summary>It sees what everybody sees, and the application says that it does not write past EF Core.</summary>
    private bool IsHarmlessTransaction()
        => Cache is { Options.AllowInTransactions: true }
            && connection.CurrentTransaction?.GetDbTransaction() is { IsolationLevel: System.Data.IsolationLevel.ReadCommitted } transaction
            && !ForeignTransactions.Contains(transaction)
            && !PendingChanges.Any(transaction);

    /// <summary>Whether the application holds a connection open, so that this caller must not wait for one that has none.</summary>
    public bool HoldsConnection => ProviderInternals.OpenConnectionOf(connection) is not null;

    /// <summary>Whether the session is, as far as can be seen, one like that which the catalog was read by: what that one may read, this may.</summary>
    public bool HasUsualRights
    {
        get
        {
            ReadConnectionString();
            return Cache is { Options: var settings } && _standing is null
                && (settings.UniformSessions || settings.VaryBy is null || Unlike() is null)
                && !(ProviderInternals.OpenConnectionOf(connection) is { } open && ChangedSessions.TryGetValue(open, out _));
        }
    }

    /// <summary>A command changed the session, or may have; nothing is cached over it until it closes.</summary>
    public static void SessionChanged(DbConnection open)
    {
        if (!ChangedSessions.TryAdd(open, open))
            return;
        open.StateChange += Forget;

        static void Forget(object sender, StateChangeEventArgs change)
        {
            if (change.CurrentState is not ConnectionState.Closed)
                return;
            var closed = (DbConnection)sender;
            closed.StateChange -= Forget;
            ChangedSessions.Remove(closed);
        }
    }

    private void ReadConnectionString()
    {
        var connectionString = connection.ConnectionString;
        if (ReferenceEquals(connectionString, _connectionString) && (_scope is not null || _standing is not null))
            return;
        _connectionString = connectionString;
        _scope = connectionString is null ? null : CacheScope.Of(connectionString, currentContext.Context.GetType());
        _known = _scope is null ? null : Cache?.DatabaseOf(_scope);
        _standing = _scope is null ? Refusals.NoConnectionString : _scope.Refusal ?? SessionRefusal();
        if (_known is not null)
            Cache!.Used(_known, connection, Logger);
    }

    private QueryCacheRefusal? SessionRefusal()
    {
        return Cache is null || Cache.Options.UniformSessions || Cache.Options.VaryBy is not null ? null : Unlike();
    }

    /// <summary>What may make the context's sessions differ; null: nothing that is known of.</summary>
    private QueryCacheRefusal? Unlike()
        => interceptors.Aggregate<IDbConnectionInterceptor>() is not null ? Refusals.ConnectionInterceptor
            : HasInitializer() ? Refusals.ConnectionInitializer
            : null;

    private bool HasInitializer()
    {
        if ((connection as INpgsqlRelationalConnection)?.DataSource is { } source)
            return ProviderInternals.MayHaveInitializer(source);
        // A connection that the application made may come from a data source of its own.
        var given = options.Extensions.OfType<RelationalOptionsExtension>().FirstOrDefault()?.Connection;
        return given is NpgsqlConnection npgsql
            && ProviderInternals.DataSourceOf(npgsql) is { } itsSource
            && ProviderInternals.MayHaveInitializer(itsSource);
    }
}
