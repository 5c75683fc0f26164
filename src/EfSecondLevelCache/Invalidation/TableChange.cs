namespace EfSecondLevelCache.Invalidation;

/// <summary>A table whose rows may have changed.</summary>
/// <param name="Database">The name of the database; null: in every database.</param>
/// <param name="Table">The table; null: any table of the database.</param>
internal readonly record struct TableChange(string? Database, TableName? Table)
{
    public static readonly TableChange Everything = new(null, null);

    public override string ToString() => $"{Table?.ToString() ?? "any table"} of {Database ?? "any database"}";
}
