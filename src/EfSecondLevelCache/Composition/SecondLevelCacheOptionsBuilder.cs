using System.Globalization;
using EfSecondLevelCache.Backplanes;
using EfSecondLevelCache.Backplanes.Postgres;
using EfSecondLevelCache.Values;
using Microsoft.EntityFrameworkCore;

using Npgsql;

namespace EfSecondLevelCache;

/// <summary>
/// Configures a second-level cache. Every setting has a default; none is required. Contexts that are configured with equal
/// settings share one cache in the process.
/// </summary>
public sealed class SecondLevelCacheOptionsBuilder
{
    private readonly HashSet<string> _set = [];

    internal SecondLevelCacheOptions Options { get; private set; } = new();

    internal SecondLevelCacheOptionsBuilder()
    {
    }

    internal static SecondLevelCacheOptions Build(Action<SecondLevelCacheOptionsBuilder>? configure)
    {
        var builder = new SecondLevelCacheOptionsBuilder();
        configure?.Invoke(builder);
        HeartbeatRange.Check(builder.Options);
        if (builder.Options is { SynchronousWrites: not null, Backplane: null })
        {
            throw new ArgumentException(
                "SynchronousWrites waits for the other nodes, and nothing is configured by which they are reached. Add UsePeers(...), UseRedis(...) or "
                + "UsePostgresBackplane(...), or take SynchronousWrites out.");
        }

        return builder.Options.MaxEntryBytes <= builder.Options.MaxBytes
            ? builder.Options
            // A result that is larger than the whole cache can never be kept; only an explicit contradiction is an error.
            : builder._set.Contains(nameof(MaxEntryBytes)) && builder._set.Contains(nameof(MaxBytes))
                ? throw new ArgumentException(
                    $"MaxEntryBytes({Number(builder.Options.MaxEntryBytes)}) is larger than MaxBytes({Number(builder.Options.MaxBytes)}): "
                    + "no such result could be kept. Lower MaxEntryBytes or raise MaxBytes.")
                : builder.Options with { MaxEntryBytes = (int)Math.Min(builder.Options.MaxBytes, builder.Options.MaxEntryBytes) };
    }

    /// <summary>
    /// How much memory the results may take, in bytes: rows, keys, texts of queries, what is known of databases, and the cache's own structures.
    /// Default: 268,435,456 (256 MiB). When it is reached, the least valuable results make room.
    /// </summary>
    /// <param name="bytes">At least 1,048,576 (1 MiB).</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="bytes"/> is below 1 MiB.</exception>
    public SecondLevelCacheOptionsBuilder MaxBytes(long bytes)
    {
        const long Least = 1L << 20;
        if (bytes < Least)
        {
            throw new ArgumentOutOfRangeException(nameof(bytes), bytes,
                $"MaxBytes is {Number(bytes)} bytes; give at least {Number(Least)} (1 MiB), for example MaxBytes(256L << 20).");
        }

        return Set(nameof(MaxBytes), Options with { MaxBytes = bytes });
    }

    /// <summary>How many results may be kept. Default: 1,000,000.</summary>
    /// <param name="entries">At least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="entries"/> is zero or negative.</exception>
    public SecondLevelCacheOptionsBuilder MaxEntries(int entries)
        => entries >= 1
            ? Set(nameof(MaxEntries), Options with { MaxEntries = entries })
            : throw new ArgumentOutOfRangeException(nameof(entries), entries,
                $"MaxEntries is {Number(entries)}; give at least 1. To switch the cache off, set SecondLevelCache.Enabled to false.");

    /// <summary>
    /// How large one result may be, in bytes. Default: 4,194,304 (4 MiB), or <see cref="MaxBytes"/> where that is less. A larger
    /// result is complete for its reader but not kept: the rows read so far are served from memory and the others stream through.
    /// </summary>
    /// <param name="bytes">1,024 (1 KiB) to 1,073,741,824 (1 GiB).</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="bytes"/> is out of that range.</exception>
    public SecondLevelCacheOptionsBuilder MaxEntryBytes(long bytes)
        => bytes is >= 1 << 10 and <= 1 << 30
            ? Set(nameof(MaxEntryBytes), Options with { MaxEntryBytes = (int)bytes })
            : throw new ArgumentOutOfRangeException(nameof(bytes), bytes,
                $"MaxEntryBytes is {Number(bytes)} bytes; give 1,024 (1 KiB) to 1,073,741,824 (1 GiB), for example MaxEntryBytes(4L << 20).");

