using System.Collections.Concurrent;
using EfSecondLevelCache.Diagnostics;

namespace EfSecondLevelCache.Invalidation;

/// <summary>
/// THE FLOW OF A CHANGE: observe -> translate -> bump. What the observers (the batch executor, the commands, the end of a transaction) hand
/// in has happened, or may have; it is translated to version slots and bumped before the writer's call returns.
/// </summary>
internal sealed class Invalidator(VersionSlots versions, Counters counters)
{
    /// <summary>The databases that results were read from: a change without a database is of each of them.</summary>
    private readonly ConcurrentDictionary<string, bool> _databases = new();

    /// <summary>The changes can be seen by everybody from now on.</summary>
    public void Changed(IReadOnlyCollection<TableChange> changes)
    {
        counters.Invalidations.Add(changes.Count);
        versions.Bump(SlotsOf(changes));
    }

    /// <summary>The changes may become visible at any moment until <see cref="Settle"/>, which takes what this returns.</summary>
    public int[] Unsettle(IReadOnlyCollection<TableChange> changes)
    {
        counters.Invalidations.Add(changes.Count);
        var slots = SlotsOf(changes);
        versions.Close(slots);
        return slots;
    }

    /// <summary>Ends an <see cref="Unsettle"/>.</summary>
    public void Settle(int[] slots) => versions.Reopen(slots);

    public void TagChanged(string tag)
    {
        counters.Invalidations.Add(1);
        versions.Bump([versions.SlotOf(new TagKey(tag))]);
    }

    /// <summary>What a result depends on: its tables, its tags, and what stands for any table.</summary>
    /// <param name="database">Where it was read.</param>
    /// <param name="tables">The tables that it read.</param>
    /// <param name="unknownTables">It may have read others.</param>
    /// <param name="tags">Its names.</param>
    public int[] DependenciesOf(string database, IEnumerable<TableName> tables, bool unknownTables, IEnumerable<string> tags)
    {
        _databases.TryAdd(database, true);
        var slots = new HashSet<int> { VersionSlots.Everything, versions.SlotOf(new UnknownTablesKey(database)) };
        if (unknownTables)
            slots.Add(versions.SlotOf(new AnyTableKey(database)));
        foreach (var table in tables)
        {
            slots.Add(versions.SlotOf(new TableKey(database, table)));
            if (table.Schema is not null)
                slots.Add(versions.SlotOf(new UnqualifiedKey(database, table.Name)));
        }

        foreach (var tag in tags)
            slots.Add(versions.SlotOf(new TagKey(tag)));
        return [.. slots];
    }

    private int[] SlotsOf(IReadOnlyCollection<TableChange> changes)
    {
        var slots = new HashSet<int>();
        foreach (var (database, table) in changes)
        {
            if (database is null && table is null)
                slots.Add(VersionSlots.Everything);
            else if (table is not { } name)
                slots.Add(versions.SlotOf(new UnknownTablesKey(database!)));
            else if (database is not null)
                AddSlots(slots, database, name);
            else
                foreach (var known in _databases.Keys)
                    AddSlots(slots, known, name);
        }

        return [.. slots];
    }

    /// <summary>
    /// An unqualified name stands for whichever schema the search_path finds it in, so it and a qualified one can be the same table: a change of
    /// either reaches the readers of the other.
    /// </summary>
    private void AddSlots(HashSet<int> slots, string database, TableName table)
    {
        slots.Add(versions.SlotOf(new AnyTableKey(database)));
        slots.Add(versions.SlotOf(new TableKey(database, table)));
        slots.Add(table.Schema is null
            ? versions.SlotOf(new UnqualifiedKey(database, table.Name))
            : versions.SlotOf(new TableKey(database, table with { Schema = null })));
    }

    private readonly record struct TableKey(string Database, TableName Table);

    /// <summary>Read by results of qualified tables of this name; bumped by a change of the unqualified name.</summary>
    private readonly record struct UnqualifiedKey(string Database, string Table);

    /// <summary>Read by results whose tables are not all known; every change of the database bumps it.</summary>
    private readonly record struct AnyTableKey(string Database);

    /// <summary>Read by every result; bumped by a change of unknown tables.</summary>
    private readonly record struct UnknownTablesKey(string Database);

    private readonly record struct TagKey(string Tag);
}
