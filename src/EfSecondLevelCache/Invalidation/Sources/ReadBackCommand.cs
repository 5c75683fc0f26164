using System.Data.Common;
using EfSecondLevelCache.Infrastructure;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Metadata;
using Microsoft.EntityFrameworkCore.Storage;
using Microsoft.EntityFrameworkCore.Update;
using Npgsql.EntityFrameworkCore.PostgreSQL.Update.Internal;

namespace EfSecondLevelCache.Invalidation.Sources;

/// <summary>
/// An UPDATE or DELETE of SaveChanges that has the database return the values, of the row that it wrote, by which cached results depend on rows
/// of the table. What the change tracker holds of them is a guess: the entity may never have been loaded, or the row changed since.
/// </summary>
internal sealed class ReadBackCommand(in ModificationCommandParameters parameters) : NpgsqlModificationCommand(parameters)
{
    private IReadOnlyList<IColumnModification>? _columns;

    public override IReadOnlyList<IColumnModification> ColumnModifications => _columns ??= WithReadBacks(base.ColumnModifications);

    public override void PropagateResults(RelationalDataReader relationalReader)
    {
        base.PropagateResults(relationalReader);
        // They are returned behind those that EF Core asked for.
        var ordinal = ColumnModifications.Count(column => column is { IsRead: true } and not ReadBackColumn);
        foreach (var column in ColumnModifications.OfType<ReadBackColumn>())
            column.Read(relationalReader.DbDataReader, ordinal++);
    }

    private IReadOnlyList<IColumnModification> WithReadBacks(IReadOnlyList<IColumnModification> own)
    {
        if (EntityState is not (EntityState.Modified or EntityState.Deleted)
            || StoreStoredProcedure is not null
            || Table is null
            || Entries is not [var entry, ..]
            || entry.Context.GetService<CacheSession>() is not { Cache: { } cache } session)
        {
            return own;
        }

        var added = new List<IColumnModification>();
        foreach (var name in cache.ColumnsToReadBack(session, new TableName(Schema, TableName)))
        {
            // What is in the WHERE is certain.
            var stated = own.Where(column => column.ColumnName == name).ToArray();
            if (Table.FindColumn(name) is { } column && !stated.Any(state => state.IsCondition))
                added.Add(new ReadBackColumn(column, isOld: stated.Length > 0));
        }

        return added.Count == 0 ? own : [.. own, .. added];
    }
}

/// <summary>A column that is only read, for the cache: the entity does not learn of it.</summary>
/// <param name="column">The column.</param>
/// <param name="isOld">The statement changes it: its value is read as it was before.</param>
internal sealed class ReadBackColumn(IColumn column, bool isOld) : ColumnModification(Parameters(column))
{
    public bool IsOld => isOld;

    public bool WasRead { get; private set; }

    /// <summary>As the database gave it, ahead of any value converter.</summary>
    public object? ProviderValue { get; private set; }

    public void Read(DbDataReader row, int ordinal)
    {
        try
        {
            ProviderValue = row.GetValue(ordinal);
            WasRead = true;
        }
        catch (Exception)
        {
            // A value that can't be read is not known, which removes too much. The write must not fail of it.
        }
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

/// <summary>Makes the commands of tracked entities.</summary>
/// <param name="generator">Of the application; another one than ours does not know what to return.</param>
internal sealed class ReadBackCommandFactory(IUpdateSqlGenerator generator) : NpgsqlModificationCommandFactory
{
    public override IModificationCommand CreateModificationCommand(in ModificationCommandParameters modificationCommandParameters)
        => generator is ReadBackSqlGenerator
            ? new ReadBackCommand(modificationCommandParameters)
            : base.CreateModificationCommand(modificationCommandParameters);
}
