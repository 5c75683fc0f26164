namespace EfSecondLevelCache.Store;

/// <summary>A doubly linked list through the entries themselves, with its length and the sum of its bytes. Not thread-safe.</summary>
/// <param name="number">By which an entry names its queue: two bytes where a reference takes eight. Not 0.</param>
internal sealed class EntryQueue(short number)
{
    public short Number { get; } = number;

    public StoreEntry? Newest { get; private set; }

    public StoreEntry? Oldest { get; private set; }

    public int Count { get; private set; }

    public long Bytes { get; private set; }

    public void AddNewest(StoreEntry entry)
    {
        entry.Older = Newest;
        if (Newest is null)
            Oldest = entry;
        else
            Newest.Newer = entry;
        Newest = entry;
        Enter(entry);
    }

    public void AddOldest(StoreEntry entry)
    {
        entry.Newer = Oldest;
        if (Oldest is null)
            Newest = entry;
        else
            Oldest.Older = entry;
        Oldest = entry;
        Enter(entry);
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
        Leave(entry);
    }

    /// <summary>Puts an entry where another one stood.</summary>
    public void Replace(StoreEntry old, StoreEntry entry)
    {
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
        Leave(old);
        Enter(entry);
    }

    private void Enter(StoreEntry entry)
    {
        entry.Queue = Number;
        Count++;
        Bytes += entry.Bytes;
    }

    private void Leave(StoreEntry entry)
    {
        entry.Queue = 0;
        entry.Newer = entry.Older = null;
        Count--;
        Bytes -= entry.Bytes;
    }
}
