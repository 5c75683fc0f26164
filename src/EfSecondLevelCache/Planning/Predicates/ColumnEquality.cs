using EfSecondLevelCache.Values;

namespace EfSecondLevelCache.Planning.Predicates;

/// <summary>A column that equals one of some values.</summary>
/// <param name="Column">Its name in the table.</param>
/// <param name="Family">How its values compare.</param>
/// <param name="Values">At least one; a parameter may stand for many, or for none.</param>
internal sealed record ColumnEquality(string Column, ComparisonFamily Family, ValueList<ComparisonValue> Values)
{
    /// <summary>
    /// Adds the hash of each value; false where there are too many, or one may equal any value: then the equality says nothing, and what
    /// was added by then is of no use.
    /// </summary>
    public bool TryEvaluate(IReadOnlyDictionary<string, object?>? parameterValues, List<ulong> hashes)
    {
        foreach (var value in Values)
        {
            if (!value.TryEvaluate(parameterValues, hashes))
                return false;
        }

        return true;
    }

    /// <summary><c>blog_id = 5</c>, <c>id in (1, 2, 3)</c>, <c>author_id is null</c>.</summary>
    public string Describe(IReadOnlyDictionary<string, object?>? parameterValues)
    {
        string[] values = [.. Values.SelectMany(value => value.Describe(parameterValues)).Distinct()];
        return values switch
        {
            ["null"] => $"{Column} is null",
            [var value] when parameterValues is not null || !Values.Any(v => v.IsList) => $"{Column} = {value}",
            _ => $"{Column} in ({string.Join(", ", values)})",
        };
    }
}
