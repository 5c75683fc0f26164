namespace EfSecondLevelCache.Store;

/// <summary>Keeps entries within hard bounds on bytes and on their number. All members are thread-safe.</summary>
internal interface IResultStore
{
    long Bytes { get; }

    int Count { get; }

    /// <summary>The live entry of this key, counted as used; null where there is none, or it has expired or is stale.</summary>
    StoreEntry? Find<TProbe>(scoped in TProbe probe)
        where TProbe : struct, IStoreProbe, allows ref struct;

    /// <summary>Keeps an entry, in place of one with the same key. False where it is not worth its room.</summary>
    bool Add(StoreEntry entry);

    /// <summary>Removes this very entry, not one that has since taken its place.</summary>
    bool Remove(StoreEntry entry, RemovalCause cause);

    void Clear();

    /// <summary>A moving picture: entries that come and go meanwhile may or may not be in it.</summary>
    IEnumerable<StoreEntry> Entries();
}
