using EfSecondLevelCache;
using EfSecondLevelCache.EntityFramework;
using Microsoft.EntityFrameworkCore.Infrastructure;

// The namespace of EF Core's own UseX methods, so that a user's file needs no new using.
#pragma warning disable IDE0130
namespace Microsoft.EntityFrameworkCore;

/// <summary>Adds a second-level cache to a context.</summary>
public static class SecondLevelCacheDbContextOptionsBuilderExtensions
{
    /// <summary>
    /// Adds a second-level cache: the one of the application's services, where <c>services.AddSecondLevelCache()</c> registered one,
    /// else one with default settings that the process shares.
    /// </summary>
    /// <param name="optionsBuilder">A builder that also has <c>UseNpgsql</c>, before or after.</param>
    /// <exception cref="InvalidOperationException">Another cache is already configured on this builder.</exception>
    public static DbContextOptionsBuilder AddSecondLevelCache(this DbContextOptionsBuilder optionsBuilder)
        => Add(optionsBuilder, new SecondLevelCacheOptionsExtension());

    /// <summary>Adds a second-level cache with these settings. Contexts with equal settings share one cache in the process.</summary>
    /// <param name="optionsBuilder">A builder that also has <c>UseNpgsql</c>, before or after.</param>
    /// <param name="configure">The settings.</param>
    /// <exception cref="ArgumentException">A setting is out of its range; the message names it, its value and the way out.</exception>
    /// <exception cref="InvalidOperationException">Another cache is already configured on this builder.</exception>
    public static DbContextOptionsBuilder AddSecondLevelCache(
        this DbContextOptionsBuilder optionsBuilder, Action<SecondLevelCacheOptionsBuilder> configure)
    {
        ArgumentNullException.ThrowIfNull(configure);
        return Add(optionsBuilder, new SecondLevelCacheOptionsExtension(SecondLevelCacheOptionsBuilder.Build(configure)));
    }

    /// <summary>Adds a second-level cache that was made by hand.</summary>
    /// <param name="optionsBuilder">A builder that also has <c>UseNpgsql</c>, before or after.</param>
    /// <param name="cache">The cache; whoever made it disposes it.</param>
    /// <exception cref="InvalidOperationException">Another cache is already configured on this builder.</exception>
    public static DbContextOptionsBuilder AddSecondLevelCache(this DbContextOptionsBuilder optionsBuilder, SecondLevelCache cache)
    {
        ArgumentNullException.ThrowIfNull(cache);
        return Add(optionsBuilder, new SecondLevelCacheOptionsExtension(cache));
    }

    /// <inheritdoc cref="AddSecondLevelCache(DbContextOptionsBuilder)"/>
    public static DbContextOptionsBuilder<TContext> AddSecondLevelCache<TContext>(this DbContextOptionsBuilder<TContext> optionsBuilder)
        where TContext : DbContext
        => (DbContextOptionsBuilder<TContext>)AddSecondLevelCache((DbContextOptionsBuilder)optionsBuilder);

    /// <inheritdoc cref="AddSecondLevelCache(DbContextOptionsBuilder, Action{SecondLevelCacheOptionsBuilder})"/>
    public static DbContextOptionsBuilder<TContext> AddSecondLevelCache<TContext>(
        this DbContextOptionsBuilder<TContext> optionsBuilder, Action<SecondLevelCacheOptionsBuilder> configure)
        where TContext : DbContext
        => (DbContextOptionsBuilder<TContext>)AddSecondLevelCache((DbContextOptionsBuilder)optionsBuilder, configure);

    /// <inheritdoc cref="AddSecondLevelCache(DbContextOptionsBuilder, SecondLevelCache)"/>
    public static DbContextOptionsBuilder<TContext> AddSecondLevelCache<TContext>(
        this DbContextOptionsBuilder<TContext> optionsBuilder, SecondLevelCache cache)
        where TContext : DbContext
        => (DbContextOptionsBuilder<TContext>)AddSecondLevelCache((DbContextOptionsBuilder)optionsBuilder, cache);

    private static DbContextOptionsBuilder Add(DbContextOptionsBuilder optionsBuilder, SecondLevelCacheOptionsExtension extension)
    {
        ArgumentNullException.ThrowIfNull(optionsBuilder);
        if (optionsBuilder.Options.FindExtension<SecondLevelCacheOptionsExtension>() is { } existing && !existing.IsSameAs(extension))
        {
            throw new InvalidOperationException(
                $"AddSecondLevelCache was called twice with different settings: first {existing}, then {extension}. Call it once.");
        }

        ((IDbContextOptionsBuilderInfrastructure)optionsBuilder).AddOrUpdateExtension(extension);
        return optionsBuilder;
    }
}