    /// <summary>Which results make room for others when a bound is reached. Default: <see cref="EvictionPolicy.Lfu"/>.</summary>
    /// <param name="policy">One of the named values.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="policy"/> is none of them.</exception>
    public SecondLevelCacheOptionsBuilder Eviction(EvictionPolicy policy)
        => Enum.IsDefined(policy)
            ? Set(nameof(Eviction), Options with { Eviction = policy })
            : throw new ArgumentOutOfRangeException(nameof(policy), policy,
                $"Eviction is {policy}; give EvictionPolicy.Lfu, Lru or S3Fifo.");

    /// <summary>
    /// How long a result is served when its query names no time to live. Default: 10 minutes. It is a ceiling: a result is
    /// removed earlier when what it was read from changes.
    /// </summary>
    /// <param name="timeToLive">1 millisecond to 365 days.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="timeToLive"/> is out of that range.</exception>
    public SecondLevelCacheOptionsBuilder DefaultTimeToLive(TimeSpan timeToLive)
        => Set(nameof(DefaultTimeToLive),
            Options with { DefaultTimeToLive = TimeToLiveRange.Check(timeToLive, nameof(DefaultTimeToLive), nameof(timeToLive)) });

    /// <summary>
    /// Caches every query that can be cached, as if each were marked <c>Cacheable()</c>. Off by default. <c>NotCacheable()</c> and
    /// <see cref="NeverCache{TEntity}"/> take single queries out; queries of the migrations history and of catalogs are never cached.
    /// </summary>
    /// <param name="enabled">False takes it back.</param>
    public SecondLevelCacheOptionsBuilder CacheAllQueries(bool enabled = true)
        => Set(nameof(CacheAllQueries), Options with { CacheAllQueries = enabled });

    /// <summary>
    /// Caches every query, <c>Find</c> included, that reads a table of this entity type. The last call for a type counts.
    /// </summary>
    /// <typeparam name="TEntity">An entity type of the context's model; a context that does not map it is not affected.</typeparam>
    /// <param name="timeToLive">1 millisecond to 365 days; null: <see cref="DefaultTimeToLive"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="timeToLive"/> is out of that range.</exception>
    public SecondLevelCacheOptionsBuilder CacheQueriesOf<TEntity>(TimeSpan? timeToLive = null)
        where TEntity : class
    {
        if (timeToLive is { } given)
            TimeToLiveRange.Check(given, $"CacheQueriesOf<{typeof(TEntity).Name}>", nameof(timeToLive));
        return AddRule(new EntityRule(typeof(TEntity), timeToLive, Never: false));
    }

    /// <summary>
    /// Never caches a query that reads a table of this entity type, whatever else is said: it wins over <c>Cacheable</c>,
    /// <see cref="CacheAllQueries"/> and <see cref="CacheQueriesOf{TEntity}"/>.
    /// </summary>
    /// <typeparam name="TEntity">An entity type of the context's model; a context that does not map it is not affected.</typeparam>
    public SecondLevelCacheOptionsBuilder NeverCache<TEntity>()
        where TEntity : class
        => AddRule(new EntityRule(typeof(TEntity), TimeToLive: null, Never: true));

    /// <summary>
    /// Makes a value part of every key, so that results are shared only among contexts for which it is the same: a tenant, a
    /// culture, whatever a query's rows depend on beyond its text and parameters. It is asked once for each cacheable command and
    /// must be fast. Null and "" are different values. Where it throws, the query goes to the database.
    /// </summary>
    /// <param name="varyBy">Takes the context that executes the query.</param>
    /// <exception cref="ArgumentNullException"><paramref name="varyBy"/> is null.</exception>
    public SecondLevelCacheOptionsBuilder VaryBy(Func<DbContext, string?> varyBy)
    {
        ArgumentNullException.ThrowIfNull(varyBy);
        return Set(nameof(VaryBy), Options with { VaryBy = varyBy });
    }

    /// <summary>
    /// States that all sessions of a connection string see the same data, although a connection interceptor or a connection
    /// initializer runs. Without it (the default) and without <see cref="VaryBy"/>, such queries are not cached, because the cache
    /// can't see what the interceptor sets (a search_path, a role, a setting that a row-security policy reads).
    /// </summary>
    /// <param name="enabled">False takes it back.</param>
    public SecondLevelCacheOptionsBuilder UniformSessions(bool enabled = true)
        => Set(nameof(UniformSessions), Options with { UniformSessions = enabled });

