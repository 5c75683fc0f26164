namespace EfSecondLevelCache.Store;

/// <summary>A key to look for that needs no allocation: usually a ref struct over the caller's stack.</summary>
internal interface IStoreProbe
{
    ulong Hash { get; }

    /// <summary>Whether the entry has this key; asked only where the hashes are equal.</summary>
    bool Matches(StoreEntry entry);
}
