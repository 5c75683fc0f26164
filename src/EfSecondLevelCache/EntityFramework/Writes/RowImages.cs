using EfSecondLevelCache.Planning;
using EfSecondLevelCache.Planning.Predicates;
using EfSecondLevelCache.Values;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Update;

namespace EfSecondLevelCache.EntityFramework.Writes;

/// <summary>What a command tells for certain of the rows that it writes, before and after.</summary>
internal static class RowImages
{
    /// <summary>
    /// Of an ExecuteUpdate or ExecuteDelete: what its WHERE says that holds for all of its rows; null: nothing. Of the columns that it sets
    /// nothing is known afterwards.
    /// </summary>
    public static IReadOnlyList<RowImage>? Of(QueryPlan plan, IReadOnlyDictionary<string, object?>? parameterValues)
    {
        List<List<ColumnImage>> images = [[]];
        foreach (var equality in plan.WrittenRows?.Equalities ?? [])
        {
            var hashes = new List<ulong>();
            if (!equality.TryEvaluate(parameterValues, hashes) || images.Count * hashes.Count > ComparisonValue.MostValues)
                continue;
            images = [.. images.SelectMany(
                image => hashes.Select(hash => image.Append(new ColumnImage(equality.Column, equality.Family, hash, IsStated: false)).ToList()))];
        }

        if (images.Exists(image => image.Count == 0))
            return null;
        var before = images.Select(image => new RowImage([.. image]));
        return plan.WriteOperations is WriteOperations.Delete
            ? [.. before]
            : [.. before, .. images.Select(image => new RowImage(
                [.. image.Where(column => !plan.WrittenColumns.Contains(column.Name)).Select(column => column with { IsStated = true })]))];
    }

    /// <summary>
    /// Of a command of SaveChanges: the key in its WHERE, the values that it writes, the values that the database returned. Take it after the
    /// command was executed.
    /// </summary>
    public static IEnumerable<RowImage> Of(IReadOnlyModificationCommand command)
    {
        var columns = command.ColumnModifications;
        if (command.EntityState is not EntityState.Added)
            yield return Image(columns, Before);
        if (command.EntityState is not EntityState.Deleted)
            yield return Image(columns, After);
    }

    private static RowImage Image(IReadOnlyList<IColumnModification> columns, Func<IColumnModification, ColumnImage?> image)
    {
        var images = new List<ColumnImage>(columns.Count);
        foreach (var column in columns)
        {
            if (image(column) is { } known && !images.Exists(other => other.Name == known.Name))
                images.Add(known);
        }

        return new RowImage([.. images]);
    }

    private static ColumnImage? Before(IColumnModification column) => column switch
    {
        // Where it is not written it was what it is, unless a trigger sets it.
        ReadBackColumn { WasRead: true } returned => Image(column, returned.ProviderValue, isStated: returned.Old is OldValue.SameAsNew),
        ReadBackColumn => null,
        { IsCondition: true } => ModelImage(column, column.OriginalValue, isStated: false),
        _ => null,
    };

    private static ColumnImage? After(IColumnModification column) => column switch
    {
        ReadBackColumn { WasRead: true, Old: OldValue.SameAsNew } returned => Image(column, returned.ProviderValue, isStated: false),
        ReadBackColumn => null,
        { IsWrite: true } => ModelImage(column, column.Value, isStated: true),
        { IsRead: true } => ModelImage(column, column.Value, isStated: false),
        { IsCondition: true } => ModelImage(column, column.OriginalValue, isStated: true),
        _ => null,
    };

    private static ColumnImage? ModelImage(IColumnModification column, object? value, bool isStated)
        => column is { JsonPath: null, TypeMapping: { } mapping }
            ? Image(column, MappedValue.ProviderValueOf(mapping, value), isStated)
            : null;

    private static ColumnImage? Image(IColumnModification column, object? providerValue, bool isStated)
        => column.TypeMapping is { } mapping
            && MappedValue.FamilyOf(mapping) is { } family
            && ComparisonHash.TryHash(family, MappedValue.LabelOf(mapping, providerValue), out var hash)
                ? new ColumnImage(column.ColumnName, family, hash, isStated)
                : null;
}
