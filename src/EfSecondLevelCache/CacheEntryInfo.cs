using System.Globalization;

namespace EfSecondLevelCache;

/// <summary>One kept result, for operators. Parameter values and rows are left out on purpose.</summary>
public sealed record CacheEntryInfo
{
    /// <summary>The SQL of the query.</summary>
    public required string CommandText { get; init; }

    /// <summary>What the result depends on.</summary>
    public required IReadOnlyList<string> Dependencies { get; init; }

    /// <summary>The names given with <c>Tag</c>.</summary>
    public required IReadOnlyList<string> Tags { get; init; }

    /// <summary>Its number of rows.</summary>
    public required int Rows { get; init; }

    /// <summary>The memory it takes, its key included, and its share of what it has in common with others (the text of the query).</summary>
    public required long Bytes { get; init; }

    /// <summary>How long ago it was read from the database.</summary>
    public required TimeSpan Age { get; init; }

    /// <summary>How often it was served.</summary>
    public required long Hits { get; init; }

    /// <summary>A line for people, and the SQL.</summary>
    public override string ToString()
        => string.Create(CultureInfo.InvariantCulture,
            $"{Rows:N0} rows, {Bytes:N0} bytes, {Age.TotalSeconds:0.0} s old, {Hits:N0} hits; depends on {string.Join(", ", Dependencies)}")
            + (Tags.Count == 0 ? "" : $"; tags {string.Join(", ", Tags)}")
            + Environment.NewLine + CommandText;
}
