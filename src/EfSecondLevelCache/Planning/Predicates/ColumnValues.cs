using EfSecondLevelCache.Values;

namespace EfSecondLevelCache.Planning.Predicates;

/// <summary>The values of which a column has one.</summary>
internal sealed record ColumnValues(ComparisonFamily Family, ValueList<ComparisonValue> Values)
{
    /// <summary>How many, roughly: the fewer, the more changes pass by.</summary>
    public int Breadth => Values.Sum(value => value.IsList ? 8 : 1);

    public static ColumnValues Of(ComparisonValue value) => new(value.Family, [value]);

    /// <summary>Null where there are too many to be worth it.</summary>
    public static ColumnValues? Of(ComparisonFamily family, IEnumerable<ComparisonValue> values)
    {
        ComparisonValue[] distinct = [.. values.Distinct()];
        return distinct.Length is > 0 and <= ComparisonValue.MostValues ? new ColumnValues(family, [.. distinct]) : null;
    }

    /// <summary>One of these or of those.</summary>
    public ColumnValues? Or(ColumnValues other) => Family == other.Family ? Of(Family, Values.Concat(other.Values)) : null;
}