    /// <summary>
    /// States that the application changes no value of a type that is read from the database or sent to it, so that all who read a result may
    /// share the value. It is for a type of which neither its fields nor EF Core's mapping tell that; a query that reads a column of such a type is
    /// else not cached. Where you do change values, use <see cref="CopyWith{T}"/>.
    /// </summary>
    /// <typeparam name="T">The type as Npgsql has it, ahead of a value converter: the one that the refusal names.</typeparam>
    public SecondLevelCacheOptionsBuilder TreatAsImmutable<T>()
        where T : notnull
        => AddRule(new TypeRule(typeof(T), Copy: null, Bytes: null));

    /// <summary>
    /// States how the values of a type are copied that is read from the database or sent to it: each reader of a cached result gets a copy of its
    /// own. It takes the place of what the cache or EF Core's mapping know of the type. Strings and structs without references need no copy.
    /// </summary>
    /// <typeparam name="T">The type as Npgsql has it, ahead of a value converter: the one that the refusal names.</typeparam>
    /// <param name="copy">
    /// Makes a value that shares nothing with the first that anybody could change. It is called for each read of a cached value, by any thread, and
    /// must not throw. Use a method or a static lambda: contexts share a cache where their delegates are equal.
    /// </param>
    /// <param name="bytes">How much memory a value takes, in bytes, with what it points to. It counts for MaxBytes; below 0 is 0.</param>
    /// <exception cref="ArgumentNullException">One of them is null.</exception>
    public SecondLevelCacheOptionsBuilder CopyWith<T>(Func<T, T> copy, Func<T, long> bytes)
        where T : notnull
    {
        ArgumentNullException.ThrowIfNull(copy);
        ArgumentNullException.ThrowIfNull(bytes);
        return AddRule(new TypeRule(typeof(T), copy, bytes));
    }

    /// <summary>
    /// Lets queries inside of a transaction be served and kept while the transaction has written nothing through EF Core and reads what is
    /// committed (READ COMMITTED); in REPEATABLE READ and SERIALIZABLE they always go to the database. It states that the application writes
    /// nothing in such transactions that EF Core does not see. Default: every query inside of a transaction goes to the database.
    /// </summary>
    /// <param name="enabled">False takes it back.</param>
    public SecondLevelCacheOptionsBuilder AllowInTransactions(bool enabled = true)
        => Set(nameof(AllowInTransactions), Options with { AllowInTransactions = enabled });

    /// <summary>
    /// How long what a write changed is neither served nor kept when the connection broke before its outcome was known: the server may still
    /// commit it. Default: 30 seconds.
    /// </summary>
    /// <param name="timeout">1 millisecond to 1 hour.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="timeout"/> is outside of its range.</exception>
    public SecondLevelCacheOptionsBuilder UnknownOutcomeTimeout(TimeSpan timeout)
        => timeout >= TimeSpan.FromMilliseconds(1) && timeout <= TimeSpan.FromHours(1)
            ? Set(nameof(UnknownOutcomeTimeout), Options with { UnknownOutcomeTimeout = timeout })
            : throw new ArgumentOutOfRangeException(nameof(timeout), timeout,
                $"UnknownOutcomeTimeout is {timeout:c}; give a time between 1 ms and 1 hour, for example TimeSpan.FromSeconds(30).");

    /// <summary>
    /// How old a result may be that is served although somebody else has changed what it was read from. When that can't be kept to (a connection
    /// that is stuck, a process that was suspended, a node that is not heard), queries go to the database until it is certain again that nothing is
    /// missing. Default: 5 seconds with a change source; none for nodes without one, which go on, remove what was changed when they hear of it, and
    /// leave it to the times to live until then.
    /// </summary>
    /// <param name="age">50 milliseconds to 1 hour.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="age"/> is out of that range.</exception>
    public SecondLevelCacheOptionsBuilder MaxStaleness(TimeSpan age)
        => age >= TimeSpan.FromMilliseconds(50) && age <= TimeSpan.FromHours(1)
            ? Set(nameof(MaxStaleness), Options with { MaxStaleness = age })
            : throw new ArgumentOutOfRangeException(nameof(age), age,
                $"MaxStaleness is {age:c}; give 50 milliseconds to 1 hour, for example MaxStaleness(TimeSpan.FromSeconds(5)).");

