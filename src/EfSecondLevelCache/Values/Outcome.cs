namespace EfSecondLevelCache.Values;

/// <summary>How a write, or a transaction, ended.</summary>
internal enum Outcome
{
    /// <summary>Everybody can see it.</summary>
    Committed,

    /// <summary>Nobody ever saw it.</summary>
    RolledBack,

    /// <summary>The answer was lost: it may have been committed, and it may be yet.</summary>
    InDoubt,

    /// <summary>Its transaction goes on, and may end unseen.</summary>
    Pending,
}
