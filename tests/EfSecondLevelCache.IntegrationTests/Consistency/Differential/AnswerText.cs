using System.Collections;
using System.Globalization;
using EfSecondLevelCache.IntegrationTests.Support;
using Microsoft.EntityFrameworkCore;

namespace EfSecondLevelCache.IntegrationTests.Consistency.Differential;

/// <summary>
/// The answer to a query as text, the full graph and what the context tracks. Where the query leaves an order to the database, the text has
/// one of its own.
/// </summary>
internal static class AnswerText
{
    public static string Of(object? answer, bool isOrdered, DbContext context)
    {
        SortCollections(answer, new HashSet<object>(ReferenceEqualityComparer.Instance));
        var text = answer is IList rows
            ? string.Join('\n', isOrdered ? Texts(rows) : Texts(rows).Order(StringComparer.Ordinal))
            : GraphText.Of(answer);
        return $"{text}\n{GraphText.OfTracked(context)}";
    }

    private static IEnumerable<string> Texts(IList rows) => rows.Cast<object?>().Select(GraphText.Of);

    private static void SortCollections(object? value, HashSet<object> seen)
    {
        if (value is null or string or ValueType || !seen.Add(value))
            return;
        if (value is IList items)
        {
            foreach (var item in items)
                SortCollections(item, seen);
            return;
        }

        foreach (var property in value.GetType().GetProperties())
        {
            var member = property.GetValue(value);
            if (member is IList { IsFixedSize: false } collection)
                Sort(collection);
            SortCollections(member, seen);
        }
    }

    private static void Sort(IList items)
    {
        object?[] sorted = [.. items.Cast<object?>().OrderBy(Scalars, StringComparer.Ordinal)];
        for (var i = 0; i < sorted.Length; i++)
            items[i] = sorted[i];
    }

    /// <summary>The key is among them.</summary>
    private static string Scalars(object? item)
        => item is null or string or ValueType
            ? Convert.ToString(item, CultureInfo.InvariantCulture) ?? ""
            : string.Join('|', item.GetType().GetProperties()
                .Where(p => p.PropertyType == typeof(string) || p.PropertyType.IsValueType)
                .Select(p => Convert.ToString(p.GetValue(item), CultureInfo.InvariantCulture)));
}
