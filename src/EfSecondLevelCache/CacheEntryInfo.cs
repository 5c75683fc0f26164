using System.Globalization;

namespace EfSecondLevelCache;

/// <summary>One kept result, for operators. Parameter values and rows are left out on purpose.</summary>
/// <param name="CommandText">The SQL of the query.</param>
/// <param name="Dependencies">What the result depends on.</param>
/// <param name="Tags">The names given with <c>Tag</c>.</param>
/// <param name="Rows">Its number of rows.</param>
/// <param name="Bytes">The memory it takes, its key included, and its share of what it has in common with others (the text of the query).</param>
/// <param name="Age">How long ago it was read from the database.</param>
/// <param name="Hits">How often it was served.</param>
public sealed record CacheEntryInfo(
    string CommandText,
    IReadOnlyList<string> Dependencies,
    IReadOnlyList<string> Tags,
    int Rows,
    long Bytes,
    TimeSpan Age,
    long Hits)
{
    /// <summary>A line for people, and the SQL.</summary>
    public override string ToString()
        => string.Create(CultureInfo.InvariantCulture,
            $"{Rows:N0} rows, {Bytes:N0} bytes, {Age.TotalSeconds:0.0} s old, {Hits:N0} hits; depends on {string.Join(", ", Dependencies)}")
            + (Tags.Count == 0 ? "" : $"; tags {string.Join(", ", Tags)}")
            + Environment.NewLine + CommandText;
}
