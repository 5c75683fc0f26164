using EfSecondLevelCache.Querying.Results;

namespace EfSecondLevelCache.Querying.Planning;

/// <summary>The columns that EF Core's shaper will read, and as which CLR types.</summary>
/// <param name="names">In the order of the projection.</param>
/// <param name="types">What the column's type mapping reads, <c>GetDataReaderMethod().ReturnType</c>.</param>
internal sealed class PlannedColumns(string[] names, Type[] types) : IEquatable<PlannedColumns>
{
    public static readonly PlannedColumns None = new([], []);

    public IReadOnlyList<string> Names => names;

    public IReadOnlyList<Type> Types => types;

    /// <summary>How rows of these columns are kept; null where a type can't be.</summary>
    public RowLayout? Layout { get; } = RowLayout.TryCreate(types, out _);

    /// <summary>The first type that can't be kept; null: there is none.</summary>
    public Type? UnsupportedType
    {
        get
        {
            RowLayout.TryCreate(types, out var unsupported);
            return unsupported;
        }
    }

    public bool Equals(PlannedColumns? other)
        => other is not null && (ReferenceEquals(this, other) || types.AsSpan().SequenceEqual(other.TypeSpan));

    private ReadOnlySpan<Type> TypeSpan => types;

    public override bool Equals(object? obj) => Equals(obj as PlannedColumns);

    public override int GetHashCode()
    {
        var hash = new HashCode();
        foreach (var type in types)
            hash.Add(type);
        return hash.ToHashCode();
    }
}