    /// <summary>
    /// Learns of everybody's writes from triggers that notify and a connection that listens, one for each database. The triggers are installed by
    /// <c>context.Database.EnsureChangeCaptureAsync()</c> or a migration. Made for few writes; see docs/change-sources.md. Until the source is
    /// live, and when it is lost, queries of its database go there.
    /// </summary>
    /// <param name="configure">Its settings; null for the defaults.</param>
    public SecondLevelCacheOptionsBuilder UseNotifications(Action<NotificationsBuilder>? configure = null)
    {
        var builder = new NotificationsBuilder();
        configure?.Invoke(builder);
        return Use(builder.Options);
    }

    /// <summary>
    /// Learns of everybody's writes from the write-ahead log by a temporary replication slot, one for each database. It needs
    /// <c>wal_level = logical</c>, a user with REPLICATION and a publication (<c>context.Database.EnsureChangeCaptureAsync()</c>). Until the source
    /// is live, and when it is lost, queries of its database go there.
    /// </summary>
    /// <param name="configure">Its settings; null for the defaults.</param>
    public SecondLevelCacheOptionsBuilder UseLogicalReplication(Action<LogicalReplicationBuilder>? configure = null)
    {
        var builder = new LogicalReplicationBuilder();
        configure?.Invoke(builder);
        return Use(builder.Options);
    }

    /// <summary>Where the cache takes the time from. Default: <see cref="TimeProvider.System"/>. For tests.</summary>
    /// <param name="timeProvider">Its timestamps bound the times to live.</param>
    /// <exception cref="ArgumentNullException"><paramref name="timeProvider"/> is null.</exception>
    public SecondLevelCacheOptionsBuilder UseTimeProvider(TimeProvider timeProvider)
    {
        ArgumentNullException.ThrowIfNull(timeProvider);
        return Set(nameof(UseTimeProvider), Options with { TimeProvider = timeProvider });
    }

    /// <summary>
    /// Tells other nodes of this one's changes, and this one of theirs, over a backplane of your own. A cache has one backplane: the last call counts.
    /// </summary>
    /// <param name="factory">Makes it. Contexts share a cache where their factories are equal.</param>
    /// <exception cref="ArgumentNullException"><paramref name="factory"/> is null.</exception>
    public SecondLevelCacheOptionsBuilder UseBackplane(BackplaneFactory factory)
    {
        ArgumentNullException.ThrowIfNull(factory);
        return Set(nameof(UseBackplane), Options with { Backplane = factory });
    }

    /// <summary>Connects the caches of one process, for tests.</summary>
    /// <param name="backplane">The same for all of them.</param>
    /// <exception cref="ArgumentNullException"><paramref name="backplane"/> is null.</exception>
    public SecondLevelCacheOptionsBuilder UseBackplane(InMemoryBackplane backplane)
    {
        ArgumentNullException.ThrowIfNull(backplane);
        return UseBackplane(backplane.Factory);
    }

    /// <summary>Connects the nodes of the application over TCP, each with each other. No other process is needed.</summary>
    /// <param name="configure">Where they are, and how they prove that they belong.</param>
    /// <exception cref="ArgumentException">Somebody else could reach this node, and neither a secret nor TLS is configured.</exception>
    public SecondLevelCacheOptionsBuilder UsePeers(Action<PeerOptionsBuilder> configure)
    {
        ArgumentNullException.ThrowIfNull(configure);
        return UseBackplane(PeerOptionsBuilder.Build(configure));
    }

    /// <summary>
    /// Lets PostgreSQL carry what the nodes tell each other, by NOTIFY: SaveChanges and transactions that EF Core ends tell of their changes inside the
    /// transaction itself. Each such commit holds a lock of the whole server while it is flushed, so this is for few writes. It is the database of
    /// the contexts, over two connections like theirs, from the first use of a context on. Where they use several databases, or a pooler that
    /// shares connections, name the one by its connection string.
    /// </summary>
    public SecondLevelCacheOptionsBuilder UsePostgresBackplane() => UseBackplane(new PostgresBackplaneSettings());

    /// <summary>The same, over a database that is named: the same one by every node.</summary>
    /// <param name="connectionString">
    /// To the database of the contexts, past any pooler that shares connections. Only in a database of this name transactions tell themselves;
    /// changes of others are told after their commit.
    /// </param>
    /// <exception cref="ArgumentException"><paramref name="connectionString"/> is blank or can't be read.</exception>
    public SecondLevelCacheOptionsBuilder UsePostgresBackplane(string connectionString)
        => UseBackplane(new PostgresBackplaneSettings(GivenDatabase.Of(
            connectionString, $"{nameof(UsePostgresBackplane)}(connectionString)", nameof(connectionString))));

