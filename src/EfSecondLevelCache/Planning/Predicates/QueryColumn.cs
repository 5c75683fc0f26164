namespace EfSecondLevelCache.Planning.Predicates;

/// <summary>A column of what stands in a FROM clause.</summary>
/// <param name="Alias">Of the table or subquery.</param>
/// <param name="Name">Of its column.</param>
internal readonly record struct QueryColumn(string Alias, string Name);
