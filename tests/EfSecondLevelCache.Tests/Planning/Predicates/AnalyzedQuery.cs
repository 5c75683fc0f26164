using System.Collections.Concurrent;
using System.Data.Common;
using System.Linq.Expressions;
using EfSecondLevelCache.Planning.Predicates;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Query;
using Microsoft.EntityFrameworkCore.Query.SqlExpressions;
using Microsoft.EntityFrameworkCore.Storage;
using Microsoft.Extensions.DependencyInjection;
using Npgsql.EntityFrameworkCore.PostgreSQL.Query.Internal;

namespace EfSecondLevelCache.Tests.Planning.Predicates;

/// <summary>What EF Core makes of a query, without a server, and what is found in it.</summary>
internal sealed class AnalyzedQuery
{
    private static readonly DbContextOptions Options = Build(new CompilerHook());

    /// <summary>EF Core compiles a query once, however many tests have it.</summary>
    private static readonly ConcurrentDictionary<string, SelectExpression> Compiled = [];

    private AnalyzedQuery(string sql)
    {
        Sql = sql;
        Expression = Compiled[sql];
        Reads = PredicateAnalyzer.Analyze(Expression, out _);
    }

    public string Sql { get; }

    public SelectExpression Expression { get; }

    public IReadOnlyList<TableRead> Reads { get; }

    public static PredicateContext NewContext() => new(Options);

    public static AnalyzedQuery Of(Func<PredicateContext, IQueryable> query)
    {
        using var context = NewContext();
        return Of(query(context));
    }

    public static AnalyzedQuery Of(IQueryable query)
    {
        using DbCommand command = query.CreateDbCommand();
        return new AnalyzedQuery(command.CommandText);
    }

    /// <summary>The tables, and the conditions under which their rows matter, in the order in which the SQL names them.</summary>
    public static void AssertReads(Func<PredicateContext, IQueryable> query, params string[] expected)
    {
        var analyzed = Of(query);
        Assert.True(
            expected.SequenceEqual(analyzed.Reads.Select(read => read.Describe())),
            $"{analyzed.Sql}\n\nexpected: {string.Join(" ; ", expected)}\n"
            + $"found:    {string.Join(" ; ", analyzed.Reads.Select(read => read.Describe()))}");
    }

    public static DbContextOptions Build(IDbContextOptionsExtension hook)
    {
        var builder = new DbContextOptionsBuilder().UseNpgsql("Host=nowhere", npgsql => npgsql.MapEnum<Mood>("mood"));
        ((IDbContextOptionsBuilderInfrastructure)builder).AddOrUpdateExtension(hook);
        return builder.Options;
    }

    /// <summary>Hands out the final expression of each query that is compiled.</summary>
    internal class CompilerHook : IDbContextOptionsExtension
    {
        public CompilerHook() => Info = new ExtensionInfo(this);

        public DbContextOptionsExtensionInfo Info { get; }

        public virtual void ApplyServices(IServiceCollection services)
        {
            services.AddSingleton<NpgsqlQuerySqlGeneratorFactory>();
            services.AddSingleton<IQuerySqlGeneratorFactory, GeneratorFactory>();
        }

        public void Validate(IDbContextOptions options)
        {
        }

        private sealed class ExtensionInfo(CompilerHook extension) : DbContextOptionsExtensionInfo(extension)
        {
            public override bool IsDatabaseProvider => false;

            public override string LogFragment => "";

            public override int GetServiceProviderHashCode() => Extension.GetType().GetHashCode();

            public override bool ShouldUseSameServiceProvider(DbContextOptionsExtensionInfo other)
                => other.Extension.GetType() == Extension.GetType();

            public override void PopulateDebugInfo(IDictionary<string, string> debugInfo)
            {
            }
        }
    }

    private sealed class GeneratorFactory(NpgsqlQuerySqlGeneratorFactory inner, QuerySqlGeneratorDependencies dependencies)
        : IQuerySqlGeneratorFactory
    {
        public QuerySqlGenerator Create() => new Generator(dependencies, inner.Create());
    }

    private sealed class Generator(QuerySqlGeneratorDependencies dependencies, QuerySqlGenerator inner) : QuerySqlGenerator(dependencies)
    {
        public override IRelationalCommand GetCommand(Expression queryExpression)
        {
            var command = inner.GetCommand(queryExpression);
            if (queryExpression is SelectExpression select)
                Compiled[command.CommandText] = select;
            return command;
        }
    }
}
