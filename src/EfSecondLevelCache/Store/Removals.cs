namespace EfSecondLevelCache.Store;

/// <summary>
/// What one operation takes out of the store. The entries are linked through themselves, so that nothing is allocated and the
/// listener can be told after the lock was let go.
/// </summary>
internal ref struct Removals(EntryTable table, long now)
{
    private StoreEntry? _last;

    /// <summary>The time of the operation.</summary>
    public long Now { get; } = now;

    /// <summary>Takes an entry that its queue has let go of out of the table as well; dead ones under the cause of their death.</summary>
    public void Evict(StoreEntry entry)
        => Add(entry, entry.CauseOfDeath(Now) ?? RemovalCause.Evicted);

    /// <inheritdoc cref="Evict"/>
    public void Add(StoreEntry entry, RemovalCause cause)
    {
        table.Remove(entry);
        Note(entry, cause);
    }

    /// <summary>Notes an entry that is out of its queue and of the table already.</summary>
    public void Note(StoreEntry entry, RemovalCause cause)
    {
        entry.RemovalCause = cause;
        entry.Older = _last;
        _last = entry;
    }

    public readonly void Tell(Action<StoreEntry, RemovalCause> listener)
    {
        for (var entry = _last; entry is not null;)
        {
            var next = entry.Older;
            entry.Older = null;
            listener(entry, entry.RemovalCause);
            entry = next;
        }
    }
}
