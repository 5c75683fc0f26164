using System.Collections.Concurrent;
using EfSecondLevelCache.Values;

namespace EfSecondLevelCache.Versions;

/// <summary>
/// The version slots of everything that results can depend on. A thing keeps its slots for as long as the cache lives, or a change could bump
/// others than a result was read under. So there is a bound on how many things have their own, and those that come later share.
/// </summary>
/// <param name="versions">Has the slots.</param>
/// <param name="mostTables">So many tables, of all databases together, have slots of their own.</param>
internal sealed class DependencySlots(VersionSlots versions, int mostTables = DependencySlots.MostTables)
{
    /// <summary>Half of the own slots of <see cref="VersionSlots"/>; the rest is for the ways in which rows are picked.</summary>
    public const int MostTables = 4_096;

    private const int MostDatabases = 4_096;
    private const int LeastTables = 1_024;
    private const int BytesForTable = 2_048;

    private readonly Lock _adding = new();
    private readonly ConcurrentDictionary<string, DatabaseSlots> _databases = new();
    private DatabaseSlots? _others;
    private int _tables;

    /// <summary>Those that results were read from, or that changed.</summary>
    public IEnumerable<DatabaseSlots> Databases => _others is { } others ? _databases.Values.Append(others) : _databases.Values;

    /// <summary>Makes slots for a cache of this bound, of which tables take a small part.</summary>
    public static DependencySlots ForBound(VersionSlots versions, long maxBytes)
        => new(versions, (int)Math.Clamp(maxBytes / BytesForTable, LeastTables, MostTables));

    public DatabaseSlots Of(string database)
        => _databases.TryGetValue(database, out var slots) ? slots : Add(database);

    /// <summary>Tags share the hashed slots: there may be any number of them, and none has to be remembered.</summary>
    public int OfTag(string tag) => versions.OfHash(ContentHash.Combine(ContentHash.Of(tag), ContentHash.Of("tag")));

    /// <summary>Whether one more table may have slots of its own.</summary>
    internal bool TakesTable() => Interlocked.Increment(ref _tables) <= mostTables;

    private DatabaseSlots Add(string database)
    {
        // Under a lock: who finds that there are too many must not pass by one that another is adding.
        lock (_adding)
        {
            if (_databases.TryGetValue(database, out var added))
                return added;
            if (_databases.Count >= MostDatabases)
                return _others ??= new DatabaseSlots("", this, versions);
            return _databases[database] = new DatabaseSlots(database, this, versions);
        }
    }
}

/// <summary>The version slots of one database, or of all that have none of their own.</summary>
internal sealed class DatabaseSlots(string name, DependencySlots slots, VersionSlots versions)
{
    private readonly Lock _adding = new();
    private readonly ConcurrentDictionary<TableName, TableSlots> _tables = new();

    /// <summary>The slots of the tables that have none of their own.</summary>
    private volatile TableSlots? _others;

    public string Name => name;

    /// <summary>The slot of results whose tables are not all known: every change of the database bumps it.</summary>
    public int AnyTable { get; } = versions.Next();

    /// <summary>The slot of every result; a change of unknown tables bumps it.</summary>
    public int UnknownTables { get; } = versions.Next();

    public TableSlots Of(TableName table) => _tables.TryGetValue(table, out var slots) ? slots : Add(table);

    /// <summary>What a change of a name reaches: without a schema it may be the table of that name in any, and so may what was read by it.</summary>
    /// <param name="table">The name.</param>
    /// <param name="closes">
    /// The change is still to come, so that who reads the table from now on must meet it, too. If not, a table that nobody has read needs no slots:
    /// who begins to read it sees the change.
    /// </param>
    public IEnumerable<TableSlots> ReachedBy(TableName table, bool closes = false)
    {
        if (Find(table, closes) is { } own)
            yield return own;
        if (table.Schema is not null)
        {
            if (Find(table with { Schema = null }, closes) is { } unqualified)
                yield return unqualified;
            yield break;
        }

        foreach (var (other, slots) in _tables)
        {
            if (other.Name == table.Name && other.Schema is not null)
                yield return slots;
        }

        if (_others is { } others)
            yield return others;
    }

    /// <summary>The slots that changes bump, or close.</summary>
    /// <param name="changes">Of the database, with all that changed with them.</param>
    /// <param name="closes">They are still to come.</param>
    public int[] ReachedBy(IReadOnlyCollection<TableChange> changes, bool closes = false)
    {
        var reached = new HashSet<int> { AnyTable };
        foreach (var change in changes)
        {
            if (change.Table is not { } name)
                return [AnyTable, UnknownTables];
            foreach (var table in ReachedBy(name, closes))
                table.AddReachedBy(change.Rows, reached);
        }

        return [.. reached];
    }

    private TableSlots? Find(TableName table, bool creates)
        => creates ? Of(table) : _tables.TryGetValue(table, out var slots) ? slots : _others;

    private TableSlots Add(TableName table)
    {
        // Under a lock, and for good: a name that once shared never gets slots of its own.
        lock (_adding)
        {
            if (_tables.TryGetValue(table, out var added))
                return added;
            if (_others is not null || !slots.TakesTable())
                return _others ??= new TableSlots(ContentHash.Of(name), versions);
            return _tables[table] = new TableSlots(ContentHash.Combine(ContentHash.Of(name), ContentHash.Of(table.ToString())), versions);
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

    /// <summary>The slot of results that depend on the whole table; every change of the table bumps it.</summary>
    public int AnyRow { get; } = versions.Next();

    /// <summary>The slot of results that depend on certain rows; a change of rows that are not known bumps it.</summary>
    public int UnknownRows { get; } = versions.Next();

    public ReadOnlySpan<KeySlots> Keys => _keys;

    /// <summary>Adds the slots that a change of rows bumps; of rows that are not known where they are null.</summary>
    public void AddReachedBy(IReadOnlyList<RowImage>? rows, HashSet<int> reached)
    {
        reached.Add(AnyRow);
        if (rows is null)
        {
            reached.Add(UnknownRows);
            return;
        }

        foreach (var key in Keys)
        {
            foreach (var row in rows)
                reached.Add(key.Of(row));
        }
    }

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

    /// <summary>The slot of every result that depends on rows by these columns; a change of a row whose values there are not known bumps it.</summary>
    public int UnknownValues { get; } = versions.Next();

    /// <summary>The slot of a row: <see cref="UnknownValues"/> where a value of the key is not known.</summary>
    public int Of(RowImage row)
    {
        Span<ulong> hashes = stackalloc ulong[columns.Count];
        for (var i = 0; i < hashes.Length; i++)
        {
            if (!row.TryFind(columns[i].Name, columns[i].Family, out hashes[i]))
                return UnknownValues;
        }

        return Of(hashes);
    }

    /// <summary>The slot of the rows with these values, in the order of the columns.</summary>
    public int Of(ReadOnlySpan<ulong> valueHashes)
    {
        var hash = _hash;
        foreach (var value in valueHashes)
            hash = ContentHash.Combine(hash, value);
        return versions.OfHash(hash);
    }
}
