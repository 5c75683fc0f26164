using EfSecondLevelCache.Store;

namespace EfSecondLevelCache.Tests.Store;

/// <summary>An entry whose key is a number, with everything else to be chosen.</summary>
internal sealed class TestEntry(
    long key,
    long bytes = 1,
    double cost = 1,
    ulong? hash = null,
    long expiresAt = long.MaxValue,
    long sliding = 0) : StoreEntry(hash ?? HashOf(key), bytes, cost, expiresAt, sliding)
{
    private volatile bool _stale;

    public long Key { get; } = key;

    public object? Value { get; init; }

    public override bool IsUpToDate => !_stale;

    public void Invalidate() => _stale = true;

    public override bool HasSameKeyAs(StoreEntry other) => ((TestEntry)other).Key == Key;

    public override string ToString() => $"key {Key}";

    /// <summary>splitmix64's finalizer: a bijection, so that different keys have different hashes.</summary>
    public static ulong HashOf(long key)
    {
        var hash = (ulong)key + 0x9E37_79B9_7F4A_7C15;
        hash = (hash ^ (hash >> 30)) * 0xBF58_476D_1CE4_E5B9;
        hash = (hash ^ (hash >> 27)) * 0x94D0_49BB_1331_11EB;
        return hash ^ (hash >> 31);
    }
}

/// <summary>Looks for a <see cref="TestEntry"/>; a ref struct, as the real ones are.</summary>
internal readonly ref struct TestProbe(long key, ulong? hash = null) : IStoreProbe
{
    private readonly long _key = key;

    public ulong Hash { get; } = hash ?? TestEntry.HashOf(key);

    public bool Matches(StoreEntry entry) => ((TestEntry)entry).Key == _key;
}

internal static class BoundedStoreTestExtensions
{
    public static TestEntry? Find(this BoundedStore store, long key, ulong? hash = null)
        => (TestEntry?)store.Find(new TestProbe(key, hash));
}
