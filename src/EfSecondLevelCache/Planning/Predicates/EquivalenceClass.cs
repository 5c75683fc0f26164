using System.Collections.Immutable;

namespace EfSecondLevelCache.Planning.Predicates;

/// <summary>Columns that are equal to each other, as PostgreSQL's planner has them, and the values that they are among.</summary>
/// <param name="Columns">At least one; more than one are equal by SQL's <c>=</c>, and so not null.</param>
/// <param name="Values">Each is a condition of its own, and all of them hold.</param>
/// <param name="RejectsNull">None of the columns is null.</param>
internal sealed record EquivalenceClass(ImmutableArray<QueryColumn> Columns, ImmutableArray<ColumnValues> Values, bool RejectsNull)
{
    public bool Contains(QueryColumn column) => Columns.Contains(column);

    public bool Touches(EquivalenceClass other) => Columns.Any(other.Contains);

    public EquivalenceClass Merge(EquivalenceClass other)
        => new([.. Columns.Union(other.Columns)], [.. Values.Union(other.Values)], RejectsNull || other.RejectsNull);
}
