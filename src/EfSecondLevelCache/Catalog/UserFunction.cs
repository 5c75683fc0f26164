namespace EfSecondLevelCache.Catalog;

/// <summary>The functions and procedures of one name that are not PostgreSQL's own.</summary>
/// <param name="Schema">Where they are; of the last of several schemas.</param>
/// <param name="Name">In the exact case of the catalog.</param>
/// <param name="Volatility">The worst of all.</param>
/// <param name="Languages">In which they are written.</param>
/// <param name="TakesRow">One of them can be called as if it were a column: <c>t.f</c> for <c>f(t)</c>.</param>
/// <param name="MayWrite">One of them is VOLATILE, and its text does not show that it leaves tables and the session alone.</param>
internal sealed record UserFunction(
    string Schema, string Name, DeclaredVolatility Volatility, IReadOnlyList<string> Languages, bool TakesRow, bool MayWrite)
{
    /// <summary>Its owner promises that it reads no table and no setting, and changes nothing.</summary>
    public bool IsImmutable => Volatility == DeclaredVolatility.Immutable;
}

/// <summary>What a function's owner promises of it; later is worse.</summary>
internal enum DeclaredVolatility
{
    Immutable,

    /// <summary>It may read tables, settings and the time of the transaction. It writes nothing.</summary>
    Stable,

    Volatile,
}
