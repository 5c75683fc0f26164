namespace EfSecondLevelCache;

/// <summary>Why a query was not cached.</summary>
public enum RefusalReason
{
    /// <summary>Nothing asked for it to be cached.</summary>
    NotRequested,

    /// <summary><c>NotCacheable()</c> or <c>NeverCache</c> rules it out.</summary>
    NeverCached,

    /// <summary>The cache is switched off or disposed.</summary>
    Disabled,

    /// <summary>The command did not come from EF Core's query compiler, so the cache does not know what it reads.</summary>
    NoPlan,

    /// <summary>It runs inside a transaction, whose rows must not leave it and which may see other rows than everybody else.</summary>
    InTransaction,

    /// <summary>
    /// Something that the cache can't see may have changed the session: a connection interceptor, a connection initializer, another user of
    /// a connection that is not reset.
    /// </summary>
    SessionStateUnknown,

    /// <summary>The connection may reach a standby server, whose rows can be older than a change already seen.</summary>
    MayReachStandby,

    /// <summary>It calls a function whose value moves (<c>now()</c>, <c>random()</c>, <c>nextval()</c>).</summary>
    VolatileFunction,

    /// <summary>It calls a function that the cache does not know.</summary>
    UnknownFunction,

    /// <summary>It locks rows (<c>FOR UPDATE</c>, <c>FOR SHARE</c>).</summary>
    LocksRows,

    /// <summary>It writes, or it may write.</summary>
    MayWrite,

    /// <summary>It samples a table (<c>TABLESAMPLE</c>).</summary>
    SamplesTable,

    /// <summary>It reads a system catalog or the migrations history.</summary>
    SystemTable,

    /// <summary>Its raw SQL could not be read to the end.</summary>
    UnreadableSql,

    /// <summary>A parameter is of a type that has no exact form in a key.</summary>
    ParameterType,

    /// <summary>A column is of a type whose values can't be copied safely.</summary>
    ColumnType,

    /// <summary>The command that ran was not the one that was identified: an interceptor changed it.</summary>
    CommandChanged,

    /// <summary>A fault inside the cache; it was logged.</summary>
    Fault,

    /// <summary>It reads a table with row-level security, and the key does not vary by anything that its policies may read.</summary>
    RowSecurity,

    /// <summary>It reads a temporary table.</summary>
    TemporaryTable,

    /// <summary>It reads a materialized view, a foreign table or a sequence, whose changes nothing tells of.</summary>
    UntoldChanges,

    /// <summary>The change source is not live, or has not been heard of for longer than <c>MaxStaleness</c>.</summary>
    SourceNotLive,

    /// <summary>It reads a table whose changes the change source does not tell of.</summary>
    NotCaptured,

    /// <summary>Another node was not heard for longer than <c>MaxStaleness</c> allows.</summary>
    NodesUnheard,

    /// <summary>This node holds no lease, so the writes of the others do not wait for it (<c>SynchronousWrites</c>).</summary>
    LeaseNotHeld,

    /// <summary>What its <c>NotOlderThan</c> token stands for has not been told yet, or nothing tells of it.</summary>
    NotCaughtUp,
}
