using EfSecondLevelCache.Values;
using Microsoft.EntityFrameworkCore.Migrations;

namespace EfSecondLevelCache.Catalog;

/// <summary>A foreign key constraint.</summary>
/// <param name="Name">Of the constraint.</param>
/// <param name="Table">The table that refers.</param>
/// <param name="Columns">Those of <paramref name="Table"/>.</param>
/// <param name="Principal">The table that is referred to.</param>
/// <param name="PrincipalColumns">Those of <paramref name="Principal"/>, in the order of <paramref name="Columns"/>.</param>
/// <param name="OnDelete">What happens to the rows of <paramref name="Table"/> when theirs goes.</param>
/// <param name="OnUpdate">What happens to them when its key changes.</param>
/// <param name="IsValidated">Every row refers to one that exists; false for NOT VALID and NOT ENFORCED.</param>
internal sealed record ForeignKey(
    string Name,
    Relation Table,
    IReadOnlyList<string> Columns,
    Relation Principal,
    IReadOnlyList<string> PrincipalColumns,
    ReferentialAction OnDelete,
    ReferentialAction OnUpdate,
    bool IsValidated)
{
    /// <summary>The columns that an action sets to null or to another key.</summary>
    public ColumnSet ColumnSet { get; } = ColumnSet.Of(Columns);

    public ColumnSet PrincipalColumnSet { get; } = ColumnSet.Of(PrincipalColumns);
}
