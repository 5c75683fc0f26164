using System.Text;
using Microsoft.EntityFrameworkCore.Update;
using Npgsql.EntityFrameworkCore.PostgreSQL.Update.Internal;

namespace EfSecondLevelCache.Invalidation.Sources;

/// <summary>Writes the SQL of a <see cref="ReadBackCommand"/> where EF Core's own can't return what it asks for.</summary>
internal sealed class ReadBackSqlGenerator(UpdateSqlGeneratorDependencies dependencies) : NpgsqlUpdateSqlGenerator(dependencies)
{
    private const string Before = "before";

    /// <summary>EF Core never asks a DELETE to return anything.</summary>
    public override ResultSetMapping AppendDeleteOperation(
        StringBuilder commandStringBuilder, IReadOnlyModificationCommand command, int commandPosition, out bool requiresTransaction)
    {
        IColumnModification[] returned = [.. command.ColumnModifications.Where(column => column.IsRead)];
        if (returned.Length == 0)
            return base.AppendDeleteOperation(commandStringBuilder, command, commandPosition, out requiresTransaction);

        requiresTransaction = false;
        AppendDeleteCommand(
            commandStringBuilder,
            command.TableName,
            command.Schema,
            returned,
            [.. command.ColumnModifications.Where(column => column.IsCondition)]);
        return ResultSetMapping.LastInResultSet;
    }

    /// <summary>
    /// Before version 18 PostgreSQL does not return the old value of a column that an UPDATE changes. The row is locked and read by the
    /// same statement: without the lock it would be read as of the statement's snapshot, while the UPDATE changes a later version of it.
    /// </summary>
    public override ResultSetMapping AppendUpdateOperation(
        StringBuilder commandStringBuilder, IReadOnlyModificationCommand command, int commandPosition, out bool requiresTransaction)
    {
        IColumnModification[] keys = [.. command.ColumnModifications.Where(column => column is { IsKey: true, IsCondition: true })];
        ReadBackColumn[] old = [.. command.ColumnModifications.OfType<ReadBackColumn>().Where(column => column.IsOld)];
        if (old.Length == 0 || keys.Length == 0)
            return base.AppendUpdateOperation(commandStringBuilder, command, commandPosition, out requiresTransaction);

        requiresTransaction = false;
        AppendUpdateCommandHeader(
            commandStringBuilder, command.TableName, command.Schema, [.. command.ColumnModifications.Where(column => column.IsWrite)]);
        commandStringBuilder.AppendLine().Append("FROM (SELECT ").AppendJoin(", ", keys.Select((key, i) => $"{Name(key.ColumnName)} AS k{i}"))
            .Append(", ").AppendJoin(", ", old.Select((column, i) => $"{Name(column.ColumnName)} AS v{i}"))
            .Append(" FROM ");
        SqlGenerationHelper.DelimitIdentifier(commandStringBuilder, command.TableName, command.Schema);
        AppendWhereClause(commandStringBuilder, [.. command.ColumnModifications.Where(column => column.IsCondition)]);
        commandStringBuilder.Append(" FOR UPDATE) AS ").AppendLine(Before)
            .Append("WHERE ")
            .AppendJoin(" AND ", keys.Select((key, i) => $"{Name(command.TableName)}.{Name(key.ColumnName)} = {Before}.k{i}"))
            .AppendLine()
            .Append("RETURNING ")
            .AppendJoin(", ", command.ColumnModifications.Where(column => column.IsRead).Select(column =>
                column is ReadBackColumn { IsOld: true } read ? $"{Before}.v{Array.IndexOf(old, read)}" : $"{Name(command.TableName)}.{Name(column.ColumnName)}"))
            .AppendLine(SqlGenerationHelper.StatementTerminator);
        return ResultSetMapping.LastInResultSet;
    }

    private string Name(string identifier) => SqlGenerationHelper.DelimitIdentifier(identifier);
}
