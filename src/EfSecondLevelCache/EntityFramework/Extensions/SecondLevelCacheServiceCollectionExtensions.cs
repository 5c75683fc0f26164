using EfSecondLevelCache;
using Microsoft.Extensions.Logging;

#pragma warning disable IDE0130
namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers a second-level cache with an application's services.</summary>
public static class SecondLevelCacheServiceCollectionExtensions
{
    /// <summary>
    /// Registers a <see cref="SecondLevelCache"/> as a singleton, which <c>options.AddSecondLevelCache()</c> in <c>AddDbContext</c> picks up.
    /// </summary>
    /// <param name="services">The application's services.</param>
    /// <param name="configure">Its settings; null for the defaults.</param>
    /// <exception cref="ArgumentException">A setting is out of its range; the message names it, its value and the way out.</exception>
    /// <exception cref="InvalidOperationException">A cache with other settings is already registered.</exception>
    public static IServiceCollection AddSecondLevelCache(
        this IServiceCollection services, Action<SecondLevelCacheOptionsBuilder>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        // Built now, so that a wrong setting fails at start and not with the first query.
        var options = SecondLevelCacheOptionsBuilder.Build(configure);
        var registered = services.LastOrDefault(service => service.ServiceType == typeof(SecondLevelCache) && !service.IsKeyedService);
        if (registered is null)
            return services.AddSingleton(new Registration(options).Create);
        var first = (registered.ImplementationInstance as SecondLevelCache)?.Options
            ?? (registered.ImplementationFactory?.Target as Registration)?.Options;
        return options.Equals(first)
            ? services
            : throw new InvalidOperationException(
                "services.AddSecondLevelCache was called where a cache with other settings is registered: "
                + $"first {first?.ToString() ?? "one of a factory"}, then {options}. "
                + "Call it once; a context that needs settings of its own takes them in its options: AddSecondLevelCache(cache => ...).");
    }

    /// <summary>The settings stand beside the factory, for the next call to compare.</summary>
    private sealed record Registration(SecondLevelCacheOptions Options)
    {
        public SecondLevelCache Create(IServiceProvider services) => new(Options, services.GetService<ILoggerFactory>());
    }
}
