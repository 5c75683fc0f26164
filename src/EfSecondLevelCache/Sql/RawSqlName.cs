namespace EfSecondLevelCache.Sql;

/// <summary>The name of a relation as PostgreSQL compares it: folded to lower case unless quoted, cut to the length of a name.</summary>
/// <param name="Schema">Null where the text leaves it to the search path.</param>
/// <param name="Name">Never empty.</param>
internal readonly record struct RawSqlName(string? Schema, string Name)
{
    public override string ToString() => Schema is null ? Name : $"{Schema}.{Name}";
}
