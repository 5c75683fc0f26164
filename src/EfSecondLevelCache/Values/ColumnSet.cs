using System.Collections.Frozen;

namespace EfSecondLevelCache.Values;

/// <summary>Some columns of a table, or all of them.</summary>
internal sealed class ColumnSet
{
    public static readonly ColumnSet None = new(FrozenSet<string>.Empty);

    /// <summary>Also where it is not known which.</summary>
    public static readonly ColumnSet All = new(null);

    private readonly FrozenSet<string>? _names;

    private ColumnSet(FrozenSet<string>? names) => _names = names;

    public bool IsAll => _names is null;

    public bool IsEmpty => _names is { Count: 0 };

    public static ColumnSet Of(params IEnumerable<string> names) => names.ToFrozenSet() is { Count: > 0 } some ? new ColumnSet(some) : None;

    public bool Contains(string column) => _names is null || _names.Contains(column);

    public bool Contains(ColumnSet other) => _names is null || (other._names is not null && other._names.IsSubsetOf(_names));

    public bool Overlaps(ColumnSet other)
        => !IsEmpty && !other.IsEmpty && (_names is null || other._names is null || _names.Overlaps(other._names));

    public ColumnSet Union(ColumnSet other)
        => Contains(other) ? this : other.Contains(this) ? other : Of(_names!.Concat(other._names!));

    public override string ToString() => _names is null ? "*" : string.Join(", ", _names.Order(StringComparer.Ordinal));
}
