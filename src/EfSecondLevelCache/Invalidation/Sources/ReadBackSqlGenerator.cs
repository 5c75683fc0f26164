using System.Text;
using Microsoft.EntityFrameworkCore.Update;
using Npgsql.EntityFrameworkCore.PostgreSQL.Update.Internal;

namespace EfSecondLevelCache.Invalidation.Sources;

/// <summary>EF Core never asks a DELETE to return anything; a <see cref="ReadBackCommand"/> does.</summary>
internal sealed class ReadBackSqlGenerator(UpdateSqlGeneratorDependencies dependencies) : NpgsqlUpdateSqlGenerator(dependencies)
{
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
}
