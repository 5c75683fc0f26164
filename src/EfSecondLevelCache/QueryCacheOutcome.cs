namespace EfSecondLevelCache;

/// <summary>What became of a command, or what would become of it now.</summary>
public enum QueryCacheOutcome
{
    /// <summary>Served from the cache.</summary>
    Hit,

    /// <summary>Executed by the database, its result kept for the next one.</summary>
    Miss,

    /// <summary>Executed by the database and not kept, for the reason in <see cref="QueryCacheExplanation.Refusal"/>.</summary>
    Refused,
}
