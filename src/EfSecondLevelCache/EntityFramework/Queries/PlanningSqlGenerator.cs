using System.Linq.Expressions;
using EfSecondLevelCache.Planning;
using Microsoft.EntityFrameworkCore.Query;
using Microsoft.EntityFrameworkCore.Query.SqlExpressions;
using Microsoft.EntityFrameworkCore.Storage;
using Npgsql.EntityFrameworkCore.PostgreSQL.Query.Internal;

#pragma warning disable EF9100 // RelationalLiftableConstantProcessor is public for those who precompile queries.


namespace EfSecondLevelCache.EntityFramework.Queries;

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
        var refusal = RefusalOf(inner);
        // What another generator writes to is for its text to tell.
        if (refusal is not null && queryExpression is not SelectExpression)
            return new CachingCommand(commandDependencies, text, logText, command.Parameters);
        var plan = QueryPlanner.Plan(queryExpression, text, command.Parameters, policy, refusal);
        PlansByText.Add(text, plan);
        return new CachingCommand(commandDependencies, text, logText, command.Parameters, plan);
    }

    /// <summary>The plan is read off the expression, and only Npgsql's own generator is known to write what that says, and no more.</summary>
    private static QueryCacheRefusal? RefusalOf(QuerySqlGenerator generator)
        => generator.GetType() == typeof(NpgsqlQuerySqlGenerator) ? null : Refusals.ForeignGenerator(generator.GetType());
}

/// <summary>
/// EF Core's own, which hands a compiled query the factory of its SQL; here ours in front of whichever the application has. That stays the service:
/// it may be replaced before and after us, and libraries recognize it by its type.
/// </summary>
internal sealed class PlanningConstantProcessor(
    ShapedQueryCompilingExpressionVisitorDependencies dependencies,
    RelationalShapedQueryCompilingExpressionVisitorDependencies relationalDependencies,
    RelationalCommandBuilderDependencies commandDependencies,
    QuerySqlGeneratorDependencies generatorDependencies)
    : RelationalLiftableConstantProcessor(
        dependencies,
        relationalDependencies with
        {
            QuerySqlGeneratorFactory = new PlanningSqlGeneratorFactory(
                relationalDependencies.QuerySqlGeneratorFactory, generatorDependencies, commandDependencies),
        },
        commandDependencies);

/// <summary>Makes the generators; decorates whatever factory is there.</summary>
internal sealed class PlanningSqlGeneratorFactory(
    IQuerySqlGeneratorFactory inner,
    QuerySqlGeneratorDependencies dependencies,
    RelationalCommandBuilderDependencies commandDependencies) : IQuerySqlGeneratorFactory
{
    public QuerySqlGenerator Create() => new PlanningSqlGenerator(dependencies, commandDependencies, inner.Create());
}
