namespace EfSecondLevelCache.Catalog;

/// <summary>
/// Stands for the state of a catalog: two that are equal have (but for a chance of 2^-64) nothing between them that a
/// <see cref="DatabaseCatalog"/> would tell.
/// </summary>
/// <param name="Value">Of the catalog.</param>
/// <param name="Timeline">Of the server that it was read from; 0: a standby.</param>
internal readonly record struct CatalogFingerprint(string Value, uint Timeline);
