namespace EfSecondLevelCache.IntegrationTests.Support;

internal static class ServerSettings
{
    /// <summary>No durability, many connections, and whatever lets a test replicate or prepare a transaction.</summary>
    public static readonly IReadOnlyDictionary<string, string> ForTests = new Dictionary<string, string>
    {
        ["fsync"] = "off",
        ["full_page_writes"] = "off",
        ["max_connections"] = "300",
        ["wal_level"] = "logical",
        ["max_wal_senders"] = "20",
        ["max_replication_slots"] = "20",
        ["max_prepared_transactions"] = "20",
    };
}
