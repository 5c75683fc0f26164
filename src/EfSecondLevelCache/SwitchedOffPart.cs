namespace EfSecondLevelCache;

/// <summary>
/// A part of the cache that is switched off in this process, because EF Core or Npgsql no longer have what it takes from them. The application goes on
/// without it.
/// </summary>
public sealed record SwitchedOffPart
{
    /// <summary>What is switched off.</summary>
    public required string Part { get; init; }

    /// <summary>What that means for the application.</summary>
    public required string Consequence { get; init; }

    /// <summary>What was not found, and in which versions.</summary>
    public required string Detail { get; init; }

    /// <summary>One line for people.</summary>
    public override string ToString() => $"{Part}: {Consequence} ({Detail})";
}
