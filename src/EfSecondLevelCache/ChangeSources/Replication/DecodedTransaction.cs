using EfSecondLevelCache.Values;
using EfSecondLevelCache.Versions;
using Npgsql.Replication.PgOutput.Messages;

namespace EfSecondLevelCache.ChangeSources.Replication;

/// <summary>What one transaction has changed, put together from the messages between its Begin and its Commit.</summary>
internal sealed class DecodedTransaction
{
    private readonly Dictionary<TableName, List<IReadOnlyDictionary<string, string?>>?> _tables = [];

    public uint Xid { get; init; }

    public void Add(RelationMessage relation, DecodedRow? before, DecodedRow? after)
    {
        var table = NameOf(relation);
        if (!_tables.TryGetValue(table, out var rows))
            _tables[table] = rows = [];
        if (rows is null)
            return;
        if (before is not null)
            rows.Add(before);
        if (after is not null)
            rows.Add(after);
        if (rows.Count > ChangeSet.MostRows)
            _tables[table] = null;
    }

    public void AddUnknownRows(RelationMessage relation) => _tables[NameOf(relation)] = null;

    public IReadOnlyCollection<ToldChange> ToChanges() => [.. _tables.Select(table => new ToldChange(table.Key, table.Value))];

    private static TableName NameOf(RelationMessage relation) => new(relation.Namespace, relation.RelationName);
}

/// <summary>The values of a row that were told, by column.</summary>
internal sealed class DecodedRow : Dictionary<string, string?>
{
    /// <summary>What identifies it.</summary>
    public DecodedRow KeyOf(RelationMessage relation)
    {
        var key = new DecodedRow();
        foreach (var column in relation.Columns)
        {
            if (column.Flags is RelationMessage.Column.ColumnFlags.PartOfKey && TryGetValue(column.ColumnName, out var value))
                key[column.ColumnName] = value;
        }

        return key;
    }
}
