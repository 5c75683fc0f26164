namespace EfSecondLevelCache.Catalog;

/// <summary>What a relation is to a cache.</summary>
internal enum RelationKind
{
    Table,

    /// <summary>It has no rows of its own: they are in its partitions.</summary>
    PartitionedTable,

    View,

    /// <summary>Its rows change when it is refreshed, and nothing tells of that.</summary>
    MaterializedView,

    /// <summary>Its rows change where nobody of this database sees it.</summary>
    ForeignTable,

    Sequence,

    /// <summary>A table, view or sequence of one session.</summary>
    Temporary,

    /// <summary>PostgreSQL's own: pg_catalog, information_schema.</summary>
    System,
}
