using EfSecondLevelCache.Diagnostics;
using EfSecondLevelCache.Session;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Storage;
using Microsoft.EntityFrameworkCore.Update;
using Npgsql.EntityFrameworkCore.PostgreSQL.Update.Internal;

namespace EfSecondLevelCache.EntityFramework.Writes;

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
        var own = ColumnModifications.Count(column => column is { IsRead: true } and not ReadBackColumn);
        var next = own;
        foreach (var column in ColumnModifications.OfType<ReadBackColumn>())
            next = column.Read(relationalReader.DbDataReader, next);
        // EF Core counts the rows of a command that returns nothing.
        if (own == 0 && next > 0 && relationalReader.DbDataReader.Read())
            throw new UnexpectedRowException();
    }

    private IReadOnlyList<IColumnModification> WithReadBacks(IReadOnlyList<IColumnModification> own)
    {
        if (Entries is not [var entry, ..] || entry.Context.GetService<CacheSession>() is not { Cache: not null } session)
            return own;
        try
        {
            ReadBackColumn[] added = [.. entry.Context.GetService<ReadBacks>().ColumnsFor(this, own)];
            return added.Length == 0 ? own : [.. own, .. added];
        }
        catch (Exception fault)
        {
            Log.ChangeFault(session.Logger, fault);
            return own;
        }
    }
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
