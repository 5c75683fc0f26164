namespace EfSecondLevelCache.Invalidation.Catalog;

/// <summary>
/// Stands for the state of a catalog: two that are equal have (but for a chance of 2^-64) nothing between them that a
/// <see cref="DatabaseCatalog"/> would tell.
/// </summary>
internal readonly record struct CatalogFingerprint(string Value);
