using EfSecondLevelCache.Planning;
using EfSecondLevelCache.Session;
using EfSecondLevelCache.Store;
using EfSecondLevelCache.Values;

namespace EfSecondLevelCache.Querying;

/// <summary>What makes two executions the same query: its shape, the scope, and the parameter values with what the key varies by.</summary>
internal sealed class QueryKey(QueryShape shape, CacheScope scope, byte[] parameters, ulong hash) : IEquatable<QueryKey>
{
    public QueryShape Shape => shape;

    public CacheScope Scope => scope;

    public byte[] Parameters => parameters;

    public ulong Hash => hash;

    public static ulong HashOf(QueryShape shape, CacheScope scope, ReadOnlySpan<byte> parameters)
        => ContentHash.Of(parameters, shape.ContentHash ^ scope.Hash);

    public Probe ToProbe() => new(shape, scope, parameters);

    /// <summary>A key that is equal, of other instances of its parts.</summary>
    public QueryKey With(QueryShape equalShape, CacheScope equalScope)
        => ReferenceEquals(equalShape, shape) && ReferenceEquals(equalScope, scope) ? this : new(equalShape, equalScope, parameters, hash);

    public bool Is(QueryShape otherShape, CacheScope otherScope, ReadOnlySpan<byte> otherParameters)
        => parameters.AsSpan().SequenceEqual(otherParameters) && scope.Equals(otherScope) && shape.Equals(otherShape);

    public bool Equals(QueryKey? other)
        => other is not null && hash == other.Hash && Is(other.Shape, other.Scope, other.Parameters);

    public override bool Equals(object? obj) => Equals(obj as QueryKey);

    public override int GetHashCode() => (int)hash;

    /// <summary>A key on the caller's stack, to look up with.</summary>
    public readonly ref struct Probe(QueryShape shape, CacheScope scope, ReadOnlySpan<byte> parameters) : IStoreProbe
    {
        private readonly ReadOnlySpan<byte> _parameters = parameters;

        public ulong Hash { get; } = HashOf(shape, scope, parameters);

        public bool Matches(StoreEntry entry) => entry is CachedQuery cached && cached.Key.Is(shape, scope, _parameters);

        public QueryKey ToKey() => new(shape, scope, _parameters.ToArray(), Hash);
    }
}
