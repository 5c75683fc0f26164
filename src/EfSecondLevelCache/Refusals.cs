using EfSecondLevelCache.Values;

namespace EfSecondLevelCache;

/// <summary>Every refusal with its words, in one place.</summary>
internal static class Refusals
{
    /// <summary>Whether its remedies are in the application's hands. The others are its own word, pass by themselves, or must be.</summary>
    public static bool IsCurable(RefusalReason reason) => reason is
        RefusalReason.InTransaction or RefusalReason.SessionStateUnknown or RefusalReason.MayReachStandby or RefusalReason.VolatileFunction
        or RefusalReason.UnknownFunction or RefusalReason.UnreadableSql or RefusalReason.ParameterType or RefusalReason.ColumnType
        or RefusalReason.CommandChanged or RefusalReason.RowSecurity or RefusalReason.UntoldChanges or RefusalReason.NotCaptured
        or RefusalReason.NoPlan;

    /// <summary>Nobody asked, or somebody asked for the contrary: nothing to count among refusals, nor to tell.</summary>
    public static bool IsUnasked(RefusalReason reason) => reason is RefusalReason.NotRequested or RefusalReason.NeverCached;

    public static readonly QueryCacheRefusal NotRequested = new(
        RefusalReason.NotRequested, "nothing asks for it", "Mark the query Cacheable(), or configure CacheAllQueries() or CacheQueriesOf<T>()");

    public static readonly QueryCacheRefusal ReadsNoTable = new(
        RefusalReason.NotRequested,
        "it reads no table, and CacheAllQueries() is about queries of tables: a probe such as SELECT 1 asks for the server itself",
        "Mark the query Cacheable() to cache it all the same");

    public static readonly QueryCacheRefusal NotCacheable = new(
        RefusalReason.NeverCached, "the query is marked NotCacheable()", "Remove the mark to cache it");

    public static readonly QueryCacheRefusal Disabled = new(
        RefusalReason.Disabled, "the cache is switched off or disposed", "Set SecondLevelCache.Enabled to true, or use a cache that lives");

    public static readonly QueryCacheRefusal WritesUnseen = new(
        RefusalReason.Disabled,
        "this version of EF Core no longer has what the cache sees the writes of SaveChanges by",
        "Update EfSecondLevelCache, or go back to the version of EF Core that it was built with; CacheStatistics.SwitchedOff tells what is missing");

    public static readonly QueryCacheRefusal NodesUnheard = new(
        RefusalReason.NodesUnheard,
        "another node, or the backplane, was not heard for longer than MaxStaleness, so changes may be missing",
        "SecondLevelCache.Backplane tells which; caching goes on by itself when it is heard again");

    public static readonly QueryCacheRefusal LeaseNotHeld = new(
        RefusalReason.LeaseNotHeld,
        "this node holds no lease, so synchronous writes of the others do not wait for it",
        "SecondLevelCache.Backplane tells why; caching goes on by itself when it has taken one");

    public static readonly QueryCacheRefusal NoPlan = new(
        RefusalReason.NoPlan,
        "the command did not come from the query compiler that the cache watches",
        "Precompiled queries and UseInternalServiceProvider can't be cached");

    public static QueryCacheRefusal ForeignGenerator(Type generator)
        => new(
            RefusalReason.NoPlan,
            $"its SQL was written by {generator.Name} and not by Npgsql's own generator, so it may read more than the query says",
            "Mark the query NotCacheable(), or use Npgsql's IQuerySqlGeneratorFactory in a context whose queries are to be cached");

    public static readonly QueryCacheRefusal InTransaction = new(
        RefusalReason.InTransaction,
        "it runs inside a transaction",
        "Run it before or after the transaction; with AllowInTransactions() what a READ COMMITTED transaction reads before it writes is cached too");

    public static readonly QueryCacheRefusal ConnectionInterceptor = new(
        RefusalReason.SessionStateUnknown,
        "a connection interceptor is registered, and what it sets in the session is not part of the key",
        "Name it with VaryBy(context => ...), or state UniformSessions() if it sets nothing that rows depend on");

    public static readonly QueryCacheRefusal ConnectionInitializer = new(
        RefusalReason.SessionStateUnknown,
        "the data source has a connection initializer, and what it sets in the session is not part of the key",
        "Name it with VaryBy(context => ...), or state UniformSessions() if it sets nothing that rows depend on");

