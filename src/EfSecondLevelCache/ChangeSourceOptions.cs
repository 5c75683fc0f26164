using EfSecondLevelCache.Values;

namespace EfSecondLevelCache;

/// <summary>The settings of a change source as plain values.</summary>
internal sealed record ChangeSourceOptions(ChangeSourceKind Kind)
{
    public const string DefaultPublication = "second_level_cache";

    /// <summary>Null: the context's own.</summary>
    public GivenDatabase? Server { get; init; }

    /// <summary>Null: a quarter of the staleness that is allowed.</summary>
    public TimeSpan? HeartbeatInterval { get; init; }

    /// <summary>Results from tables whose changes nothing tells of live until their time is up.</summary>
    public bool CachesUncaptured { get; init; }

    public string Publication { get; init; } = DefaultPublication;

    /// <summary>Off only to show in a test what it is for.</summary>
    public bool ChecksSnapshots { get; init; } = true;

    /// <summary>Without the connection string: settings are printed where two differ.</summary>
    public override string ToString() => $"{Kind}";
}
