using System.Collections.Concurrent;
using EfSecondLevelCache.Diagnostics;

namespace EfSecondLevelCache.Invalidation;

/// <summary>
/// THE FLOW OF A CHANGE: observe -> translate -> bump. What the observers (the batch executor, the commands, the end of a transaction) hand
/// in has happened, or may have; it is translated to version slots and bumped before the writer's call returns.
/// </summary>
internal sealed class Invalidator(VersionSlots versions, Counters counters)
{
    /// <summary>The schemas that a table name was seen with: a change of an unqualified name may be of any of them.</summary>
    private readonly ConcurrentDictionary<(string Database, string Table), ConcurrentDictionary<string, bool>> _schemasOf = new();

    /// <summary>The changes can be seen by everybody from now on.</summary>
    public void Changed(IReadOnlyCollection<TableChange> changes)
    {
        counters.Invalidations.Add(changes.Count);
        versions.Bump(SlotsOf(changes));
    }

    /// <summary>The changes may become visible at any moment until <see cref="Settle"/>.</summary>
    public void Unsettle(IReadOnlyCollection<TableChange> changes) => versions.Close(SlotsOf(changes));

    /// <summary>Ends an <see cref="Unsettle"/>.</summary>
    public void Settle(IReadOnlyCollection<TableChange> changes)
    {
        counters.Invalidations.Add(changes.Count);
        versions.Reopen(SlotsOf(changes));
    }

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
        var slots = new HashSet<int> { VersionSlots.Everything, versions.SlotOf(new UnknownTablesKey(database)) };
        if (unknownTables)
            slots.Add(versions.SlotOf(new AnyTableKey(database)));
        foreach (var table in tables)
            slots.Add(SlotOf(database, table));
        foreach (var tag in tags)
            slots.Add(versions.SlotOf(new TagKey(tag)));
        return [.. slots];
    }

    private int[] SlotsOf(IReadOnlyCollection<TableChange> changes)
    {
        var slots = new HashSet<int>();
        foreach (var (database, table) in changes)
        {
            if (database is null && table is { } anywhere)
            {
                foreach (var known in _schemasOf.Keys)
                {
                    if (known.Table == anywhere.Name)
                        AddSlots(slots, known.Database, anywhere);
                }
            }
            else if (database is null)
            {
                slots.Add(VersionSlots.Everything);
            }
            else if (table is { } name)
            {
                AddSlots(slots, database, name);
            }
            else
            {
                slots.Add(versions.SlotOf(new UnknownTablesKey(database)));
            }
        }

        return [.. slots];
    }

    /// <summary>
    /// An unqualified name stands for whichever schema the search_path finds it in, so it and the qualified ones can be the same table:
    /// a change of either reaches the other.
    /// </summary>
    private void AddSlots(HashSet<int> slots, string database, TableName table)
    {
        slots.Add(versions.SlotOf(new AnyTableKey(database)));
        slots.Add(SlotOf(database, table));
        if (table.Schema is not null)
        {
            slots.Add(SlotOf(database, table with { Schema = null }));
        }
        else if (_schemasOf.TryGetValue((database, table.Name), out var schemas))
        {
            foreach (var schema in schemas.Keys)
                slots.Add(SlotOf(database, table with { Schema = schema }));
        }
    }

    private int SlotOf(string database, TableName table)
    {
        var slot = versions.SlotOf(new TableKey(database, table));
        var schemas = _schemasOf.GetOrAdd((database, table.Name), static _ => new());
        if (table.Schema is not null)
            schemas.TryAdd(table.Schema, true);
        return slot;
    }

    private readonly record struct TableKey(string Database, TableName Table);

    /// <summary>Read by results whose tables are not all known; every change of the database bumps it.</summary>
    private readonly record struct AnyTableKey(string Database);

    /// <summary>Read by every result; bumped by a change of unknown tables.</summary>
    private readonly record struct UnknownTablesKey(string Database);

    private readonly record struct TagKey(string Tag);
}
