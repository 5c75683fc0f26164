using EfSecondLevelCache.Backplanes.Postgres;
using EfSecondLevelCache.Invalidation.Sources;
using EfSecondLevelCache.Querying;
using EfSecondLevelCache.Querying.Planning;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Query;
using Microsoft.EntityFrameworkCore.Storage;
using Microsoft.EntityFrameworkCore.Update;
using Microsoft.EntityFrameworkCore.Update.Internal;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Npgsql.EntityFrameworkCore.PostgreSQL.Query.Internal;
using Npgsql.EntityFrameworkCore.PostgreSQL.Update.Internal;

namespace EfSecondLevelCache.Infrastructure;

/// <summary>
/// Carries the choice of a cache in a context's options and puts the cache's pieces among EF Core's services. The cache itself is not in EF
/// Core's service provider: contexts with different caches share one, or EF Core would build a provider for each.
/// </summary>
internal sealed class SecondLevelCacheOptionsExtension : IDbContextOptionsExtension
{
    private readonly SecondLevelCache? _instance;
    private readonly SecondLevelCacheOptions? _options;
    private SecondLevelCache? _resolved;

    /// <summary>The cache of the application's services, or the process's default one.</summary>
    public SecondLevelCacheOptionsExtension() => Info = new ExtensionInfo(this);

    public SecondLevelCacheOptionsExtension(SecondLevelCache instance)
        : this() => _instance = instance;

    public SecondLevelCacheOptionsExtension(SecondLevelCacheOptions options)
        : this() => _options = options;

    public DbContextOptionsExtensionInfo Info { get; }

    public SecondLevelCache CacheFor(IDbContextOptions options)
        => _resolved ??= _instance
            ?? (_options is null ? FromApplication(options) : null)
            ?? SharedCaches.Get(_options ?? new SecondLevelCacheOptions(), LoggersOf(options));

    public void ApplyServices(IServiceCollection services)
    {
        services.AddScoped<CacheSession>();
        services.AddScoped<ReadBacks>();
        services.AddSingleton<IRelationalCommandBuilderFactory, CachingCommandBuilderFactory>();
        services.AddScoped<IAsyncQueryProvider, CachingQueryProvider>();
        services.AddSingleton<IInterceptor, TransactionObserver>();
        services.AddSingleton<IInterceptor, CacheableRewriter>();
        // A user's replacement of the builder is applied after us; only then is the other door needed.
        services.AddSingleton<IInterceptor>(provider =>
            provider.GetRequiredService<IRelationalCommandBuilderFactory>() is CachingCommandBuilderFactory
                ? new NoInterceptor()
                : new QueryCacheInterceptor());
        Decorate<IQuerySqlGeneratorFactory, NpgsqlQuerySqlGeneratorFactory>(
            services,
            (provider, inner) => new PlanningSqlGeneratorFactory(
                inner,
                provider.GetRequiredService<QuerySqlGeneratorDependencies>(),
                provider.GetRequiredService<RelationalCommandBuilderDependencies>()));
        Replace<IModificationCommandFactory, NpgsqlModificationCommandFactory, ReadBackCommandFactory>(services);
        Replace<IUpdateSqlGenerator, NpgsqlUpdateSqlGenerator, ReadBackSqlGenerator>(services);
        Decorate<IBatchExecutor, BatchExecutor>(
            services,
            (provider, inner) =>
            {
                var session = provider.GetRequiredService<CacheSession>();
                return new ReadBackBatchExecutor(
                    new NotifyingBatchExecutor(new ObservingBatchExecutor(inner, session), session),
                    session,
                    provider.GetRequiredService<ReadBacks>());
            });
    }

    public void Validate(IDbContextOptions options)
    {
        var provider = options.Extensions.FirstOrDefault(extension => extension.Info.IsDatabaseProvider);
        if (provider is not null && provider.GetType().Assembly != typeof(NpgsqlDbContextOptionsBuilderExtensions).Assembly)
        {
            throw new InvalidOperationException(
                $"AddSecondLevelCache works with PostgreSQL only, and this context is configured with {provider.Info.LogFragment.Trim()} "
                + $"({provider.GetType().Assembly.GetName().Name}). Configure it with UseNpgsql(...), or remove AddSecondLevelCache().");
        }

        if (provider is null)
        {
            throw new InvalidOperationException(
                "AddSecondLevelCache needs a database provider: configure the context with UseNpgsql(...) before or after AddSecondLevelCache().");
        }
    }

    /// <summary>Whether another call configured the same; if not, what differs, in words.</summary>
    public bool IsSameAs(SecondLevelCacheOptionsExtension other)
        => ReferenceEquals(_instance, other._instance) && Equals(_options, other._options);

    public override string ToString()
        => _instance is not null ? "an instance made by hand" : _options is not null ? _options.ToString() : "the default cache";

    private static SecondLevelCache? FromApplication(IDbContextOptions options)
        => options.FindExtension<CoreOptionsExtension>()?.ApplicationServiceProvider?.GetService<SecondLevelCache>();

    private static ILoggerFactory? LoggersOf(IDbContextOptions options)
        => options.FindExtension<CoreOptionsExtension>() is { } core
            ? core.LoggerFactory ?? core.ApplicationServiceProvider?.GetService<ILoggerFactory>()
            : null;

    /// <summary>Puts a service in front of the one that is there, or of the provider's own where the provider comes after us.</summary>
    private static void Decorate<TService, TDefault>(
        IServiceCollection services, Func<IServiceProvider, TService, TService> decorate)
        where TService : class
    {
        var existing = services.LastOrDefault(descriptor => descriptor.ServiceType == typeof(TService));
        Func<IServiceProvider, TService> inner = existing switch
        {
            { ImplementationInstance: TService instance } => _ => instance,
            { ImplementationFactory: { } factory } => provider => (TService)factory(provider),
            { ImplementationType: { } type } => provider => (TService)ActivatorUtilities.CreateInstance(provider, type),
            _ => provider => (TService)ActivatorUtilities.CreateInstance(provider, typeof(TDefault)),
        };
        if (existing is not null)
            services.Remove(existing);
        // EF Core's own lifetimes: the generator factory is a singleton, the executor is scoped.
        var lifetime = existing?.Lifetime ?? (typeof(TService) == typeof(IBatchExecutor) ? ServiceLifetime.Scoped : ServiceLifetime.Singleton);
        services.Add(new ServiceDescriptor(typeof(TService), provider => decorate(provider, inner(provider)), lifetime));
    }

    /// <summary>Puts ours in the place of the provider's own; another one's stays.</summary>
    private static void Replace<TService, TDefault, TOurs>(IServiceCollection services)
        where TService : class
        where TOurs : class, TService
    {
        if (services.All(descriptor => descriptor.ServiceType != typeof(TService) || descriptor.ImplementationType == typeof(TDefault)))
            services.Replace(ServiceDescriptor.Singleton<TService, TOurs>());
    }

    private sealed class NoInterceptor : IInterceptor;

    private sealed class ExtensionInfo(SecondLevelCacheOptionsExtension extension) : DbContextOptionsExtensionInfo(extension)
    {
        public override bool IsDatabaseProvider => false;

        public override string LogFragment => "using SecondLevelCache ";

        public override int GetServiceProviderHashCode() => 0;

        public override bool ShouldUseSameServiceProvider(DbContextOptionsExtensionInfo other) => other is ExtensionInfo;

        public override void PopulateDebugInfo(IDictionary<string, string> debugInfo)
            => debugInfo["SecondLevelCache"] = Extension.ToString()!;
    }
}
