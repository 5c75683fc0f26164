using System.Collections.Concurrent;
using EfSecondLevelCache.Diagnostics;
using EfSecondLevelCache.Threading;
using EfSecondLevelCache.Values;
using EfSecondLevelCache.Versions;

namespace EfSecondLevelCache.Changes;

/// <summary>
/// THE FLOW OF A CHANGE, whoever tells of it: a write of this process, the application, a change source, another node, the catalog. It has happened,
/// or may have; <see cref="Apply"/> returns when nothing from before it is served here any more.
/// </summary>
internal sealed class Invalidator
{
    private readonly VersionSlots _versions;
    private readonly DependencySlots _slots;
    private readonly Counters _counters;
    private readonly SecondLevelCacheOptions _options;
    private readonly Action<string> _catalogMayHaveChanged;

    /// <summary>The timers by what they reopen; one that nobody holds is collected before it fires.</summary>
    private readonly ConcurrentDictionary<int[], ITimer> _reopening = new();

    /// <param name="versions">What results are checked against.</param>
    /// <param name="slots">Which of them belong to what.</param>
    /// <param name="counters">Of the cache.</param>
    /// <param name="options">Of the cache.</param>
    /// <param name="catalogMayHaveChanged">Takes the name of a database whose catalog has to be looked at again.</param>
    /// <param name="connect">Connects the other nodes to what takes their changes; null: there are none.</param>
    public Invalidator(
        VersionSlots versions,
        DependencySlots slots,
        Counters counters,
        SecondLevelCacheOptions options,
        Action<string>? catalogMayHaveChanged = null,
        Func<Action<Change>, IOtherNodes>? connect = null)
    {
        _versions = versions;
        _slots = slots;
        _counters = counters;
        _options = options;
        _catalogMayHaveChanged = catalogMayHaveChanged ?? (_ => { });
        OtherNodes = connect?.Invoke(change => Apply(ChangeOrigin.Node, change));
    }

    /// <summary>Null: there are none.</summary>
    public IOtherNodes? OtherNodes { get; }

    /// <summary>Translates a change, removes what depends on it, and tells the other nodes where they do not know of it.</summary>
    /// <param name="origin">Who tells of it.</param>
    /// <param name="change">What has changed, or may have.</param>
    /// <param name="outcome">How the write ended, or that it has not.</param>
    /// <param name="othersAreTold">The other nodes have it from the transaction itself.</param>
    /// <returns>What is closed until <see cref="End"/>, where the outcome is <see cref="Outcome.Pending"/>.</returns>
    public int[] Apply(ChangeOrigin origin, Change change, Outcome outcome = Outcome.Committed, bool othersAreTold = false)
    {
        if (outcome is Outcome.RolledBack)
            return [];
        // DDL is among what is not known. Ahead of the bump, or who counts after it would still look at the old catalog.
        if (origin is not ChangeOrigin.Catalog)
            ForgetCatalogs(change);
        var translated = Translate(change);
        _counters.Invalidations.Add(CountOf(translated));

        var slots = SlotsOf(translated, closes: outcome is not Outcome.Committed);
        if (outcome is Outcome.Committed)
            _versions.Bump(slots);
        else
            _versions.Close(slots);
        if (outcome is Outcome.InDoubt)
            ReopenLater(slots, translated);

        // This node first: others may ask it at once.
        if (origin is ChangeOrigin.ThisNode && outcome is not Outcome.Pending && !othersAreTold)
            OtherNodes?.Publish(translated);
        return slots;
    }

    /// <summary>Ends what <see cref="Apply"/> has closed; not at once where the server may still be about to commit.</summary>
    public void End(int[] closed, Outcome outcome)
    {
        if (outcome is Outcome.InDoubt)
            ReopenLater(closed, told: null);
        else
            _versions.Reopen(closed);
    }

    /// <summary>What changes with what was written, by what the catalog knows.</summary>
    public static Change Translate(Change change)
    {
        if (change is not RowsWritten { Database: var database, Changes: var written })
            return change;
        var view = database.View;
        var changes = new List<TableChange>(written.SelectMany(table => ChangeTranslator.Translate(table, view)));
        return changes.Contains(TableChange.UnknownTables) ? RowsChanged.Unknown(database.Name) : new RowsChanged(database.Name, changes);
    }

    /// <summary>The end of a write that was told: where writes are synchronous, it returns when no other node serves the old rows any more.</summary>
    /// <param name="async">Whether to wait asynchronously; if not, the task returned is complete.</param>
    /// <param name="cancellationToken">Ends the wait. It is no error, as what was written stays written.</param>
    /// <returns>False: the wait was ended, and another node may serve the old rows for as long as its lease.</returns>
    public ValueTask<bool> AcknowledgedAsync(bool async, CancellationToken cancellationToken = default)
        => OtherNodes?.AcknowledgedAsync(async, cancellationToken) ?? new(true);

    private void ForgetCatalogs(Change change)
    {
        switch (change)
        {
            case RowsWritten { Database: var database, Changes: var written } when written.Any(table => table.Table is null):
                database.Outdated();
                _catalogMayHaveChanged(database.Name);
                break;
            case RowsChanged { Database: var name, Changes: var changes } when changes.Contains(TableChange.UnknownTables):
                _catalogMayHaveChanged(name);
                break;
        }
    }

    private static int CountOf(Change change) => change switch
    {
        RowsChanged rows => rows.Changes.Count,
        TablesChanged named => named.Tables.Count,
        _ => 1,
    };

    /// <param name="change">Translated.</param>
    /// <param name="closes">The change is still to come. Of which rows results depend may be learned meanwhile: so the whole tables are meant.</param>
    private int[] SlotsOf(Change change, bool closes) => change switch
    {
        RowsChanged rows when closes => _slots.Of(rows.Database).ReachedBy([.. rows.Changes.Select(table => table with { Rows = null })], closes: true),
        RowsChanged rows => _slots.Of(rows.Database).ReachedBy(rows.Changes),
        TablesChanged named => NamedTables([.. named.Tables.Select(table => new TableChange(table))]),
        TagChanged named => [_slots.OfTag(named.Tag)],
        _ => [VersionSlots.Everything],
    };

    private int[] NamedTables(IReadOnlyCollection<TableChange> changes)
    {
        var reached = new HashSet<int>();
        foreach (var database in _slots.Databases)
            reached.UnionWith(database.ReachedBy(changes));
        return [.. reached];
    }

    private void ReopenLater(int[] closed, Change? told)
        => _reopening[closed] = BackgroundWork.Delay(_options.TimeProvider, _options.UnknownOutcomeTimeout, _ => Reopen(closed, told));

    private void Reopen(int[] closed, Change? told)
    {
        _versions.Reopen(closed);
        // The other nodes have not closed anything: what they have read since may be older than a late commit.
        if (told is not null)
            OtherNodes?.Publish(told);
        // One that fires before it is known is disposed of when it is collected.
        if (_reopening.TryRemove(closed, out var timer))
            timer.Dispose();
    }
}