    /// <summary>Lets a PostgreSQL carry what the nodes tell each other that a data source leads to, whose password may change.</summary>
    /// <param name="dataSource">To the database of the contexts, as with a connection string. It is not disposed with the cache.</param>
    public SecondLevelCacheOptionsBuilder UsePostgresBackplane(NpgsqlDataSource dataSource)
        => UseBackplane(new PostgresBackplaneSettings(GivenDatabase.Of(dataSource)));

    /// <summary>
    /// Lets SaveChanges, a commit, ExecuteUpdate, ExecuteDelete and the Invalidate methods return only when every other node has processed the change: after
    /// that, no node serves the old rows. Every node of the application must be configured so. Each node holds a lease in a table of PostgreSQL
    /// (<c>ef_second_level_cache_leases</c>) and serves only while it does; one that does not acknowledge within a quarter of the lease is fenced, and
    /// the write waits until its lease has run out. Default: off, a write does not wait for anybody.
    /// </summary>
    /// <param name="connectionString">To the database that has the table, the same for all nodes.</param>
    /// <param name="lease">
    /// 200 milliseconds to 5 minutes; null: 5 seconds. A write waits that long, and a quarter more, for a node that has died or can't be reached; a node
    /// that stands still for longer starts anew with an empty cache.
    /// </param>
    /// <exception cref="ArgumentException"><paramref name="connectionString"/> is blank or can't be read.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="lease"/> is out of that range.</exception>
    public SecondLevelCacheOptionsBuilder SynchronousWrites(string connectionString, TimeSpan? lease = null)
        => Use(GivenDatabase.Of(connectionString, $"{nameof(SynchronousWrites)}(connectionString)", nameof(connectionString)), lease);

    /// <summary>Lets writes wait for the other nodes, whose leases are in a database that a data source leads to; its password may change.</summary>
    /// <param name="dataSource">To the database that has the table, the same for all nodes. It is not disposed with the cache.</param>
    /// <param name="lease">200 milliseconds to 5 minutes; null: 5 seconds.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="lease"/> is out of that range.</exception>
    public SecondLevelCacheOptionsBuilder SynchronousWrites(NpgsqlDataSource dataSource, TimeSpan? lease = null)
        => Use(GivenDatabase.Of(dataSource), lease);

    private SecondLevelCacheOptionsBuilder Use(GivenDatabase leases, TimeSpan? lease)
    {
        var lasts = lease ?? SynchronousWritesSettings.DefaultLease;
        if (lasts < TimeSpan.FromMilliseconds(200) || lasts > TimeSpan.FromMinutes(5))
        {
            throw new ArgumentOutOfRangeException(nameof(lease), lasts,
                $"The lease of SynchronousWrites is {lasts:c}; give 200 milliseconds to 5 minutes, for example TimeSpan.FromSeconds(5).");
        }

        var settings = new SynchronousWritesSettings(leases, lasts);
        return Set(nameof(SynchronousWrites), Options with { SynchronousWrites = settings });
    }

    private SecondLevelCacheOptionsBuilder Use(ChangeSourceOptions source)
        => Options.ChangeSource is { } other && other.Kind != source.Kind
            ? throw new ArgumentException("UseNotifications and UseLogicalReplication were both called: one source tells everything. Choose one.")
            : Set(nameof(Use), Options with { ChangeSource = source });

    private SecondLevelCacheOptionsBuilder AddRule(EntityRule rule)
    {
        var others = Options.EntityRules.Where(other => (other.EntityType, other.Never) != (rule.EntityType, rule.Never));
        return Set(nameof(EntityRule), Options with { EntityRules = [.. others, rule] });
    }

    /// <summary>Adds a rule; of a type the last one counts. Their order does not count, so that it tells no two caches apart.</summary>
    private SecondLevelCacheOptionsBuilder AddRule(TypeRule rule)
    {
        var others = Options.TypeRules.Where(other => other.Type != rule.Type);
        return Set(nameof(TypeRule), Options with
        {
            TypeRules = [.. others.Append(rule).OrderBy(one => one.Type.AssemblyQualifiedName, StringComparer.Ordinal)],
        });
    }

    private SecondLevelCacheOptionsBuilder Set(string name, SecondLevelCacheOptions options)
    {
        _set.Add(name);
        Options = options;
        return this;
    }

    private static string Number(long value) => value.ToString("N0", CultureInfo.InvariantCulture);
}
