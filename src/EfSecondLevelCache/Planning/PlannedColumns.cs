using System.Data.Common;
using EfSecondLevelCache.Results;
using EfSecondLevelCache.Results.Types;
using EfSecondLevelCache.Values;

namespace EfSecondLevelCache.Planning;

/// <summary>The columns that EF Core's shaper will read, and as which CLR types.</summary>
internal sealed class PlannedColumns : IEquatable<PlannedColumns>
{
    public static readonly PlannedColumns None = new([], []);

    private readonly string[] _names;
    private readonly Type[] _types;
    private readonly TypeCopies _copies;
    private readonly Lazy<StoredType?[]> _stored;
    private readonly Lazy<RowLayout?> _layout;
    private readonly Lazy<NamedColumns?> _byName;

    /// <param name="names">In the order of the projection.</param>
    /// <param name="types">What the column's type mapping reads, <c>GetDataReaderMethod().ReturnType</c>.</param>
    /// <param name="copies">How to copy values that the cache itself does not know; null: nobody says.</param>
    public PlannedColumns(string[] names, Type[] types, TypeCopies? copies = null)
    {
        _names = names;
        _types = types;
        _copies = copies ?? TypeCopies.None;
        _stored = new(() => Array.ConvertAll(types, type => StoredType.Find(Nullable.GetUnderlyingType(type) ?? type, _copies)));
        // EF Core writes SELECT 1 where nothing is projected.
        _layout = new(() => types.Length == 0 ? RowLayout.Of([null]) : Unsupported() is null ? RowLayout.Of(_stored.Value) : null);
        _byName = new(() => Unsupported() is null ? new NamedColumns([.. names.Zip(_stored.Value, (name, type) => (name, type!))]) : null);
    }

    public IReadOnlyList<string> Names => _names;

    /// <summary>The columns where the application says more of some types.</summary>
    public PlannedColumns With(ValueList<TypeRule> rules) => rules.Count == 0 ? this : new(_names, _types, _copies.With(rules));

    /// <summary>The first column whose values can't be kept safely; null: there is none.</summary>
    public (string Name, Type Type)? Unsupported()
        => Array.IndexOf(_stored.Value, null) is >= 0 and var index ? (_names[index], _types[index]) : null;

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
