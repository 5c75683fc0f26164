using EfSecondLevelCache.Catalog;
using EfSecondLevelCache.Values;

namespace EfSecondLevelCache.ChangeSources;

/// <summary>The tables of a database, and the changes of which of them are told.</summary>
/// <param name="view">The catalog.</param>
/// <param name="captured">The OIDs of the tables whose changes are told.</param>
internal sealed class CapturedTables(CatalogView view, IReadOnlySet<uint> captured)
{
    public CatalogFingerprint Fingerprint => view.Catalog.Fingerprint;

    public bool IsSame(CatalogFingerprint fingerprint, IReadOnlyCollection<uint> nowCaptured)
        => fingerprint == Fingerprint && captured.SetEquals(nowCaptured);

    /// <summary>The tables whose readers see another state when the rows of this one are others; null: there is no such table.</summary>
    public IReadOnlyCollection<Relation>? FamilyOf(TableName table)
        => view.Resolve(table) is { } relation ? view.Catalog.FamilyOf(relation) : null;

    /// <summary>A table by which these can change without anybody telling; null: there is none.</summary>
    public Relation? FindUncaptured(IEnumerable<Relation> tables)
        => tables
            .Where(table => table.Kind is RelationKind.Table or RelationKind.PartitionedTable)
            .SelectMany(view.Catalog.FamilyOf)
            .FirstOrDefault(member => !captured.Contains(member.Id));
}
