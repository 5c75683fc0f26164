using System.Text;
using Microsoft.EntityFrameworkCore.Update;
using Npgsql.EntityFrameworkCore.PostgreSQL.Update.Internal;

namespace EfSecondLevelCache.EntityFramework.Writes;

/// <summary>Writes the SQL of a <see cref="ReadBackCommand"/> where EF Core's own can't return what it asks for.</summary>
internal sealed class ReadBackSqlGenerator(UpdateSqlGeneratorDependencies dependencies) : NpgsqlUpdateSqlGenerator(dependencies)
{
    /// <summary>EF Core never asks a DELETE to return anything.</summary>
    public override ResultSetMapping AppendDeleteOperation(
        StringBuilder commandStringBuilder, IReadOnlyModificationCommand command, int commandPosition, out bool requiresTransaction)
    {
        IColumnModification[] returned = [.. command.ColumnModifications.Where(column => column is ReadBackColumn)];
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

    protected override void AppendReturningClause(
        StringBuilder commandStringBuilder, IReadOnlyList<IColumnModification> operations, string? additionalValues = null)
    {
        if (operations.OfType<ReadBackColumn>().FirstOrDefault(column => column.Old is not OldValue.SameAsNew) is not { } old)
        {
            base.AppendReturningClause(commandStringBuilder, operations, additionalValues);
            return;
        }

        // Any name will do that is not the table's.
        var before = old.TableName == "o" ? "p" : "o";
        commandStringBuilder.AppendLine().Append("RETURNING ");
        if (old.Old is OldValue.Returned)
            commandStringBuilder.Append($"WITH (OLD AS {before}) ");
        commandStringBuilder.AppendJoin(", ", operations.Select(column => column switch
        {
            ReadBackColumn { Old: OldValue.Returned } => $"{before}.{Name(column.ColumnName)}",
            ReadBackColumn { Old: OldValue.OfSnapshot } read => OfSnapshot(read, before),
            _ => Name(column.ColumnName),
        }));
    }

    /// <summary>
    /// Before version 18 PostgreSQL does not return the old value of a column that an UPDATE changes. A subquery sees the row as of the statement's
    /// snapshot, while the UPDATE may have waited and changed a later version of it. The version that it has replaced bears its number (xmax), and so
    /// does the one that it has made (xmin). This locks nothing: the row is not read FOR UPDATE, which would lock it more than a plain UPDATE does.
    /// Where others hold FOR KEY SHARE on the row, as who inserts rows that refer to it, xmax is another number, and the value is not known.
    /// </summary>
    /// <returns>The value, and how many such versions there are.</returns>
    private string OfSnapshot(ReadBackColumn column, string before)
    {
        var table = Name(column.TableName);
        var source = new StringBuilder(" FROM ");
        SqlGenerationHelper.DelimitIdentifier(source, column.TableName, column.Schema);
        source.Append($" AS {before} WHERE ")
            .AppendJoin("", column.Keys.Select(key => $"{before}.{Name(key)} = {table}.{Name(key)} AND "))
            .Append($"{before}.xmax = {table}.xmin");
        return $"(SELECT {before}.{Name(column.ColumnName)}{source} LIMIT 1), (SELECT count(*){source})";
    }

    private string Name(string identifier) => SqlGenerationHelper.DelimitIdentifier(identifier);
}
