namespace EfSecondLevelCache.CompatibilityTests.Harness;

/// <summary>How an application uses the cache.</summary>
public enum CacheUse
{
    /// <summary>Not at all: what the others are compared with.</summary>
    None,

    /// <summary>Queries that go through <see cref="App.Cached{T}"/> are marked with <c>Cacheable()</c>.</summary>
    OptIn,

    /// <summary>Every query.</summary>
    AllQueries,

    /// <summary>Every query, and triggers tell of the changes.</summary>
    Notifications,

    /// <summary>Every query, and the write-ahead log tells of the changes.</summary>
    LogicalReplication,
}
