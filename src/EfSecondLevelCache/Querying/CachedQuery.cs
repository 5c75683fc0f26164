using EfSecondLevelCache.Invalidation;
using EfSecondLevelCache.Querying.Keys;
using EfSecondLevelCache.Querying.Planning;
using EfSecondLevelCache.Querying.Results;
using EfSecondLevelCache.Store;

namespace EfSecondLevelCache.Querying;

/// <summary>A kept result with its key, its dependencies and the count of changes under which it was read.</summary>
internal sealed class CachedQuery(
    MissedQuery query, QueryPlan plan, CachedResult result, VersionSlots versions, double cost, long now, int extraBytes)
    : StoreEntry(query.Hash, BytesOf(query, result, extraBytes), cost, now + Milliseconds(query.Policy.TimeToLive), Milliseconds(query.Policy.Sliding))
{
    /// <summary>This object's own fields beyond the store's, the key object and its array header.</summary>
    private const int OwnBytes = 128;

    public QueryKey Key { get; } = ReferenceEquals(plan, query.Key.Plan) ? query.Key : query.Key.With(plan);

    public CachedResult Result { get; } = result;

    public ResolvedPolicy Policy { get; } = query.Policy;

    public long ReadAt { get; } = now;

    /// <summary>Not exact under contention; for operators only.</summary>
    public long TimesServed { get; set; }

    private int[] Slots { get; } = query.Slots;

    private long AsOf { get; } = query.AsOf;

    public override bool IsUpToDate => versions.IsUpToDate(Slots, AsOf);

    public override bool HasSameKeyAs(StoreEntry other) => other is CachedQuery cached && Key.Equals(cached.Key);

    public CacheEntryInfo ToInfo(long now)
        => new(Key.Plan.CommandText, Policy.Describe(), Policy.Tags, Result.Rows, Bytes, TimeSpan.FromMilliseconds(now - ReadAt), TimesServed);

    private static int BytesOf(MissedQuery query, CachedResult result, int extraBytes)
        => (int)Math.Min(int.MaxValue, Overhead + OwnBytes + query.Key.Parameters.Length + result.Bytes + extraBytes);

    /// <summary>Rounded up, so that the shortest time to live is not zero.</summary>
    private static long Milliseconds(TimeSpan time) => (long)Math.Ceiling(time.TotalMilliseconds);
}
