using EfSecondLevelCache.Values;

namespace EfSecondLevelCache;

/// <summary>The settings of synchronous writes as plain values.</summary>
/// <param name="Database">The one that has the leases.</param>
/// <param name="Lease">How long one lasts.</param>
internal sealed record SynchronousWritesSettings(GivenDatabase Database, TimeSpan Lease)
{
    public static readonly TimeSpan DefaultLease = TimeSpan.FromSeconds(5);

    /// <summary>Without the password: settings are printed where two differ.</summary>
    public override string ToString() => $"leases of {Lease}";
}
