using System.Data.Common;
using EfSecondLevelCache.Querying;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.EntityFrameworkCore.Storage;

namespace EfSecondLevelCache.EntityFramework.Queries;

/// <summary>A query that is sent behind a <see cref="LeadingSnapshot"/>.</summary>
internal sealed class SnapshotCommand(
    RelationalCommandBuilderDependencies dependencies, string commandText, string logCommandText, IReadOnlyList<IRelationalParameter> parameters)
    : RelationalCommand(dependencies, commandText, logCommandText, parameters)
{
    public override DbCommand CreateDbCommand(
        RelationalCommandParameterObject parameterObject, Guid commandId, DbCommandMethod commandMethod)
    {
        var command = base.CreateDbCommand(parameterObject, commandId, commandMethod);
        LeadingSnapshot.PutBefore(command);
        return command;
    }
}
