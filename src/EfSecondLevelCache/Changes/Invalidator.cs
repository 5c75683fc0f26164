using System.Collections.Concurrent;
using System.Data.Common;
using EfSecondLevelCache.Backplanes;
using EfSecondLevelCache.Backplanes.SynchronousWrites;
using EfSecondLevelCache.Catalog;
using EfSecondLevelCache.Diagnostics;
using EfSecondLevelCache.Threading;
using EfSecondLevelCache.Values;
using EfSecondLevelCache.Versions;

namespace EfSecondLevelCache.Changes;

/// <summary>
/// THE FLOW OF A CHANGE: observe -> translate -> bump -> publish. What the observers (the batch executor, the commands, the end of a transaction) hand
/// in has happened, or may have; it is translated to version slots and bumped before the writer's call returns.
/// </summary>
internal sealed class Invalidator(VersionSlots versions, DependencySlots slots, Counters counters, SecondLevelCacheOptions options)
{
    /// <summary>By what they reopen; a timer that nobody holds is collected before it fires.</summary>
    private readonly ConcurrentDictionary<int[], ITimer> _reopening = new();

    /// <summary>Tells the other nodes; null: there are none.</summary>
    public ChangeBroadcast? Broadcast { get; set; }

    /// <summary>Waits for the other nodes; null: a write does not.</summary>
    public SynchronousWriting? SynchronousWriting { get; set; }

    /// <summary>What a statement wrote can be seen by everybody from now on; or that is not known.</summary>
    /// <param name="database">Where it wrote.</param>
    /// <param name="written">What it wrote.</param>
    /// <param name="outcome">How that ended.</param>
    /// <param name="othersAreTold">The other nodes have it from the transaction itself.</param>
    public void Written(
        KnownDatabase database, IReadOnlyCollection<TableChange> written, Outcome outcome = Outcome.Committed, bool othersAreTold = false)
    {
        var changes = Translate(database, written);
        var change = new RowsChanged(database.Name, changes);
        if (outcome is Outcome.Unknown)
            ReopenLater(Close(database.Name, changes, written.Count), change);
        else
            Received(change);
        if (!othersAreTold)
            Broadcast?.Publish(change);
    }

