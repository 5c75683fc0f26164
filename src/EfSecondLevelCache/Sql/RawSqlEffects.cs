namespace EfSecondLevelCache.Sql;

/// <summary>What executing a text may do beside reading. A flag means "perhaps", its absence "certainly not".</summary>
[Flags]
internal enum RawSqlEffects
{
    None = 0,

    /// <summary>It changes rows, or does something that is no plain query (DDL, NOTIFY, VACUUM, LOCK TABLE).</summary>
    Writes = 1 << 0,

    /// <summary>It may change any table: its text does not tell which.</summary>
    WritesEverything = 1 << 1,

    /// <summary>FOR UPDATE, FOR NO KEY UPDATE, FOR SHARE, FOR KEY SHARE.</summary>
    LocksRows = 1 << 2,

    SamplesTable = 1 << 3,

    /// <summary>
    /// It has a literal that stands for the present where a date is expected ('now', 'today', 'tomorrow', 'yesterday'). A date that is
    /// sent as text in a parameter, or that stands as text in a row, is not seen.
    /// </summary>
    ReadsClock = 1 << 4,

    /// <summary>Afterwards the session may have other settings, another role, or temporary tables that hide others.</summary>
    ChangesSession = 1 << 5,

    /// <summary>It begins or ends a transaction or a savepoint; the statements say which.</summary>
    ControlsTransaction = 1 << 6,

    /// <summary>The text can't be read to its end, so nothing else is known of it; <see cref="Unknown"/> is set with it.</summary>
    Unreadable = 1 << 7,

    /// <summary>Anything that a statement can do to tables and to the session.</summary>
    Unknown = WritesEverything | ChangesSession,
}
