using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace EfSecondLevelCache.Diagnostics;

/// <summary>Every message of the cache. Parameter values and rows are in none of them.</summary>
internal static partial class Log
{
    private const string Category = "EfSecondLevelCache";

    private static readonly ConditionalWeakTable<ILoggerFactory, ILogger> Loggers = [];

    /// <summary>One logger for each factory: a factory takes a lock to look its own up.</summary>
    public static ILogger LoggerOf(ILoggerFactory factory) => Loggers.GetValue(factory, Create);

    private static ILogger Create(ILoggerFactory factory)
    {
        try
        {
            return new HarmlessLogger(factory.CreateLogger(Category));
        }
        catch (Exception)
        {
            return NullLogger.Instance;
        }
    }

    /// <param name="logger">Of the context.</param>
    /// <param name="isFirst">It is news: at Information. What is said for each execution is for who debugs.</param>
    /// <param name="maxBytes">The bound on a result.</param>
    /// <param name="maxRows">The other bound; null: there is none.</param>
    /// <param name="commandText">Of the query.</param>
    public static void TooLarge(ILogger logger, bool isFirst, int maxBytes, int? maxRows, string commandText)
        => TooLarge(logger, LevelOf(isFirst), maxBytes, maxRows, commandText);

    /// <inheritdoc cref="TooLarge(ILogger, bool, int, int?, string)"/>
    public static void Refused(ILogger logger, bool isFirst, QueryCacheRefusal refusal, string commandText)
    {
        if (logger.IsEnabled(LevelOf(isFirst)))
            Refused(logger, LevelOf(isFirst), refusal.Reason, refusal.Detail, refusal.Remedy, commandText);
    }

    private static LogLevel LevelOf(bool isFirst) => isFirst ? LogLevel.Information : LogLevel.Debug;

    [LoggerMessage(EventIds.Hit, LogLevel.Debug, "Second-level cache hit, {Rows} rows: {CommandText}", EventName = nameof(EventIds.Hit))]
    public static partial void Hit(ILogger logger, int rows, string commandText);

    [LoggerMessage(EventIds.Joined, LogLevel.Debug, "Second-level cache joined an execution under way: {CommandText}", EventName = nameof(EventIds.Joined))]
    public static partial void Joined(ILogger logger, string commandText);

    [LoggerMessage(EventIds.Miss, LogLevel.Debug, "Second-level cache miss: {CommandText}", EventName = nameof(EventIds.Miss))]
    public static partial void Miss(ILogger logger, string commandText);

    [LoggerMessage(EventIds.Stored, LogLevel.Debug, "Second-level cache stored {Rows} rows, {Bytes} bytes, for {TimeToLive}: {CommandText}",
        EventName = nameof(EventIds.Stored))]
    public static partial void Stored(ILogger logger, int rows, long bytes, TimeSpan timeToLive, string commandText);

    [LoggerMessage(EventId = EventIds.Refused, Message = "Not cached ({Reason}): {Detail}. {Remedy}. {CommandText}",
        EventName = nameof(EventIds.Refused))]
    private static partial void Refused(ILogger logger, LogLevel level, RefusalReason reason, string detail, string remedy, string commandText);

    [LoggerMessage(EventId = EventIds.TooLarge,
        Message = "Not kept: the result has more than {MaxBytes} bytes or {MaxRows} rows (MaxEntryBytes, MaxCachedRows). {CommandText}",
        EventName = nameof(EventIds.TooLarge))]
    private static partial void TooLarge(ILogger logger, LogLevel level, int maxBytes, int? maxRows, string commandText);

    [LoggerMessage(EventIds.StaleFillPrevented, LogLevel.Debug,
        "Not kept: what the result was read from changed while it was read. {CommandText}", EventName = nameof(EventIds.StaleFillPrevented))]
    public static partial void StaleFillPrevented(ILogger logger, string commandText);

    [LoggerMessage(EventIds.Fault, LogLevel.Error, "The second-level cache failed; the query goes to the database. {CommandText}",
        EventName = nameof(EventIds.Fault))]
    public static partial void Fault(ILogger logger, string commandText, Exception fault);

    [LoggerMessage(EventIds.Changed, LogLevel.Debug, "Second-level cache removed what depends on {Changes}", EventName = nameof(EventIds.Changed))]
    public static partial void Changed(ILogger logger, object changes);

    [LoggerMessage(EventIds.ChangeFault, LogLevel.Error,
        "The second-level cache could not tell what a write changed; it removed everything", EventName = nameof(EventIds.ChangeFault))]
    public static partial void ChangeFault(ILogger logger, Exception fault);

    [LoggerMessage(EventIds.NotReadBack, LogLevel.Information,
        "SaveChanges failed while it had the database return more than EF Core asks for; it is executed again without. Until the catalog changes, writes of "
        + "its tables remove more results than they need to", EventName = nameof(EventIds.NotReadBack))]
    public static partial void NotReadBack(ILogger logger, Exception fault);

    [LoggerMessage(EventIds.BackgroundFault, LogLevel.Error,
        "The second-level cache could not begin to listen to changes of a database; its queries go there", EventName = nameof(EventIds.BackgroundFault))]
    public static partial void BackgroundFault(ILogger logger, Exception fault);

    [LoggerMessage(EventIds.CaptureOutdated, LogLevel.Warning,
        "The triggers of the database {Database} are of another version than this cache would install. They tell of every change, and may have faults "
        + "that are mended since. Call context.Database.EnsureChangeCaptureAsync(), or execute GenerateChangeCaptureScript()",
        EventName = nameof(EventIds.CaptureOutdated))]
    public static partial void CaptureOutdated(ILogger logger, string database);

