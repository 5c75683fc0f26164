using System.Linq.Expressions;
using EfSecondLevelCache.Planning;
using EfSecondLevelCache.Tests.Support;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Metadata;
using Microsoft.EntityFrameworkCore.Query;
using Microsoft.EntityFrameworkCore.Query.Internal;
using Microsoft.EntityFrameworkCore.Storage;
using Microsoft.EntityFrameworkCore.Update;
using Microsoft.Extensions.DependencyInjection;
using Npgsql.EntityFrameworkCore.PostgreSQL.Infrastructure.Internal;
using Npgsql.EntityFrameworkCore.PostgreSQL.Query.Internal;
using Npgsql.EntityFrameworkCore.PostgreSQL.Update.Internal;

namespace EfSecondLevelCache.Tests.Extensions;

/// <summary>Libraries and applications recognize EF Core's services, and replace them.</summary>
public sealed class ReplacedServiceTests
{
    [Fact]
    public void Every_service_is_what_it_is_without_the_cache_or_is_derived_from_it()
    {
        using var with = new ShopContext();
        using var without = ShopContext.WithoutCache();
        var services = new ServiceCollection().AddEntityFrameworkNpgsql()
            .Select(descriptor => descriptor.ServiceType)
            .Where(type => !type.IsGenericTypeDefinition && type != typeof(IInterceptor))
            .Distinct();
        var seen = 0;
        foreach (var service in services)
        {
            var plain = ServiceOf(without, service);
            Assert.True(plain is null || plain.GetType().IsInstanceOfType(ServiceOf(with, service)), $"{service.Name} is another one");
            seen++;
        }

        Assert.True(seen > 150, $"only {seen} services were seen");
        Assert.Same(typeof(EntityQueryProvider), with.Products.AsQueryable().Provider.GetType());
        Assert.Same(typeof(QueryCompiler), with.GetService<IQueryCompiler>().GetType());
        Assert.Same(typeof(NpgsqlQuerySqlGeneratorFactory), with.GetService<IQuerySqlGeneratorFactory>().GetType());
        Assert.Same(typeof(BatchExecutorOf).BaseType, with.GetService<IBatchExecutor>().GetType());

        static object? ServiceOf(DbContext context, Type type) => ((IInfrastructure<IServiceProvider>)context).Instance.GetService(type);
    }

    [Fact]
    public void A_service_that_the_application_replaces_is_replaced_wherever_the_cache_is_added()
    {
        AssertReplaced<IAsyncQueryProvider, EntityQueryProvider, OwnProvider>();
        AssertReplaced<IQueryCompiler, QueryCompiler, OwnCompiler>();
        AssertReplaced<IQueryContextFactory, RelationalQueryContextFactory, OwnContextFactory>();
        AssertReplaced<IQuerySqlGeneratorFactory, NpgsqlQuerySqlGeneratorFactory, OwnGeneratorFactory>();
        AssertReplaced<IRelationalCommandBuilderFactory, RelationalCommandBuilderFactory, OwnBuilderFactory>();
        AssertReplaced<IBatchExecutor, Microsoft.EntityFrameworkCore.Update.Internal.BatchExecutor, BatchExecutorOf>();
        AssertReplaced<IModificationCommandFactory, NpgsqlModificationCommandFactory, OwnModificationFactory>();
        AssertReplaced<IUpdateSqlGenerator, NpgsqlUpdateSqlGenerator, OwnUpdateGenerator>();
        AssertReplaced<IDatabase, RelationalDatabase, OwnDatabase>();
    }

    [Fact]
    public void A_mark_arrives_whoever_makes_the_query_contexts_and_compiles_the_queries()
    {
        AssertMarked(options => options.ReplaceService<IQueryContextFactory, OwnContextFactory>());
        AssertMarked(options => options.ReplaceService<IQueryCompiler, OwnCompiler>());
        AssertMarked(options => options.ReplaceService<IAsyncQueryProvider, OwnProvider>());

        static void AssertMarked(Action<DbContextOptionsBuilder> configure)
        {
            using var shop = new ShopContext(options =>
            {
                options.UseNpgsql(ShopContext.ConnectionString).AddSecondLevelCache();
                configure(options);
                Apart(options);
            });
            Assert.Equal(["x"], shop.Products.Cacheable(q => q.Tag("x")).Plan().Policy!.Tags);
            Assert.NotNull(shop.Products.Cacheable(q => q.VaryBy("x")).Plan().VaryByParameter);
        }
    }

