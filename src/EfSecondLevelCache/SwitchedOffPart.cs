namespace EfSecondLevelCache;

/// <summary>
/// A part of the cache that is switched off in this process, because EF Core or Npgsql no longer have what it takes from them. The application goes on
/// without it.
/// </summary>
/// <param name="Part">What is switched off.</param>
/// <param name="Consequence">What that means for the application.</param>
/// <param name="Detail">What was not found, and in which versions.</param>
public sealed record SwitchedOffPart(string Part, string Consequence, string Detail)
{
    /// <summary>One line for people.</summary>
    public override string ToString() => $"{Part}: {Consequence} ({Detail})";
}
