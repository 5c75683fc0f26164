namespace EfSecondLevelCache.Values;

/// <summary>A table whose rows have changed, or may have.</summary>
/// <param name="Table">Null: any table of the database.</param>
internal sealed record TableChange(TableName? Table)
{
    public static readonly TableChange UnknownTables = new((TableName?)null);

    public WriteOperations Operations { get; init; } = WriteOperations.Any;

    /// <summary>The columns that an UPDATE states.</summary>
    public ColumnSet Updated { get; init; } = ColumnSet.All;

    /// <summary>The rows as they were and as they are; null: it is not known which rows.</summary>
    public IReadOnlyList<RowImage>? Rows { get; init; }

    public override string ToString()
        => Table is null ? "any table" : Rows is null ? Table.Value.ToString() : $"{Table.Value} ({Rows.Count} row images)";
}

/// <summary>What is known of one row, before or after a change. A column that is not listed may have any value.</summary>
/// <param name="Columns">At most one of each name.</param>
internal readonly record struct RowImage(ValueList<ColumnImage> Columns)
{
    /// <summary>Without what was stated of columns that the database itself may have set to something else.</summary>
    public RowImage Without(ColumnSet changed)
        => changed.IsEmpty || !Columns.Any(column => column.IsStated && changed.Contains(column.Name))
            ? this
            : new RowImage([.. Columns.Where(column => !column.IsStated || !changed.Contains(column.Name))]);

    /// <summary>False where the value of a column is not known.</summary>
    public bool TryFind(string name, ComparisonFamily family, out ulong hash)
    {
        foreach (var column in Columns.AsSpan())
        {
            if (column.Name != name)
                continue;
            hash = column.Hash;
            return column.Family == family;
        }

        hash = 0;
        return false;
    }
}

/// <summary>The value of a column in a row, as a hash.</summary>
/// <param name="Name">Of the column.</param>
/// <param name="Family">How its values compare.</param>
/// <param name="Hash">Of <see cref="ComparisonHash"/>.</param>
/// <param name="IsStated">The statement says so; a trigger of the database may have made it something else.</param>
internal readonly record struct ColumnImage(string Name, ComparisonFamily Family, ulong Hash, bool IsStated);
