namespace EfSecondLevelCache.Store;

/// <summary>Why an entry left the store (Caffeine's term and kinds).</summary>
internal enum RemovalCause : byte
{
    /// <summary>Its time to live had passed.</summary>
    Expired,

    /// <summary>It made room for others.</summary>
    Evicted,

    /// <summary>What it was computed from changed.</summary>
    Invalidated,

    /// <summary>A newer entry of the same key took its place.</summary>
    Replaced,

    /// <summary>The store was cleared.</summary>
    Cleared,
}