    /// <summary>The end of a write that was told: where writes are synchronous, it returns when no other node serves the old rows any more.</summary>
    /// <param name="async">Whether to wait asynchronously; if not, the task returned is complete.</param>
    /// <param name="cancellationToken">Ends the wait. It is no error, as what was written stays written.</param>
    /// <returns>False: the wait was ended, and another node may serve the old rows for as long as its lease.</returns>
    public async ValueTask<bool> AcknowledgedAsync(bool async, CancellationToken cancellationToken = default)
    {
        if (SynchronousWriting is not { } waiting)
            return true;
        var acknowledged = waiting.AcknowledgedAsync();
        if (!async)
            return acknowledged.Wait(waiting.LongestWait, CancellationToken.None);
        await acknowledged.WaitAsync(waiting.LongestWait, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return acknowledged.IsCompleted;
    }

    /// <summary>
    /// Has the other nodes told by the transaction itself when it commits, which it does here where that is asked for; false: neither.
    /// </summary>
    public async ValueTask<bool> TellAtCommitAsync(
        bool async,
        DbTransaction transaction,
        bool commits,
        KnownDatabase database,
        IReadOnlyCollection<TableChange> written,
        CancellationToken cancellationToken)
    {
        if (Broadcast is null || !Broadcast.PublishesAtCommit(database))
            return false;
        var change = new RowsChanged(database.Name, Translate(database, written));
        await Broadcast.PublishAtCommitAsync(async, transaction, commits, change, cancellationToken).ConfigureAwait(false);
        return true;
    }

    /// <summary>What another node told.</summary>
    public void Received(MessageContent told)
    {
        switch (told)
        {
            case RowsChanged rows:
                Changed(rows.Database, rows.Changes);
                break;
            case TablesChanged named:
                Changed(named.Tables);
                break;
            case TagChanged named:
                counters.Invalidations.Add(1);
                versions.Bump([slots.OfTag(named.Tag)]);
                break;
            default:
                Flush();
                break;
        }
    }

    /// <summary>Anything may have changed, as far as this node knows; the others know for themselves.</summary>
    public void Flush()
    {
        counters.Invalidations.Add(1);
        versions.Bump([VersionSlots.Everything]);
    }

    /// <summary>Rows that have changed; everything that changed with them is told apart.</summary>
    public void Changed(string database, IReadOnlyCollection<TableChange> changes)
    {
        counters.Invalidations.Add(changes.Count);
        versions.Bump(SlotsOf(database, changes));
    }

    /// <summary>What was written may become visible at any moment until <see cref="Settle"/>, which takes what this returns.</summary>
    public int[] Unsettle(KnownDatabase database, IReadOnlyCollection<TableChange> written)
        => Close(database.Name, Translate(database, written), written.Count);

    /// <summary>Ends an <see cref="Unsettle"/>; not at once where the server may still be about to commit.</summary>
    public void Settle(int[] closed, Outcome outcome = Outcome.Committed)
    {
        if (outcome is Outcome.Unknown)
            ReopenLater(closed, told: null);
        else
            versions.Reopen(closed);
    }

    /// <summary>Any table of a database may have changed.</summary>
    public void DatabaseChanged(string name) => Tell(new RowsChanged(name, [TableChange.UnknownTables]));

    /// <summary>The table changed, in whichever databases there is one of that name.</summary>
    public void TablesChanged(IReadOnlyCollection<TableName> tables) => Tell(new TablesChanged(tables));

    public void TagChanged(string tag) => Tell(new TagChanged(tag));

    public void EverythingChanged() => Tell(new EverythingChanged());

    /// <summary>This node first: others may ask it at once.</summary>
    private void Tell(MessageContent change)
    {
        Received(change);
        Broadcast?.Publish(change);
    }

    private void Changed(IReadOnlyCollection<TableName> tables)
    {
        counters.Invalidations.Add(tables.Count);
        TableChange[] changes = [.. tables.Select(table => new TableChange(table))];
        var bumped = new HashSet<int>();
        foreach (var database in slots.Databases)
            bumped.UnionWith(SlotsOf(database.Name, changes));
        versions.Bump([.. bumped]);
    }

    private int[] Close(string database, List<TableChange> changes, int count)
    {
        counters.Invalidations.Add(count);
        // Of which rows results depend may be learned meanwhile: so the whole tables are closed.
        var closed = SlotsOf(database, [.. changes.Select(change => change with { Rows = null })], closes: true);
        versions.Close(closed);
        return closed;
    }

    private void ReopenLater(int[] closed, MessageContent? told)
        => _reopening[closed] = BackgroundWork.Delay(options.TimeProvider, options.UnknownOutcomeTimeout, _ => Reopen(closed, told));

    private void Reopen(int[] closed, MessageContent? told)
    {
        versions.Reopen(closed);
        // The other nodes have not closed anything: what they have read since may be older than a late commit.
        if (told is not null)
            Broadcast?.Publish(told);
        // One that fires before it is known is disposed of when it is collected.
        if (_reopening.TryRemove(closed, out var timer))
            timer.Dispose();
    }

    private static List<TableChange> Translate(KnownDatabase database, IReadOnlyCollection<TableChange> written)
    {
        // DDL is among what is not known; ahead of the bump, or who counts after it would still look at the old catalog.
        if (written.Any(change => change.Table is null))
            database.Outdated();
        var view = database.View;
        var changes = new List<TableChange>(written.SelectMany(change => ChangeTranslator.Translate(change, view)));
        return changes.Contains(TableChange.UnknownTables) ? [TableChange.UnknownTables] : changes;
    }

    /// <summary>The version slots that changes bump.</summary>
    public int[] SlotsOf(string database, IReadOnlyCollection<TableChange> changes, bool closes = false)
    {
        var known = slots.Of(database);
        var bumped = new HashSet<int> { known.AnyTable };
        foreach (var change in changes)
        {
            if (change.Table is not { } name)
                return [known.AnyTable, known.UnknownTables];
            foreach (var table in known.ReachedBy(name, closes))
                AddSlots(bumped, table, change.Rows);
        }

        return [.. bumped];
    }

    private static void AddSlots(HashSet<int> bumped, TableSlots table, IReadOnlyList<RowImage>? rows)
    {
        bumped.Add(table.AnyRow);
        if (rows is null)
        {
            bumped.Add(table.UnknownRows);
            return;
        }

        foreach (var key in table.Keys)
        {
            foreach (var row in rows)
                bumped.Add(row.SlotIn(key));
        }
    }
}
