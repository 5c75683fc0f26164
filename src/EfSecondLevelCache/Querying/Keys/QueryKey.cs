using EfSecondLevelCache.Querying.Planning;
using EfSecondLevelCache.Store;

namespace EfSecondLevelCache.Querying.Keys;

/// <summary>What makes two executions the same query: the plan, the scope, and the parameter values with what the key varies by.</summary>
internal sealed class QueryKey(QueryPlan plan, CacheScope scope, byte[] parameters, ulong hash) : IEquatable<QueryKey>
{
    public QueryPlan Plan => plan;

    public CacheScope Scope => scope;

    public byte[] Parameters => parameters;

    public ulong Hash => hash;

    public static ulong HashOf(QueryPlan plan, CacheScope scope, ReadOnlySpan<byte> parameters)
        => ContentHash.Of(parameters, plan.ContentHash ^ scope.Hash);

    public Probe ToProbe() => new(plan, scope, parameters);

    /// <summary>The same key with another plan of equal content.</summary>
    public QueryKey With(QueryPlan equalPlan) => new(equalPlan, scope, parameters, hash);

    public bool Is(QueryPlan otherPlan, CacheScope otherScope, ReadOnlySpan<byte> otherParameters)
        => parameters.AsSpan().SequenceEqual(otherParameters) && scope.Equals(otherScope) && plan.HasSameContentAs(otherPlan);

    public bool Equals(QueryKey? other)
        => other is not null && hash == other.Hash && Is(other.Plan, other.Scope, other.Parameters);

    public override bool Equals(object? obj) => Equals(obj as QueryKey);

    public override int GetHashCode() => (int)hash;

    /// <summary>A key on the caller's stack, to look up with.</summary>
    public readonly ref struct Probe(QueryPlan plan, CacheScope scope, ReadOnlySpan<byte> parameters) : IStoreProbe
    {
        private readonly ReadOnlySpan<byte> _parameters = parameters;

        public ulong Hash { get; } = HashOf(plan, scope, parameters);

        public bool Matches(StoreEntry entry) => entry is CachedQuery cached && cached.Key.Is(plan, scope, _parameters);

        public QueryKey ToKey() => new(plan, scope, _parameters.ToArray(), Hash);
    }
}
