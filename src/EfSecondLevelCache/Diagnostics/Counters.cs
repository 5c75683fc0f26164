using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using EfSecondLevelCache.Store;

namespace EfSecondLevelCache.Diagnostics;

/// <summary>The counters behind <see cref="CacheStatistics"/>.</summary>
internal sealed class Counters
{
    private static readonly int Reasons = Enum.GetValues<RefusalReason>().Length;

    public StripedCounter Hits { get; } = new();

    public StripedCounter Misses { get; } = new();

    public StripedCounter Fills { get; } = new();

    public StripedCounter StaleFillsPrevented { get; } = new();

    public StripedCounter TooLarge { get; } = new();

    public StripedCounter Joined { get; } = new();

    public StripedCounter Invalidations { get; } = new();

    /// <summary>The removals by <see cref="RemovalCause"/>.</summary>
    public StripedCounter[] Removals { get; } = [.. Enum.GetValues<RemovalCause>().Select(_ => new StripedCounter())];

    public long[] Refusals { get; } = new long[Reasons];

    public RefusalCounts Found { get; } = new();

    /// <summary>Queries that nobody asked to cache.</summary>
    public StripedCounter NotRequested { get; } = new();

    /// <summary>Those among <see cref="Misses"/> that turned out to be refused: what was executed told so.</summary>
    public StripedCounter RefusedAfterMiss { get; } = new();

    public void Refused(QueryCacheRefusal refusal)
    {
        Interlocked.Increment(ref Refusals[(int)refusal.Reason]);
        Found.Add(refusal);
    }
}

/// <summary>A counter that threads on different processors add to without sharing a cache line (as LongAdder of java.util.concurrent).</summary>
internal sealed class StripedCounter
{
    private static readonly int Mask = (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)Environment.ProcessorCount) - 1;

    private readonly Stripe[] _stripes = new Stripe[Mask + 1];

    public long Value
    {
        get
        {
            var sum = 0L;
            foreach (ref var stripe in _stripes.AsSpan())
                sum += Volatile.Read(ref stripe.Count);
            return sum;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Add(long count) => Interlocked.Add(ref _stripes[Thread.GetCurrentProcessorId() & Mask].Count, count);

    [StructLayout(LayoutKind.Explicit, Size = 128)]
    private struct Stripe
    {
        [FieldOffset(64)]
        public long Count;
    }
}
