namespace EfSecondLevelCache.Catalog;

/// <summary>What reading a relation comes to.</summary>
/// <param name="Relations">What rows come from, through views of views, and what policies consult. No view is among them.</param>
/// <param name="Impurities">
/// What on the way has a value that changes though no row does, or may read other tables: the view is opaque. Empty where there is none.
/// </param>
/// <param name="RowSecurity">The row-level security that applies to the session, or to the owners of the views on the way.</param>
internal sealed record RelationReads(
    IReadOnlyList<Relation> Relations, IReadOnlyList<string> Impurities, IReadOnlyList<AppliedRowSecurity> RowSecurity);

/// <summary>Row-level security that hides rows of a table.</summary>
/// <param name="Table">The table.</param>
/// <param name="Policies">Those that may let rows through; without any, there are no rows.</param>
internal sealed record AppliedRowSecurity(Relation Table, IReadOnlyList<RowPolicy> Policies)
{
    public override string ToString()
        => Policies.Count == 0 ? $"{Table} (no policy: no rows)" : $"{Table} ({string.Join("; ", Policies)})";
}
