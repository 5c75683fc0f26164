namespace EfSecondLevelCache.CompatibilityTests.Harness;

/// <summary>What a scenario is compared in beside results, exceptions, rows, schema and open connections.</summary>
[Flags]
public enum Expect
{
    /// <summary>The cached runs are served from the cache at least once, and the statements are compared in their order.</summary>
    Hits = 0,

    /// <summary>Nothing of it can be cached; what is compared is that it does not matter.</summary>
    NoHits = 1,

    /// <summary>Opted-in queries can't be marked (somebody else writes the query); the other runs are served from the cache.</summary>
    NoOptIn = 2,

    /// <summary>Several things run at once, so the order and the number of statements and connections vary.</summary>
    Concurrent = 4,

    /// <summary>The database is made, changed or dropped by the scenario, so nothing is installed in it beforehand.</summary>
    OwnDatabase = 8,

    /// <summary>The database or its tables come and go, so a change source may say that it is lost, or that it is told nothing.</summary>
    NoSource = 16,
}

/// <summary>Code of an application that runs without and with the cache.</summary>
/// <param name="Name">What it does.</param>
/// <param name="Expect">What its runs are held to.</param>
/// <param name="RunAsync">Runs it once; it is called twice, so that the second run finds what the first has left in the cache.</param>
public sealed record Scenario(string Name, Expect Expect, Func<App, Task> RunAsync)
{
    /// <summary>Whether a run with the cache is to be served from it.</summary>
    public bool IsServed(CacheUse use) => !Expect.HasFlag(Expect.NoHits) && !(use is CacheUse.OptIn && Expect.HasFlag(Expect.NoOptIn))
        && !(use is CacheUse.Notifications or CacheUse.LogicalReplication && Expect.HasFlag(Expect.NoSource));
}
