using EfSecondLevelCache.Catalog;
using EfSecondLevelCache.Values;

namespace EfSecondLevelCache.Versions;

/// <summary>
/// Tells everything that a write changes in the database: the partitions, children and parents of its table, what foreign keys do, what
/// triggers and rules may do, the tables behind a view.
/// </summary>
internal static class ChangeTranslator
{
    /// <param name="written">What a statement says that it writes.</param>
    /// <param name="view">The catalog as its session sees it; null: it is not known, so that the write may have changed anything.</param>
    /// <returns>The changes under the full names of their tables.</returns>
    public static IEnumerable<TableChange> Translate(TableChange written, CatalogView? view)
    {
        if (written.Table is not { } name || view?.Resolve(name) is not { } target)
            return [TableChange.UnknownTables];

        var reach = view.Catalog.ReachOf(target, written.Operations, written.Updated);
        if (reach.MayWriteElsewhere)
            return [TableChange.UnknownTables];
        var own = target.Kind is RelationKind.View ? [] : view.Catalog.FamilyOf(target);
        return reach.Relations.Select(reached =>
            own.Contains(reached) && !reach.ByForeignKey.Contains(reached)
                ? written with { Table = reached.Name, Rows = written.Rows?.Select(row => row.Without(reach.Changes)).ToList() }
                : new TableChange(reached.Name));
    }
}
