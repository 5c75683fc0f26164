using System.Collections.Immutable;

namespace EfSecondLevelCache.Planning.Predicates;

/// <summary>
/// What is known, at one place of a query, of the rows that can still matter to its result: columns that are equal to each other, or to
/// values. A row of which it is not true may be left out, or put in, and the result stays the same.
/// </summary>
internal sealed class RowConditions
{
    public static readonly RowConditions None = new([]);

    /// <summary>No column is in two of them.</summary>
    private readonly ImmutableArray<EquivalenceClass> _classes;

    private RowConditions(ImmutableArray<EquivalenceClass> classes) => _classes = classes;

    public static RowConditions Among(QueryColumn column, ColumnValues values, bool rejectsNull)
        => new([new EquivalenceClass([column], [values], rejectsNull)]);

    public static RowConditions NotNull(QueryColumn column) => new([new EquivalenceClass([column], [], RejectsNull: true)]);

    public static RowConditions Equal(QueryColumn first, QueryColumn second)
        => new([new EquivalenceClass(first == second ? [first] : [first, second], [], RejectsNull: true)]);

    /// <summary>Both are true.</summary>
    public RowConditions And(RowConditions other)
    {
        if (_classes.IsEmpty)
            return other;
        return other._classes.IsEmpty ? this : new RowConditions(Merge(_classes.Concat(other._classes)));
    }

    /// <summary>One of them is true: a column is then among the values of the one or of the other, if both tell.</summary>
    public RowConditions Or(RowConditions other)
    {
        var either = None;
        foreach (var mine in _classes)
        {
            foreach (var column in mine.Columns)
            {
                if (other._classes.FirstOrDefault(theirs => theirs.Contains(column)) is not { } theirs)
                    continue;
                var rejectsNull = mine.RejectsNull && theirs.RejectsNull;
                if (Narrowest(mine) is { } first && Narrowest(theirs) is { } second && first.Or(second) is { } values)
                    either = either.And(Among(column, values, rejectsNull));
                else if (rejectsNull)
                    either = either.And(NotNull(column));
            }
        }

        return either;
    }

    /// <summary>The conditions of columns under other names: each becomes those that it is renamed to, which may be none.</summary>
    public RowConditions Rename(Func<QueryColumn, IEnumerable<QueryColumn>> rename)
    {
        var renamed = _classes.Select(known => known with { Columns = [.. known.Columns.SelectMany(rename).Distinct()] });
        return new RowConditions(Merge(renamed.Where(known => !known.Columns.IsEmpty)));
    }

    public RowConditions Without(IReadOnlySet<string> aliases) => Rename(column => aliases.Contains(column.Alias) ? [] : [column]);

    /// <summary>No row matters in which one of these tables is missing, as an outer join leaves it missing.</summary>
    public bool Require(IReadOnlySet<string> aliases)
        => _classes.Any(known => known.RejectsNull && known.Columns.Any(column => aliases.Contains(column.Alias)));

    /// <summary>The fewest values among which each column of a table is.</summary>
    public IEnumerable<(string Column, ColumnValues Values)> ValuesOf(string alias)
        => from known in _classes
           let values = Narrowest(known)
           where values is not null
           from column in known.Columns
           where column.Alias == alias
           select (column.Name, values);

    private static ColumnValues? Narrowest(EquivalenceClass known) => known.Values.MinBy(values => values.Breadth);

    private static ImmutableArray<EquivalenceClass> Merge(IEnumerable<EquivalenceClass> classes)
    {
        var merged = new List<EquivalenceClass>();
        foreach (var added in classes)
        {
            var known = added;
            foreach (var touching in merged.Where(added.Touches).ToArray())
            {
                merged.Remove(touching);
                known = touching.Merge(known);
            }

            merged.Add(known);
        }

        return [.. merged];
    }
}
