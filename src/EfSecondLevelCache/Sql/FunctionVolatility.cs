namespace EfSecondLevelCache.Sql;

/// <summary>
/// What a cache must know of a function. PostgreSQL's IMMUTABLE, STABLE and VOLATILE say when it must be evaluated again; this says what
/// its value depends on.
/// </summary>
internal enum FunctionVolatility
{
    /// <summary>It may be anything, and it may write: a function of the user's, or one that runs SQL which it is given as text.</summary>
    Unknown,

    /// <summary>Its value depends on its arguments, and on settings of the session that are part of every key.</summary>
    Pure,

    /// <summary>Its value changes though no row does (clock, chance, sequences, locks, catalog). It changes no table's rows.</summary>
    Moving,
}