    [Fact]
    public void Before_a_compiler_that_nothing_is_known_of_a_mark_is_a_tag_and_a_value_an_error()
    {
        using var shop = new ShopContext(options => Apart(options
            .UseNpgsql(ShopContext.ConnectionString).AddSecondLevelCache().ReplaceService<IQueryCompiler, WrappedCompiler>()));

        Assert.Equal(
            TimeSpan.FromMinutes(1),
            shop.Products.Cacheable(TimeSpan.FromMinutes(1)).Cacheable(TimeSpan.FromMinutes(2)).Cacheable(TimeSpan.FromMinutes(1))
                .Plan().Policy!.TimeToLive);
        var error = Assert.Throws<InvalidOperationException>(() => shop.Products.Cacheable(q => q.VaryBy("x")));
        Assert.Contains("IQueryCompiler", error.Message, StringComparison.Ordinal);
        Assert.Contains("VaryBy(context => ...)", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_mark_goes_through_a_provider_that_stands_in_front_of_EF_Core_s()
    {
        using var shop = new ShopContext();
        var wrapped = new WrappedQuery<Product>(shop.Products, new WrappedProvider((EntityQueryProvider)shop.Products.AsQueryable().Provider));

        var tagged = wrapped.Cacheable(q => q.Tag("x")).Where(p => p.Id == 1);
        Assert.Equal(["x"], PlanOf(tagged).Policy!.Tags);
        Assert.NotNull(PlanOf(wrapped.Cacheable(q => q.VaryBy("x"))).VaryByParameter);
        Assert.Equal(QueryCachePolicy.None, PlanOf(wrapped.NotCacheable()).Policy);
        using var without = ShopContext.WithoutCache();
        var other = new WrappedQuery<Product>(without.Products, new WrappedProvider((EntityQueryProvider)without.Products.AsQueryable().Provider));
        Assert.Same(other, other.Cacheable(q => q.VaryBy("x")));

        QueryPlan PlanOf(IQueryable<Product> query) => shop.Products.AsQueryable().Provider.CreateQuery<Product>(query.Expression).Plan();
    }

    [Fact]
    public void A_mark_stays_with_a_rewritten_query_and_goes_with_its_root()
    {
        using var shop = new ShopContext();
        var marked = shop.Products.Where(p => p.Id == 1).Cacheable(q => q.VaryBy("x")).Expression;

        Assert.Equal(ExpressionType.Extension, new Replacing(typeof(int), Expression.Constant(2)).Visit(marked).NodeType);
        var elsewhere = new Replacing(typeof(IQueryable<Product>), Expression.Constant(Array.Empty<Product>().AsQueryable())).Visit(marked);
        Assert.Equal(ExpressionType.Call, elsewhere.NodeType);
        Assert.Equal(nameof(Queryable.Where), ((MethodCallExpression)elsewhere).Method.Name);
    }

    [Fact]
    public void A_mark_reduces_to_a_call_that_does_what_it_says()
    {
        using var shop = new ShopContext();
        foreach (var marked in (IQueryable<Product>[])[
            shop.Products.Cacheable(q => q.Tag("x")), shop.Products.Cacheable(q => q.Tag("x").VaryBy("y"))])
        {
            Assert.True(marked.Expression.CanReduce);
            var call = (MethodCallExpression)marked.Expression.ReduceAndCheck();
            var executable = Expression.Call(
                call.Method, [Expression.Constant(shop.Products, typeof(IQueryable<Product>)), .. call.Arguments.Skip(1)]);
            var again = Expression.Lambda<Func<IQueryable<Product>>>(executable).Compile()();
            Assert.Equal(["x"], again.Plan().Policy!.Tags);
            Assert.Equal(marked.Plan().VaryByParameter, again.Plan().VaryByParameter);
        }
    }

    [Fact]
    public void A_compiled_query_that_a_marked_query_is_part_of_takes_its_policy()
    {
        var server = new NoServer();
        using var shop = ShopContext.With(_ => { }, server);
        var marked = shop.Products.Cacheable(q => q.Tag("x"));
        var varied = shop.Products.Cacheable(q => q.VaryBy("x"));

        _ = EF.CompileQuery((ShopContext _, int id) => marked.Where(p => p.Id == id))(shop, 1).ToList();
        Assert.Equal(["x"], server.Plan.Policy!.Tags);
        var error = Assert.Throws<InvalidOperationException>(
            () => EF.CompileQuery((ShopContext _, int id) => varied.Where(p => p.Id == id))(shop, 1).ToList());
        Assert.Contains("VaryBy is not available inside of EF.CompileQuery", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ExecuteUpdate_and_ExecuteDelete_of_a_marked_query_write_what_they_write_without_the_mark()
    {
        var statements = new List<string>();
        using var shop = new ShopContext(options => options.UseNpgsql(ShopContext.ConnectionString).AddSecondLevelCache()
            .AddInterceptors(new NoServer(), new NoWrites(statements)));
        foreach (var products in (IQueryable<Product>[])[shop.Products, shop.Products.Cacheable(), shop.Products.Cacheable(q => q.VaryBy("x"))])
        {
            products.Where(p => p.Id == 1).ExecuteDelete();
            products.Where(p => p.Id == 1).ExecuteUpdate(set => set.SetProperty(p => p.Name, "x"));
        }

        Assert.Equal(6, statements.Count);
        Assert.Equal(2, statements.Distinct().Count());
    }

    /// <summary>EF Core counts the internal service providers that it keeps, and refuses to go on after 20.</summary>
    private static void Apart(DbContextOptionsBuilder options) => options.EnableServiceProviderCaching(false);

    private static void AssertReplaced<TService, TCurrent, TOwn>()
        where TService : class
        where TCurrent : class, TService
        where TOwn : class, TService
    {
        Action<DbContextOptionsBuilder> cache = options => options.AddSecondLevelCache();
        Action<DbContextOptionsBuilder> provider = options => options.UseNpgsql(ShopContext.ConnectionString);
        foreach (var replace in (Action<DbContextOptionsBuilder>[])[
            options => options.ReplaceService<TService, TOwn>(), options => options.ReplaceService<TService, TCurrent, TOwn>()])
        {
            foreach (var steps in (Action<DbContextOptionsBuilder>[][])[
                [provider, cache, replace], [provider, replace, cache], [cache, provider, replace], [replace, cache, provider]])
            {
                using var shop = new ShopContext(options => Array.ForEach([.. steps, Apart], step => step(options)));
                Assert.IsType<TOwn>(shop.GetService<TService>());
                Assert.NotNull(shop.Products.Where(p => p.Id == 1).ToQueryString());
            }
        }
    }

    private sealed class OwnProvider(IQueryCompiler compiler) : EntityQueryProvider(compiler);

    private sealed class OwnCompiler(
        IQueryContextFactory factory,
        ICompiledQueryCache cache,
        ICompiledQueryCacheKeyGenerator keys,
        IDatabase database,
        IDiagnosticsLogger<DbLoggerCategory.Query> logger,
        ICurrentDbContext context,
        IEvaluatableExpressionFilter filter,
        IModel model) : QueryCompiler(factory, cache, keys, database, logger, context, filter, model);

    /// <summary>No kind of EF Core's.</summary>
    private sealed class WrappedCompiler(
        IQueryContextFactory factory,
        ICompiledQueryCache cache,
        ICompiledQueryCacheKeyGenerator keys,
        IDatabase database,
        IDiagnosticsLogger<DbLoggerCategory.Query> logger,
        ICurrentDbContext context,
        IEvaluatableExpressionFilter filter,
        IModel model) : IQueryCompiler
    {
        private readonly QueryCompiler _inner = new(factory, cache, keys, database, logger, context, filter, model);

        public TResult Execute<TResult>(Expression query) => _inner.Execute<TResult>(query);

        public TResult ExecuteAsync<TResult>(Expression query, CancellationToken cancellationToken)
            => _inner.ExecuteAsync<TResult>(query, cancellationToken);

        public Func<QueryContext, TResult> CreateCompiledQuery<TResult>(Expression query) => _inner.CreateCompiledQuery<TResult>(query);

        public Func<QueryContext, TResult> CreateCompiledAsyncQuery<TResult>(Expression query) => _inner.CreateCompiledAsyncQuery<TResult>(query);

#pragma warning disable EF9100
        public Expression<Func<QueryContext, TResult>> PrecompileQuery<TResult>(Expression query, bool async)
            => _inner.PrecompileQuery<TResult>(query, async);
#pragma warning restore EF9100
    }

    private sealed class OwnContextFactory(QueryContextDependencies dependencies, RelationalQueryContextDependencies relational)
        : RelationalQueryContextFactory(dependencies, relational);

    private sealed class OwnGeneratorFactory(
        QuerySqlGeneratorDependencies dependencies, IRelationalTypeMappingSource types, INpgsqlSingletonOptions options)
        : NpgsqlQuerySqlGeneratorFactory(dependencies, types, options);

    private sealed class OwnBuilderFactory(RelationalCommandBuilderDependencies dependencies) : RelationalCommandBuilderFactory(dependencies);

    private sealed class BatchExecutorOf(ICurrentDbContext context, IDiagnosticsLogger<DbLoggerCategory.Update> logger)
        : Microsoft.EntityFrameworkCore.Update.Internal.BatchExecutor(context, logger);

    private sealed class OwnModificationFactory : NpgsqlModificationCommandFactory;

    private sealed class OwnUpdateGenerator(UpdateSqlGeneratorDependencies dependencies) : NpgsqlUpdateSqlGenerator(dependencies);

    private sealed class OwnDatabase(DatabaseDependencies dependencies, RelationalDatabaseDependencies relational)
        : RelationalDatabase(dependencies, relational);

    private sealed class WrappedProvider(EntityQueryProvider inner) : IQueryProvider
    {
        public IQueryable CreateQuery(Expression expression) => throw new NotSupportedException();

        public IQueryable<T> CreateQuery<T>(Expression expression)
            => new WrappedQuery<T>(inner.CreateQuery<T>(new Replacing(typeof(void), Expression.Empty()).Visit(expression)), this);

        public object Execute(Expression expression) => inner.Execute(expression);

        public T Execute<T>(Expression expression) => inner.Execute<T>(expression);
    }

    private sealed class WrappedQuery<T>(IQueryable<T> inner, WrappedProvider provider) : IQueryable<T>
    {
        public Type ElementType => typeof(T);

        public Expression Expression => inner.Expression;

        public IQueryProvider Provider => provider;

        public IEnumerator<T> GetEnumerator() => inner.GetEnumerator();

        System.Collections.IEnumerator System.Collections.IEnumerable.GetEnumerator() => inner.GetEnumerator();
    }

    private sealed class Replacing(Type type, Expression replacement) : ExpressionVisitor
    {
        protected override Expression VisitConstant(ConstantExpression node) => node.Type == type ? replacement : node;

        protected override Expression VisitExtension(Expression node)
            => node is QueryRootExpression && node.Type == type ? replacement : base.VisitExtension(node);
    }

    private sealed class NoWrites(List<string> statements) : DbCommandInterceptor
    {
        public override InterceptionResult<int> NonQueryExecuting(
            System.Data.Common.DbCommand command, CommandEventData eventData, InterceptionResult<int> result)
        {
            statements.Add(command.CommandText);
            return InterceptionResult<int>.SuppressWithResult(1);
        }
    }
}
