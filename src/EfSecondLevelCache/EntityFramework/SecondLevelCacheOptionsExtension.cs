using EfSecondLevelCache.EntityFramework.Queries;
using EfSecondLevelCache.EntityFramework.Writes;
using EfSecondLevelCache.Session;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Query;
using Microsoft.EntityFrameworkCore.Query.Internal;
using Microsoft.EntityFrameworkCore.Storage;
using Microsoft.EntityFrameworkCore.Update;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Npgsql.EntityFrameworkCore.PostgreSQL.Update.Internal;

#pragma warning disable EF9100


namespace EfSecondLevelCache.EntityFramework;

/// <summary>
/// Carries the choice of a cache in a context's options and puts the cache's pieces among EF Core's services. The cache itself is not in EF
/// Core's service provider: contexts with different caches share one, or EF Core would build a provider for each.
/// </summary>
internal sealed class SecondLevelCacheOptionsExtension : IDbContextOptionsExtension, ISessionCacheProvider
{
    private readonly SecondLevelCache? _instance;
    private readonly SecondLevelCacheOptions? _options;
    private SecondLevelCache? _resolved;

    /// <summary>What ReplaceService says, for all implementations of a service (null) or for one; EF Core validates before it applies.</summary>
    private IReadOnlyDictionary<(Type Service, Type? Implementation), Type>? _replacedServices;

    /// <summary>The cache of the application's services, or the process's default one.</summary>
    public SecondLevelCacheOptionsExtension() => Info = new ExtensionInfo(this);

    public SecondLevelCacheOptionsExtension(SecondLevelCache instance)
        : this() => _instance = instance;

    public SecondLevelCacheOptionsExtension(SecondLevelCacheOptions options)
        : this() => _options = options;

    public DbContextOptionsExtensionInfo Info { get; }

    public SecondLevelCache CacheFor(IDbContextOptions options)
        => _resolved is { IsDisposed: false } resolved ? resolved : _resolved = Resolve(options);

    ISessionCache ISessionCacheProvider.CacheFor(IDbContextOptions options) => CacheFor(options);

    /// <summary>Null: the context has none.</summary>
    public static SecondLevelCache? CacheOf(DbContext context)
    {
        var options = context.GetService<IDbContextOptions>();
        return options.FindExtension<SecondLevelCacheOptionsExtension>()?.CacheFor(options);
    }

    /// <remarks>
    /// Libraries recognize EF Core's services by their types. So ours are derived from EF Core's and Npgsql's, and what can be put in front of a
    /// service where it is used leaves the service itself alone.
    /// </remarks>
    public void ApplyServices(IServiceCollection services)
    {
        services.AddScoped<CacheSession>();
        AddObservers(services);
        if (Parts.FastDoor)
            Replace<IRelationalCommandBuilderFactory, RelationalCommandBuilderFactory, CachingCommandBuilderFactory>(services, ServiceLifetime.Singleton);
        // Without our builder, the application's own needs the other door.
        services.AddSingleton<IInterceptor>(provider =>
            provider.GetRequiredService<IRelationalCommandBuilderFactory>() is CachingCommandBuilderFactory
                ? new NoInterceptor()
                : new QueryCacheInterceptor());
        if (!Parts.Plans)
            return;
        services.AddSingleton<IInterceptor, CacheableRewriter>();
        Replace<IQueryContextFactory, RelationalQueryContextFactory, CachedQueryContextFactory>(services, ServiceLifetime.Scoped);
        Replace<ILiftableConstantProcessor, RelationalLiftableConstantProcessor, PlanningConstantProcessor>(services, ServiceLifetime.Scoped);
    }

    public void Validate(IDbContextOptions options)
    {
        _replacedServices = options.FindExtension<CoreOptionsExtension>()?.ReplacedServices;
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

    private SecondLevelCache Resolve(IDbContextOptions options)
    {
        var loggers = LoggersOf(options);
        Parts.TellOfSwitchedOff(loggers);
        return _instance
            ?? (_options is null ? FromApplication(options) : null)
            ?? SharedCaches.Get(_options ?? new SecondLevelCacheOptions(), loggers);
    }

    private static SecondLevelCache? FromApplication(IDbContextOptions options)
        => options.FindExtension<CoreOptionsExtension>()?.ApplicationServiceProvider?.GetService<SecondLevelCache>();

    private static ILoggerFactory? LoggersOf(IDbContextOptions options)
        => options.FindExtension<CoreOptionsExtension>() is { } core
            ? core.LoggerFactory ?? core.ApplicationServiceProvider?.GetService<ILoggerFactory>()
            : null;

    private void AddObservers(IServiceCollection services)
    {
        services.AddScoped<ReadBacks>();
        services.AddSingleton<IInterceptor, TransactionObserver>();
        if (Parts.SaveChanges)
            Replace<IDatabase, RelationalDatabase, ObservedDatabase>(services, ServiceLifetime.Scoped);
        if (!Parts.ReadBack)
            return;
        Replace<IModificationCommandFactory, NpgsqlModificationCommandFactory, ReadBackCommandFactory>(services, ServiceLifetime.Singleton);
        Replace<IUpdateSqlGenerator, NpgsqlUpdateSqlGenerator, ReadBackSqlGenerator>(services, ServiceLifetime.Singleton);
    }

    /// <summary>Puts ours in the place of EF Core's or the provider's own; another one's stays, and that which the application replaces.</summary>
    private void Replace<TService, TDefault, TOurs>(IServiceCollection services, ServiceLifetime lifetime)
        where TService : class
        where TOurs : class, TDefault, TService
        where TDefault : class
    {
        if (_replacedServices?.ContainsKey((typeof(TService), typeof(TDefault))) != true
            && services.All(descriptor => descriptor.ServiceType != typeof(TService) || descriptor.ImplementationType == typeof(TDefault)))
        {
            services.Replace(new ServiceDescriptor(typeof(TService), typeof(TOurs), lifetime));
        }
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
