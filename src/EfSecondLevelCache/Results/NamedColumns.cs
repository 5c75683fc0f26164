using System.Data.Common;
using EfSecondLevelCache.Results.Types;

namespace EfSecondLevelCache.Results;

/// <summary>The columns that EF Core reads of raw SQL: it finds them by their names, once the reader is there.</summary>
internal sealed class NamedColumns
{
    private readonly IReadOnlyList<(string Name, StoredType Type)> _columns;
    private volatile Resolved? _last;

    /// <param name="columns">What EF Core reads.</param>
    public NamedColumns(IReadOnlyList<(string Name, StoredType Type)> columns) => _columns = columns;

    /// <param name="columns">What EF Core reads.</param>
    /// <param name="unsupported">The first type whose values are not known to be immutable, nor how to copy them.</param>
    /// <returns>Null where there is such a type.</returns>
    public static NamedColumns? TryCreate(IReadOnlyList<(string Name, Type Type)> columns, out Type? unsupported)
    {
        (string Name, StoredType? Type)[] stored
            = [.. columns.Select(column => (column.Name, StoredType.Find(Nullable.GetUnderlyingType(column.Type) ?? column.Type)))];
        unsupported = columns.Zip(stored).FirstOrDefault(column => column.Second.Type is null).First.Type;
        return unsupported is null ? new([.. stored.Select(column => (column.Name, column.Type!))]) : null;
    }

    /// <summary>The layout for what this reader has; the same instance as long as readers have the same.</summary>
    /// <returns>
    /// Null where a column is missing, which EF Core will complain about, or is wanted as two types: then there is nothing to cache.
    /// </returns>
    public RowLayout? LayoutFor(DbDataReader reader)
    {
        var last = _last;
        var columns = ResultColumns.Of(reader, last?.Columns);
        if (last is null || !ReferenceEquals(last.Columns, columns))
            _last = last = new(columns, Resolve(columns));
        return last.Layout;
    }

    private RowLayout? Resolve(ResultColumns found)
    {
        var types = new StoredType?[found.Count];
        foreach (var (name, type) in _columns)
        {
            var ordinal = Ordinal(found, name);
            if (ordinal < 0 || (types[ordinal] is { } other && other.ClrType != type.ClrType))
                return null;

            types[ordinal] = type;
        }

        return RowLayout.Of(types);
    }

    // As EF Core does it: regardless of case, and a query of one column takes the first whatever its name.
    private int Ordinal(ResultColumns found, string name)
    {
        for (var i = 0; i < found.Count; i++)
        {
            if (string.Equals(found.Name(i), name, StringComparison.OrdinalIgnoreCase))
                return i;
        }

        return _columns.Count == 1 && found.Count > 0 ? 0 : -1;
    }

    private sealed record Resolved(ResultColumns Columns, RowLayout? Layout);
}
