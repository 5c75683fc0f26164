namespace EfSecondLevelCache.CompatibilityTests.Harness;

/// <summary>What the cache may log at Warning or above in a scenario, with the reason.</summary>
internal static class AllowedWarnings
{
    /// <summary>Where the database or its tables come and go.</summary>
    private static readonly (string Name, string Reason)[] OfSources =
    [
        ("SourceFault", "a database that is not there can't be listened to"),
        ("SourceLost", "one that is dropped can't be listened to any more"),
        ("NotCaptured", "of a table that was made anew nothing tells until somebody installs the capture"),
    ];

    /// <summary>
    /// With logical replication a query that misses is sent behind a statement of ours. Where the query fails, its command has succeeded for EF Core, and
    /// the same exception comes from its reader: EF Core logs that the iteration has failed, and not that the command has.
    /// </summary>
    public static bool MayBeMissing(string warning, CacheUse use)
        => use is CacheUse.LogicalReplication && warning.StartsWith("Error Microsoft.EntityFrameworkCore.Database.Command.CommandError:", StringComparison.Ordinal);

    public static bool IsAllowed(string warning, Expect expect)
        => (expect & (Expect.NoSource | Expect.OwnDatabase)) != 0
            && OfSources.Any(allowed => warning.StartsWith($"Warning {allowed.Name}:", StringComparison.Ordinal));
}
