using EfSecondLevelCache.Values;

namespace EfSecondLevelCache.Versions;

/// <summary>What was written, by table.</summary>
internal sealed class ChangeSet
{
    /// <summary>The rows of more changes than that are not told apart: a write that large has changed what anybody reads of the table.</summary>
    public const int MostRows = 1_000;

    private readonly Dictionary<TableName, TableWrites> _tables = [];
    private bool _unknownTables;

    public bool IsEmpty => !_unknownTables && _tables.Count == 0;

    /// <summary>It may be any table, so that no catalog can tell more.</summary>
    public bool IsUnknown => _unknownTables;

    public void AddUnknownTables() => _unknownTables = true;

    /// <param name="table">As the statement names it.</param>
    /// <param name="operations">What it does to the table.</param>
    /// <param name="updated">The columns that an UPDATE states.</param>
    /// <param name="rows">Null: not known. Enumerated only as far as it is of use.</param>
    public void Add(TableName table, WriteOperations operations, ColumnSet updated, IEnumerable<RowImage>? rows)
    {
        if (!_tables.TryGetValue(table, out var change))
            _tables[table] = change = new TableWrites();
        change.Operations |= operations;
        change.Updated = change.Updated.Union(updated);
        if (rows is null)
            change.Rows = null;
        else if (change.Rows is { Count: < MostRows } known)
            known.AddRange(rows);
        else
            change.Rows = null;
    }

    public void Add(ChangeSet other)
    {
        _unknownTables |= other._unknownTables;
        foreach (var (table, change) in other._tables)
            Add(table, change.Operations, change.Updated, change.Rows);
    }

    /// <summary>The changes as they are now.</summary>
    public IReadOnlyCollection<TableChange> ToChanges()
        => _unknownTables
            ? [TableChange.UnknownTables]
            : [.. _tables.Select(changed => new TableChange(changed.Key)
            {
                Operations = changed.Value.Operations,
                Updated = changed.Value.Updated,
                Rows = changed.Value.Rows,
            })];

    /// <summary>The tables and rows, for the log.</summary>
    public override string ToString() => string.Join(", ", ToChanges());

    private sealed class TableWrites
    {
        public WriteOperations Operations { get; set; }

        public ColumnSet Updated { get; set; } = ColumnSet.None;

        public List<RowImage>? Rows { get; set; } = [];
    }
}
