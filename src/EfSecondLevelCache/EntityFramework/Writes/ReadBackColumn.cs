using System.Data.Common;
using Microsoft.EntityFrameworkCore.Metadata;
using Microsoft.EntityFrameworkCore.Update;

namespace EfSecondLevelCache.EntityFramework.Writes;

/// <summary>A column that is only read, for the cache: the entity does not learn of it.</summary>
/// <param name="column">The column.</param>
/// <param name="old">Where its value before the statement is.</param>
/// <param name="keys">The columns by which the statement finds its row.</param>
internal sealed class ReadBackColumn(IColumn column, OldValue old, IReadOnlyList<string> keys) : ColumnModification(Parameters(column))
{
    public string TableName => column.Table.Name;

    public string? Schema => column.Table.Schema;

    public OldValue Old => old;

    public IReadOnlyList<string> Keys => keys;

    public bool WasRead { get; private set; }

    /// <summary>The value as the database gave it, ahead of any value converter.</summary>
    public object? ProviderValue { get; private set; }

    /// <returns>The ordinal of the next column.</returns>
    public int Read(DbDataReader row, int ordinal)
    {
        var isOfSnapshot = old is OldValue.OfSnapshot;
        try
        {
            if (!isOfSnapshot || row.GetInt64(ordinal + 1) == 1)
            {
                ProviderValue = row.GetValue(ordinal);
                WasRead = true;
            }
        }
        catch (Exception)
        {
            // A value that can't be read is not known, which removes too much. The write must not fail of it.
        }

        return ordinal + (isOfSnapshot ? 2 : 1);
    }

    /// <summary>Without a property, so that EF Core does nothing with the value.</summary>
    private static ColumnModificationParameters Parameters(IColumn column)
        => new(
            column,
            originalValue: null,
            value: null,
            property: null,
            column.PropertyMappings[0].TypeMapping,
            read: true,
            write: false,
            key: false,
            condition: false,
            sensitiveLoggingEnabled: false);
}

/// <summary>Where the value is that a column had before a statement.</summary>
internal enum OldValue
{
    /// <summary>The statement does not change it, or leaves no new one.</summary>
    SameAsNew,

    /// <summary>The statement can return it.</summary>
    Returned,

    /// <summary>The value stands in the row as the statement's snapshot shows it, if that is the version that the statement has replaced.</summary>
    OfSnapshot,
}
