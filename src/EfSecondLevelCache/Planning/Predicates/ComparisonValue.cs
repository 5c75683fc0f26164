using System.Collections;
using System.Globalization;
using EfSecondLevelCache.Values;
using Microsoft.EntityFrameworkCore.Query.SqlExpressions;
using Microsoft.EntityFrameworkCore.Storage;

namespace EfSecondLevelCache.Planning.Predicates;

/// <summary>What a column is compared with: a constant, a parameter of the query, or every element of a parameter.</summary>
internal sealed record ComparisonValue
{
    /// <summary>More values than that are not worth a dependency each: the whole table is the dependency.</summary>
    public const int MostValues = 64;

    private readonly object? _constant;
    private readonly PlannedParameter? _parameter;

    /// <summary>The hash of one value of the parameter: PostgreSQL's enums have labels.</summary>
    private readonly RelationalTypeMapping? _mapping;

    private ComparisonValue(ComparisonFamily family, object? constant)
    {
        Family = family;
        _constant = constant;
    }

    private ComparisonValue(
        ComparisonFamily family, SqlParameterExpression parameter, RelationalTypeMapping mapping, RelationalTypeMapping? element)
    {
        Family = family;
        _parameter = PlannedParameter.Of(parameter.InvariantName, mapping);
        _mapping = element ?? mapping;
        IsList = element is not null;
    }

    public ComparisonFamily Family { get; }

    /// <summary>It stands for every element of its parameter.</summary>
    public bool IsList { get; }

    public static ComparisonValue Null(ComparisonFamily family) => new(family, null);

    public static ComparisonValue Of(bool value) => new(ComparisonFamily.Boolean, value);

    /// <summary>Null where it is not one whose equality can be told.</summary>
    public static ComparisonValue? Of(SqlExpression expression) => expression switch
    {
        SqlConstantExpression { TypeMapping: { } mapping } constant => OfConstant(mapping, constant.Value),
        SqlParameterExpression { TypeMapping: { } mapping } parameter when MappedValue.FamilyOf(mapping) is { } family
            => new ComparisonValue(family, parameter, mapping, element: null),
        _ => null,
    };

    /// <summary>Null where it is not a parameter with elements whose equality can be told.</summary>
    public static ComparisonValue? OfElements(SqlExpression expression)
        => expression is SqlParameterExpression { TypeMapping: { ElementTypeMapping: RelationalTypeMapping element } mapping } parameter
            && MappedValue.FamilyOf(element) is { } family
                ? new ComparisonValue(family, parameter, mapping, element)
                : null;

    /// <summary>
    /// Adds the hash of each value; false where there are too many, or one may equal any value: what was added by then is of no use.
    /// </summary>
    public bool TryEvaluate(IReadOnlyDictionary<string, object?>? parameterValues, List<ulong> hashes)
    {
        if (ProviderValues(parameterValues) is not { } values)
            return false;
        foreach (var value in values)
        {
            if (hashes.Count >= MostValues || !ComparisonHash.TryHash(Family, value, out var hash))
                return false;
            hashes.Add(hash);
        }

        return true;
    }

    /// <summary>The values as a person reads them; without parameter values a parameter's name.</summary>
    public IEnumerable<string> Describe(IReadOnlyDictionary<string, object?>? parameterValues)
        => parameterValues is null && _parameter is { } parameter
            ? [$"@{parameter.InvariantName}"]
            : (ProviderValues(parameterValues) ?? []).Select(Text);

    /// <summary>Null where they are not known.</summary>
    private IEnumerable<object?>? ProviderValues(IReadOnlyDictionary<string, object?>? parameterValues)
    {
        if (_parameter is not { } parameter)
            return [_constant];
        if (parameterValues is null || !parameterValues.TryGetValue(parameter.InvariantName, out var modelValue))
            return null;
        var value = parameter.ValueFor(modelValue);
        if (!IsList)
            return [MappedValue.LabelOf(_mapping, value)];
        return value switch
        {
            // = ANY(NULL) is true for no row.
            null => [],
            IList list => list.Cast<object?>().Select(item => MappedValue.LabelOf(_mapping, item)),
            _ => null,
        };
    }

    private static ComparisonValue? OfConstant(RelationalTypeMapping mapping, object? modelValue)
    {
        if (MappedValue.FamilyOf(mapping) is not { } family)
            return null;
        var value = MappedValue.ProviderValueOf(mapping, modelValue);
        return IsExactInSql(value) && ComparisonHash.TryHash(family, value, out _) ? new ComparisonValue(family, value) : null;
    }

    /// <summary>A literal drops the digits past the microsecond in another direction than a parameter does.</summary>
    private static bool IsExactInSql(object? value) => value switch
    {
        DateTime time => time.Ticks % TimeSpan.TicksPerMicrosecond == 0 || time == DateTime.MaxValue,
        DateTimeOffset time => time.Ticks % TimeSpan.TicksPerMicrosecond == 0 || time == DateTimeOffset.MaxValue,
        _ => true,
    };

    private static string Text(object? value) => value switch
    {
        null or DBNull => "null",
        bool flag => flag ? "true" : "false",
        string text => $"'{text.Replace("'", "''", StringComparison.Ordinal)}'",
        byte[] bytes => $"'\\x{Convert.ToHexStringLower(bytes)}'",
        DateOnly date => date.ToString("O", CultureInfo.InvariantCulture),
        DateTime time => time.ToString("O", CultureInfo.InvariantCulture),
        DateTimeOffset time => time.ToString("O", CultureInfo.InvariantCulture),
        _ => Convert.ToString(value, CultureInfo.InvariantCulture) ?? "",
    };
}
