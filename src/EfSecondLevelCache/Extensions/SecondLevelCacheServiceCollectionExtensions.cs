using EfSecondLevelCache;
using Microsoft.Extensions.DependencyInjection.Extensions;

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
    public static IServiceCollection AddSecondLevelCache(
        this IServiceCollection services, Action<SecondLevelCacheOptionsBuilder>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        // Built now, so that a wrong setting fails at start and not with the first query.
        var options = SecondLevelCacheOptionsBuilder.Build(configure);
        services.TryAddSingleton(_ => new SecondLevelCache(options));
        return services;
    }
}
