using EfSecondLevelCache.Values;

namespace EfSecondLevelCache.Catalog;

/// <summary>What a write may change.</summary>
/// <param name="Relations">
/// Every table whose readers see another state: the target, its partitions and children, all that they are part of, and what foreign keys
/// change with them.
/// </param>
/// <param name="ByForeignKey">Those among them that foreign keys change, rows beside the written ones.</param>
/// <param name="Changes">The columns of the target whose new value may be another than the one that the statement states.</param>
/// <param name="Elsewhere">The code that it runs and that may write any table beside.</param>
internal sealed record WriteReach(
    IReadOnlyCollection<Relation> Relations,
    IReadOnlyCollection<Relation> ByForeignKey,
    ColumnSet Changes,
    IReadOnlyCollection<WriteHook> Elsewhere)
{
    public bool MayWriteElsewhere => Elsewhere.Count > 0;
}
