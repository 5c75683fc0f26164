using System.Collections.Concurrent;
using EfSecondLevelCache.Infrastructure;
using EfSecondLevelCache.Querying.Keys;
using EfSecondLevelCache.Querying.Planning.Predicates;

namespace EfSecondLevelCache.Invalidation;

/// <summary>The version slots of everything that results can depend on.</summary>
internal sealed class DependencySlots(VersionSlots versions)
{
    private readonly ConcurrentDictionary<string, DatabaseSlots> _databases = new();

    /// <summary>Those that results were read from, or that changed.</summary>
    public IEnumerable<DatabaseSlots> Databases => _databases.Values;

    public DatabaseSlots Of(string database)
        => _databases.TryGetValue(database, out var slots) ? slots : _databases.GetOrAdd(database, name => new DatabaseSlots(name, versions));

    /// <summary>Tags share the hashed slots: there may be any number of them, and none has to be remembered.</summary>
    public int OfTag(string tag) => versions.OfHash(ContentHash.Combine(ContentHash.Of(tag), ContentHash.Of("tag")));
}

/// <summary>The version slots of one database.</summary>
internal sealed class DatabaseSlots(string name, VersionSlots versions)
{
    private readonly ConcurrentDictionary<TableName, TableSlots> _tables = new();

    public string Name => name;

    /// <summary>Of results whose tables are not all known: every change of the database bumps it.</summary>
    public int AnyTable { get; } = versions.Next();

    /// <summary>Of every result; a change of unknown tables bumps it.</summary>
    public int UnknownTables { get; } = versions.Next();

    public TableSlots Of(TableName table)
        => _tables.TryGetValue(table, out var slots)
            ? slots
            : _tables.GetOrAdd(table, added => new TableSlots(ContentHash.Combine(ContentHash.Of(name), ContentHash.Of(added.ToString())), versions));

    /// <summary>What a change of a name reaches: without a schema it may be the table of that name in any, and so may what was read by it.</summary>
    public IEnumerable<TableSlots> ReachedBy(TableName table)
    {
        yield return Of(table);
        if (table.Schema is not null)
        {
            yield return Of(table with { Schema = null });
            yield break;
        }

        foreach (var (other, slots) in _tables)
        {
            if (other.Name == table.Name && other.Schema is not null)
                yield return slots;
        }
    }
}

/// <summary>
/// The version slots of one table. A result depends on any row of it, or on the rows whose columns have certain values; by which columns, the
/// table learns from the queries.
/// </summary>
internal sealed class TableSlots(ulong hash, VersionSlots versions)
{
    /// <summary>More ways to pick rows than that are not told apart: the whole table is then the dependency.</summary>
    public const int MostKeys = 32;

    private readonly Lock _adding = new();
    private volatile KeySlots[] _keys = [];

    /// <summary>Of results that depend on the whole table; every change of it bumps this.</summary>
    public int AnyRow { get; } = versions.Next();

    /// <summary>Of results that depend on certain rows; a change of rows that are not known bumps it.</summary>
    public int UnknownRows { get; } = versions.Next();

    public ReadOnlySpan<KeySlots> Keys => _keys;

    /// <summary>The slots of the rows with certain values in these columns; null where there are too many keys. Ask before the query is executed.</summary>
    public KeySlots? KeyOf(ValueList<KeyColumn> columns)
    {
        foreach (var known in _keys)
        {
            if (known.Columns.Equals(columns))
                return known;
        }

        lock (_adding)
        {
            if (Array.Find(_keys, known => known.Columns.Equals(columns)) is { } added)
                return added;
            if (_keys.Length >= MostKeys)
                return null;
            var key = new KeySlots(columns, hash, versions);
            _keys = [.. _keys, key];
            return key;
        }
    }
}

/// <summary>A column by whose values results depend on rows.</summary>
internal readonly record struct KeyColumn(string Name, ComparisonFamily Family);

/// <summary>The version slots of a table's rows by the values of certain columns.</summary>
internal sealed class KeySlots(ValueList<KeyColumn> columns, ulong tableHash, VersionSlots versions)
{
    private readonly ulong _hash = columns.Aggregate(
        tableHash, (hash, column) => ContentHash.Combine(ContentHash.Combine(hash, ContentHash.Of(column.Name)), (ulong)column.Family));

    public ValueList<KeyColumn> Columns => columns;

    /// <summary>Of every result that depends on rows by these columns; a change of a row whose values there are not known bumps it.</summary>
    public int UnknownValues { get; } = versions.Next();

    /// <summary>Of the rows with these values, in the order of the columns.</summary>
    public int Of(ReadOnlySpan<ulong> valueHashes)
    {
        var hash = _hash;
        foreach (var value in valueHashes)
            hash = ContentHash.Combine(hash, value);
        return versions.OfHash(hash);
    }
}
