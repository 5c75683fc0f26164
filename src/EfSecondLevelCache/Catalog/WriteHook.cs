using EfSecondLevelCache.Values;

namespace EfSecondLevelCache.Catalog;

/// <summary>Code of the database that a write of a table runs: a trigger, a rule, a function in a default or a CHECK.</summary>
/// <param name="Table">The table or view.</param>
/// <param name="Description">For a message.</param>
/// <param name="Function">What it calls, as "schema.name"; null for a rule.</param>
/// <param name="Operations">The operations that run it.</param>
/// <param name="OfColumns">An UPDATE runs it only if it states one of these.</param>
/// <param name="Changes">The columns of the new row that it may change.</param>
/// <param name="MayWrite">It may write any table.</param>
internal sealed record WriteHook(
    Relation Table,
    string Description,
    string? Function,
    WriteOperations Operations,
    ColumnSet OfColumns,
    ColumnSet Changes,
    bool MayWrite)
{
    /// <param name="operations">Of the statement.</param>
    /// <param name="updated">The columns that its UPDATE states.</param>
    public bool RunsFor(WriteOperations operations, ColumnSet updated)
        => (Operations & operations & ~WriteOperations.Update) != 0
            || ((Operations & operations & WriteOperations.Update) != 0 && OfColumns.Overlaps(updated));
}
