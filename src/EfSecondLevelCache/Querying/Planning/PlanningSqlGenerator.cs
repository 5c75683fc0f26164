using System.Linq.Expressions;
using Microsoft.EntityFrameworkCore.Query;
using Microsoft.EntityFrameworkCore.Storage;

namespace EfSecondLevelCache.Querying.Planning;

/// <summary>
/// Stands in front of Npgsql's SQL generator, where the final expression and its SQL are both at hand: makes the plan, takes our tag
/// out of the text and puts the plan on the command. It runs once for each compiled query.
/// </summary>
internal sealed class PlanningSqlGenerator(
    QuerySqlGeneratorDependencies dependencies,
    RelationalCommandBuilderDependencies commandDependencies,
    QuerySqlGenerator inner) : QuerySqlGenerator(dependencies)
{
    public override IRelationalCommand GetCommand(Expression queryExpression)
    {
        var command = inner.GetCommand(queryExpression);
        var text = PolicyTag.Remove(command.CommandText, out var policy);
        var logText = ReferenceEquals(command.CommandText, command.LogCommandText) ? text : PolicyTag.Remove(command.LogCommandText, out _);
        var plan = QueryPlanner.Plan(queryExpression, text, command.Parameters, policy);
        PlansByText.Add(text, plan);
        return new CachingCommand(commandDependencies, text, logText, command.Parameters, plan);
    }
}

/// <summary>Makes the generators; decorates whatever factory is there.</summary>
internal sealed class PlanningSqlGeneratorFactory(
    IQuerySqlGeneratorFactory inner,
    QuerySqlGeneratorDependencies dependencies,
    RelationalCommandBuilderDependencies commandDependencies) : IQuerySqlGeneratorFactory
{
    public QuerySqlGenerator Create() => new PlanningSqlGenerator(dependencies, commandDependencies, inner.Create());
}