    public static readonly QueryCacheRefusal WithinVaryBy = new(
        RefusalReason.SessionStateUnknown,
        "VaryBy executes it itself, so what its key would vary by is not known yet",
        "Mark what VaryBy executes NotCacheable()");

    public static readonly QueryCacheRefusal SessionChanged = new(
        RefusalReason.SessionStateUnknown,
        "a command on this open connection may have changed the session",
        "Close the connection first; the next one starts clean");

    public static readonly QueryCacheRefusal NoConnectionString = new(
        RefusalReason.SessionStateUnknown, "the context has no connection string yet", "Set the connection string before the query");

    public static readonly QueryCacheRefusal UnreadableConnectionString = new(
        RefusalReason.SessionStateUnknown, "the connection string can't be read", "Check it; the database will name the error");

    public static readonly QueryCacheRefusal NoResetOnClose = new(
        RefusalReason.SessionStateUnknown,
        "the connection string says No Reset On Close, so what anybody set in a session stays for the next one who opens it",
        "Take No Reset On Close out of the connection string");

    public static readonly QueryCacheRefusal Multiplexing = new(
        RefusalReason.SessionStateUnknown,
        "the connection string says Multiplexing, so each command may meet another session",
        "Take Multiplexing out of the connection string");

    public static readonly QueryCacheRefusal SeveralHosts = new(
        RefusalReason.MayReachStandby,
        "the connection string names several hosts or a target session attribute, so it may reach a standby",
        "Use one host, or Target Session Attributes=primary");

    public static readonly QueryCacheRefusal CommandChanged = new(
        RefusalReason.CommandChanged,
        "the command that was executed is not the one that EF Core compiled: an interceptor changed it",
        "Let the interceptor leave cacheable commands alone, or mark the query NotCacheable()");

    public static QueryCacheRefusal ReaderReplaced(Type reader)
        => new(
            RefusalReason.CommandChanged,
            $"its rows come from a {reader.Name} that is not Npgsql's reader of this command: an interceptor replaced or wrapped it",
            "Let the interceptor leave the readers of cacheable commands alone, or mark the query NotCacheable()");

    public static readonly QueryCacheRefusal SeveralResults = new(
        RefusalReason.UnreadableSql, "it has more than one result", "Cache one statement at a time");

    public static readonly QueryCacheRefusal OtherColumns = new(
        RefusalReason.ColumnType, "its columns are not the ones that EF Core expects", "Compare the columns of the SQL with the mapped type");

    public static readonly QueryCacheRefusal LocksRows = new(
        RefusalReason.LocksRows, "it locks rows", "A lock needs the database; mark the query NotCacheable()");

    public static readonly QueryCacheRefusal SamplesTable = new(
        RefusalReason.SamplesTable, "it samples a table", "Each execution is meant to differ; mark the query NotCacheable()");

    public static readonly QueryCacheRefusal Unreadable = new(
        RefusalReason.UnreadableSql, "its SQL could not be read to the end", "Check its quotes and comments");

    public static readonly QueryCacheRefusal SourceStarting = new(
        RefusalReason.SourceNotLive,
        "the change source is not live yet",
        "Wait for it with SecondLevelCache.WaitUntilLiveAsync(); where it does not come, SecondLevelCache.Sources says why");

    public static readonly QueryCacheRefusal SourceLost = new(
        RefusalReason.SourceNotLive,
        "the change source is lost",
        "It connects again by itself; SecondLevelCache.Sources says why it was lost");

    public static readonly QueryCacheRefusal SourceSilent = new(
        RefusalReason.SourceNotLive,
        "the change source was not heard of for longer than MaxStaleness",
        "It goes on by itself; raise MaxStaleness if that happens under load");

    public static readonly QueryCacheRefusal OtherServer = new(
        RefusalReason.SourceNotLive,
        "its connection and the change source reach servers on different timelines, as after a failover, or a standby",
        "It goes on by itself when both reach the same server; SecondLevelCache.Sources tells of the source");

    public static readonly QueryCacheRefusal TokenAhead = new(
        RefusalReason.NotCaughtUp,
        "the change source has not told yet of what its NotOlderThan token stands for",
        "It goes on by itself; SecondLevelCache.Sources tells how far the source is");

    public static readonly QueryCacheRefusal TokenOfOtherServer = new(
        RefusalReason.NotCaughtUp,
        "its NotOlderThan token is of another database, or from before a failover",
        "Take the token from the context that has written: context.Database.GetChangeTokenAsync()");

