namespace EfSecondLevelCache.Sql;

/// <summary>The kind of a statement in a text, as far as a cache cares.</summary>
internal enum RawSqlStatement
{
    /// <summary>None of the others: DDL, CALL, DO, EXECUTE, what a later PostgreSQL may bring.</summary>
    Other,

    /// <summary>SELECT, VALUES, TABLE, or WITH before one of them. It writes all the same if a WITH in it does.</summary>
    Query,

    Insert,
    Update,
    Delete,
    Merge,
    Truncate,
    Copy,
    RefreshMaterializedView,
    Explain,
    Show,

    /// <summary>
    /// LISTEN, NOTIFY, LOCK, VACUUM, PREPARE, CREATE DATABASE and others that neither read rows, change rows nor change what names mean.
    /// </summary>
    Utility,

    /// <summary>SET, RESET, DISCARD.</summary>
    Session,

    Begin,
    Commit,
    Rollback,
    Savepoint,
    RollbackToSavepoint,
    ReleaseSavepoint,

    /// <summary>PREPARE TRANSACTION: the transaction leaves the session, neither committed nor rolled back.</summary>
    PrepareTransaction,

    /// <summary>COMMIT PREPARED: somebody's writes become visible.</summary>
    CommitPrepared,

    RollbackPrepared,
}
