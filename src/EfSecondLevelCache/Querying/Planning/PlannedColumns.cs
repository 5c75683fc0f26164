using System.Data.Common;
using EfSecondLevelCache.Querying.Results;

namespace EfSecondLevelCache.Querying.Planning;

/// <summary>The columns that EF Core's shaper will read, and as which CLR types.</summary>
internal sealed class PlannedColumns : IEquatable<PlannedColumns>
{
    public static readonly PlannedColumns None = new([], []);

    private readonly string[] _names;
    private readonly Type[] _types;
    private readonly Lazy<RowLayout?> _layout;
    private readonly Lazy<NamedColumns?> _byName;

    /// <param name="names">In the order of the projection.</param>
    /// <param name="types">What the column's type mapping reads, <c>GetDataReaderMethod().ReturnType</c>.</param>
    public PlannedColumns(string[] names, Type[] types)
    {
        _names = names;
        _types = types;
        // EF Core writes SELECT 1 where nothing is projected.
        _layout = new(() => RowLayout.TryCreate(types.Length == 0 ? new Type?[] { null } : types, out _));
        _byName = new(() => NamedColumns.TryCreate([.. names.Zip(types)], out _));
    }

    /// <summary>The first column whose values can't be kept safely; null: there is none.</summary>
    public (string Name, Type Type)? Unsupported()
        => RowLayout.TryCreate(_types, out var unsupported) is null && unsupported is not null
            ? (_names[Array.IndexOf(_types, unsupported)], unsupported)
            : null;

    /// <summary>How the rows of a reader are kept; null where they can't be.</summary>
    /// <param name="reader">The live reader.</param>
    /// <param name="byName">EF Core finds the columns by their names, as it does for raw SQL, whose order is the database's.</param>
    public RowLayout? LayoutFor(DbDataReader reader, bool byName) => byName ? _byName.Value?.LayoutFor(reader) : _layout.Value;

    public bool Equals(PlannedColumns? other)
        => other is not null
            && (ReferenceEquals(this, other)
                || (_types.AsSpan().SequenceEqual(other._types) && _names.AsSpan().SequenceEqual(other._names)));

    public override bool Equals(object? obj) => Equals(obj as PlannedColumns);

    public override int GetHashCode() => _types.Length;
}
