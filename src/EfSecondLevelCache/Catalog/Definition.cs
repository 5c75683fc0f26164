namespace EfSecondLevelCache.Catalog;

/// <summary>What the definition of a view, or of a policy, refers to.</summary>
/// <param name="Relations">Those it reads; views are not looked through.</param>
/// <param name="Impurities">What in it has a value that changes though no row does, or may read tables that it does not name.</param>
internal sealed record Definition(IReadOnlyList<Relation> Relations, IReadOnlyList<string> Impurities);
