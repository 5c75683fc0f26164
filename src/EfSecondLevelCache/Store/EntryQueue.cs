namespace EfSecondLevelCache.Store;

/// <summary>A doubly linked list through the entries themselves, with its length and the sum of its bytes. Not thread-safe.</summary>
internal sealed class EntryQueue
{
    public StoreEntry? Newest { get; private set; }

    public StoreEntry? Oldest { get; private set; }

    public int Count { get; private set; }

    public long Bytes { get; private set; }

    public void AddNewest(StoreEntry entry)
    {
        entry.Queue = this;
        entry.Older = Newest;
        if (Newest is null)
            Oldest = entry;
        else
            Newest.Newer = entry;
        Newest = entry;
        Count++;
        Bytes += entry.Bytes;
    }

    public void Remove(StoreEntry entry)
    {
        if (entry.Newer is null)
            Newest = entry.Older;
        else
            entry.Newer.Older = entry.Older;
        if (entry.Older is null)
            Oldest = entry.Newer;
        else
            entry.Older.Newer = entry.Newer;
        Count--;
        Bytes -= entry.Bytes;
        entry.Queue = null;
        entry.Newer = entry.Older = null;
    }

    public void MoveToNewest(StoreEntry entry)
    {
        if (entry == Newest)
            return;
        Remove(entry);
        AddNewest(entry);
    }

    /// <summary>Puts an entry where another one stood.</summary>
    public void Replace(StoreEntry old, StoreEntry entry)
    {
        entry.Queue = this;
        entry.Newer = old.Newer;
        entry.Older = old.Older;
        if (entry.Newer is null)
            Newest = entry;
        else
            entry.Newer.Older = entry;
        if (entry.Older is null)
            Oldest = entry;
        else
            entry.Older.Newer = entry;
        Bytes += entry.Bytes - old.Bytes;
        old.Queue = null;
        old.Newer = old.Older = null;
    }
}