    public static readonly QueryCacheRefusal TokenWithoutSource = new(
        RefusalReason.NotCaughtUp,
        "it has a NotOlderThan token, and without a change source nothing tells of what that stands for",
        "Configure UseNotifications() or UseLogicalReplication()");

    public static readonly QueryCacheRefusal TokenNotReceived = new(
        RefusalReason.NotCaughtUp,
        "its NotOlderThan token does not reach a command that another builder made",
        "Leave IRelationalCommandBuilderFactory as it is, or read without a token");

    public static QueryCacheRefusal NotCaptured(string table) => new(
        RefusalReason.NotCaptured,
        $"it reads {table}, and nothing tells when that changes",
        "Call context.Database.EnsureChangeCaptureAsync(), or allow it with CacheUncapturedTables()");

    public static QueryCacheRefusal NeverCached(Type entityType) => new(
        RefusalReason.NeverCached, $"NeverCache<{entityType.Name}>() rules it out", "Remove the rule to cache it");

    public static QueryCacheRefusal Writes(string what) => new(
        RefusalReason.MayWrite, what, "Commands that write always go to the database");

    public static QueryCacheRefusal MovingFunction(string name) => new(
        RefusalReason.VolatileFunction,
        $"it calls {name}, whose value moves",
        "Compute the value in the application and pass it as a parameter");

    public static QueryCacheRefusal UnknownFunction(string name) => new(
        RefusalReason.UnknownFunction,
        $"it calls the function {name}, which may read tables or move",
        "State the tables that it reads: Cacheable(q => q.DependsOn(\"table\"))");

    public static QueryCacheRefusal UnknownTableKind(Type kind) => new(
        RefusalReason.NoPlan, $"it reads a {kind.Name}, which the cache does not know", "Mark the query NotCacheable()");

    public static QueryCacheRefusal SystemTable(TableName table) => new(
        RefusalReason.SystemTable, $"it reads {table}", "Nothing tells of changes there; mark the query NotCacheable()");

    public static QueryCacheRefusal TemporaryTable(TableName table) => new(
        RefusalReason.TemporaryTable,
        $"it reads {table}, or a temporary table of that name: each session has its own",
        "Mark the query NotCacheable()");

    public static QueryCacheRefusal UntoldChanges(TableName table) => new(
        RefusalReason.UntoldChanges,
        $"it reads {table}, a materialized view, foreign table or sequence, whose changes nobody tells of",
        "Where its time to live bounds that well enough, name what it depends on: Cacheable(q => q.DependsOn(\"table\"))");

    public static QueryCacheRefusal OpaqueView(string impurity) => new(
        RefusalReason.UnknownFunction,
        impurity,
        "State the tables that it reads: Cacheable(q => q.DependsOn(\"table\"))");

    public static QueryCacheRefusal RowSecurity(string policies) => new(
        RefusalReason.RowSecurity,
        $"row-level security applies: {policies}",
        "Let the key vary by what the policies read: VaryBy(context => ...)");

    public static QueryCacheRefusal ColumnType(string column, Type type) => new(
        RefusalReason.ColumnType,
        $"the column {column} is read as {type}, which is not known to be immutable, nor how to copy it",
        $"Say of the type what holds: TreatAsImmutable<{NameOf(type)}>() or CopyWith<{NameOf(type)}>(copy, bytes); "
        + "or leave the column out of the query");

    public static QueryCacheRefusal ParameterType(Type type) => new(
        RefusalReason.ParameterType,
        $"a parameter is of type {type}, which has no exact form in a key",
        $"Pass a value of a basic type, give the property a value converter, or configure CopyWith<{NameOf(type)}>(copy, bytes)");

    public static QueryCacheRefusal UnreadableValue(Exception fault) => new(
        RefusalReason.ColumnType, $"a value could not be read: {fault.Message}", "The query fails the same way without the cache, where it reads that value");

    public static QueryCacheRefusal Fault(Exception fault) => new(
        RefusalReason.Fault, $"the cache failed: {fault.Message}", "The log has the details; the query went to the database");

    /// <summary>The name of a type as C# writes it, or nearly so.</summary>
    private static string NameOf(Type type)
        => type.IsArray ? $"{NameOf(type.GetElementType()!)}[]"
            : type.IsGenericType ? $"{type.Name.Split('`')[0]}<{string.Join(", ", type.GetGenericArguments().Select(NameOf))}>"
            : type.Name;
}
