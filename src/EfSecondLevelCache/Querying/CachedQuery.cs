using EfSecondLevelCache.Planning;
using EfSecondLevelCache.Results;
using EfSecondLevelCache.Session;
using EfSecondLevelCache.Store;
using EfSecondLevelCache.Versions;

namespace EfSecondLevelCache.Querying;

/// <summary>
/// A kept result with its key, its dependencies and the count of changes under which it was read. Of its plan it holds the shape, which it shares
/// with the other results of it.
/// </summary>
internal sealed class CachedQuery(
    MissedQuery query, SharedPart<QueryShape> shape, SharedPart<CacheScope> scope, CachedResult result, VersionSlots versions, double cost, long now)
    : StoreEntry(query.Hash, BytesOf(query, result), cost, now + Milliseconds(query.Policy.TimeToLive), Milliseconds(query.Policy.Sliding))
{
    /// <summary>This object's own fields beyond the store's, the key object, and the headers of their arrays.</summary>
    private const int OwnBytes = 176;

    public QueryKey Key { get; } = query.Key.With(shape.Value, scope.Value);

    public CachedResult Result { get; } = result;

    public long ReadAt { get; } = now;

    /// <summary>Not exact under contention; for operators only.</summary>
    public long TimesServed { get; set; }

    private int[] Slots { get; } = query.Slots;

    private long AsOf { get; } = query.AsOf;

    public override bool IsUpToDate => versions.IsUpToDate(Slots, AsOf);

    public override bool HasSameKeyAs(StoreEntry other) => other is CachedQuery cached && Key.Equals(cached.Key);

    internal override long SharedBytes => shape.Bytes + scope.Bytes;

    internal override long UncountedBytes => shape.Uncounted + scope.Uncounted;

    internal override long EnterShared() => shape.Enter() + scope.Enter();

    internal override long LeaveShared() => shape.Leave() + scope.Leave();

    public CacheEntryInfo ToInfo(long now)
        => new()
        {
            CommandText = Key.Shape.CommandText,
            Dependencies = Key.Shape.Dependencies,
            Tags = Key.Shape.Policy.Tags,
            Rows = Result.Rows,
            Bytes = Bytes + shape.BytesForEach + scope.BytesForEach,
            Age = TimeSpan.FromMilliseconds(now - ReadAt),
            Hits = TimesServed,
        };

    private static int BytesOf(MissedQuery query, CachedResult result)
        => (int)Math.Min(
            int.MaxValue,
            Overhead + OwnBytes + query.Key.Parameters.Length + (sizeof(int) * query.Slots.Length) + result.Bytes);

    /// <summary>Rounded up, so that the shortest time to live is not zero.</summary>
    private static long Milliseconds(TimeSpan time) => (long)Math.Ceiling(time.TotalMilliseconds);
}