    [LoggerMessage(EventIds.ManyCaches, LogLevel.Warning,
        "The process has {Count} second-level caches: each differs in its settings. Contexts share a cache where the settings are equal; a lambda that "
        + "captures a new object each time makes a new cache each time. Use services.AddSecondLevelCache() or one SecondLevelCache instance",
        EventName = nameof(EventIds.ManyCaches))]
    public static partial void ManyCaches(ILogger logger, int count);

    [LoggerMessage(EventIds.SwitchedOff, LogLevel.Warning,
        "A part of the second-level cache is switched off: {Part}. Until the cache is updated, {Consequence}. {Detail}",
        EventName = nameof(EventIds.SwitchedOff))]
    public static partial void SwitchedOff(ILogger logger, string part, string consequence, string detail);

    [LoggerMessage(EventIds.PublishFault, LogLevel.Warning,
        "A change could not be published to the other nodes; they will flush when they notice", EventName = nameof(EventIds.PublishFault))]
    public static partial void PublishFault(ILogger logger, Exception fault);

    [LoggerMessage(EventIds.MalformedMessage, LogLevel.Warning,
        "{Node} received something that no node sends, and ignored it; the next times are only counted (SecondLevelCache.Backplane.Rejected)",
        EventName = nameof(EventIds.MalformedMessage))]
    public static partial void MalformedMessage(ILogger logger, string node);

    [LoggerMessage(EventIds.NodeSuspect, LogLevel.Warning, "The node {Node} has been silent for {Silence}", EventName = nameof(EventIds.NodeSuspect))]
    public static partial void NodeSuspect(ILogger logger, string node, TimeSpan silence);

    [LoggerMessage(EventIds.NodeRecovered, LogLevel.Information, "The node {Node} is heard again", EventName = nameof(EventIds.NodeRecovered))]
    public static partial void NodeRecovered(ILogger logger, string node);

    [LoggerMessage(EventIds.NodeLeft, LogLevel.Information, "The node {Node} has left", EventName = nameof(EventIds.NodeLeft))]
    public static partial void NodeLeft(ILogger logger, string node);

    [LoggerMessage(EventIds.Flush, LogLevel.Information, "The second-level cache removed everything: {Reason}", EventName = nameof(EventIds.Flush))]
    public static partial void Flush(ILogger logger, string reason);

    [LoggerMessage(EventIds.BackplaneState, LogLevel.Information, "Backplane: {Event}", EventName = nameof(EventIds.BackplaneState))]
    public static partial void BackplaneEvent(ILogger logger, string @event);

    [LoggerMessage(EventIds.ConnectionRejected, LogLevel.Warning,
        "A connection from {Address} was cut: {Reason}; the next ones from there are only counted (SecondLevelCache.Backplane.Rejected)",
        EventName = nameof(EventIds.ConnectionRejected))]
    public static partial void ConnectionRejected(ILogger logger, string address, string reason);

    [LoggerMessage(EventIds.SeveralDatabases, LogLevel.Warning,
        "What the nodes tell each other is carried by the database {Carrier}, which was used first here; {Other} is used too, and a node that begins "
        + "with it neither hears this one nor is heard. Name the database that carries: UsePostgresBackplane(connectionString)",
        EventName = nameof(EventIds.SeveralDatabases))]
    public static partial void SeveralDatabases(ILogger logger, string carrier, string other);

    [LoggerMessage(EventIds.LeaseTaken, LogLevel.Information, "This node has taken its lease: it serves, and the writers wait for it",
        EventName = nameof(EventIds.LeaseTaken))]
    public static partial void LeaseTaken(ILogger logger);

    [LoggerMessage(EventIds.LeaseNotHeld, LogLevel.Warning,
        "This node has no lease, so its queries go to the database: {Reason}. It is tried again by itself", EventName = nameof(EventIds.LeaseNotHeld))]
    public static partial void LeaseNotHeld(ILogger logger, string reason);

    [LoggerMessage(EventIds.NodeFenced, LogLevel.Warning,
        "The node {Node} did not acknowledge a write: its lease is fenced, and the write waits until it has run out", EventName = nameof(EventIds.NodeFenced))]
    public static partial void NodeFenced(ILogger logger, string node);

    [LoggerMessage(EventIds.Unconfirmed, LogLevel.Error,
        "A write has returned without a proof that no other node serves the old rows: the database of the leases could not be reached",
        EventName = nameof(EventIds.Unconfirmed))]
    public static partial void Unconfirmed(ILogger logger);

    [LoggerMessage(EventIds.SourceLive, LogLevel.Information, "The change source {Kind} of the database {Database} is live",
        EventName = nameof(EventIds.SourceLive))]
    public static partial void SourceLive(ILogger logger, ChangeSourceKind kind, string database);

    [LoggerMessage(EventIds.SourceLost, LogLevel.Warning,
        "The change source {Kind} of the database {Database} is lost: what was cached is removed, and queries go to the database until it is live again",
        EventName = nameof(EventIds.SourceLost))]
    public static partial void SourceLost(ILogger logger, ChangeSourceKind kind, string database);

    [LoggerMessage(EventIds.SourceFault, LogLevel.Warning,
        "The change source {Kind} of the database {Database} failed; it connects again by itself, and until then queries go to the database",
        EventName = nameof(EventIds.SourceFault))]
    public static partial void SourceFault(ILogger logger, ChangeSourceKind kind, string database, Exception fault);

    [LoggerMessage(EventIds.NotCaptured, LogLevel.Warning,
        "Queries of {Table} are not cached: nothing tells when it changes in the database {Database}. Call context.Database.EnsureChangeCaptureAsync(), "
        + "or allow it with CacheUncapturedTables()",
        EventName = nameof(EventIds.NotCaptured))]
    public static partial void NotCaptured(ILogger logger, string table, string database);
}
