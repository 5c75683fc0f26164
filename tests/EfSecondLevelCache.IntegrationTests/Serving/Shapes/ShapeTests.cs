using EfSecondLevelCache.IntegrationTests.Support;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Storage;

namespace EfSecondLevelCache.IntegrationTests.Serving.Shapes;

/// <summary>Every shape, by every way to configure a context.</summary>
public abstract class ShapeTests<TShapes>(ShapesDatabase database) : ServedQuerySpecification<ShapesContext, TShapes>, IClassFixture<ShapesDatabase>
    where TShapes : IServedQueries<ShapesContext>
{
    protected override WireTap Tap => database.Tap;

    protected virtual bool Retries => false;

    // Find, lazy and explicit loading offer no query to mark.
    protected override SecondLevelCache CreateCache()
        => new(cache => cache.CacheQueriesOf<Shelf>().CacheQueriesOf<Book>().CacheQueriesOf<Translation>());

    protected sealed override ShapesContext CreateContext(SecondLevelCache? cache)
        => cache is null ? new ShapesContext(Options().Options) : CreateCachedContext(cache);

    protected virtual ShapesContext CreateCachedContext(SecondLevelCache cache)
        => new(Options().AddSecondLevelCache(cache).Options);

    protected DbContextOptionsBuilder<ShapesContext> Options()
    {
        var options = new DbContextOptionsBuilder<ShapesContext>();
        ShapesDatabase.UseDatabase(options, Tap.ConnectionString, Retries);
        return options;
    }
}

public sealed class PlainContextShapeTests(ShapesDatabase database) : ShapeTests<ShapeTable>(database);

public sealed class CacheAllQueriesShapeTests(ShapesDatabase database) : ShapeTests<SomeShapes<CacheAllQueriesShapeTests>>(database)
{
    protected override Marking Cached => Marking.None;

    protected override SecondLevelCache CreateCache() => new(cache => cache.CacheAllQueries());
}

public sealed class RetryingShapeTests(ShapesDatabase database) : ShapeTests<SomeShapes<RetryingShapeTests>>(database)
{
    protected override bool Retries => true;
}

public sealed class OpenConnectionShapeTests(ShapesDatabase database) : ShapeTests<SomeShapes<OpenConnectionShapeTests>>(database)
{
    protected override ShapesContext CreateCachedContext(SecondLevelCache cache)
    {
        var db = base.CreateCachedContext(cache);
        db.Database.OpenConnection();
        return db;
    }
}

public sealed class PooledContextShapeTests(ShapesDatabase database) : ShapeTests<SomeShapes<PooledContextShapeTests>>(database)
{
    private PooledDbContextFactory<ShapesContext>? _contexts;

    protected override ShapesContext CreateCachedContext(SecondLevelCache cache)
        => (_contexts ??= new(Options().AddSecondLevelCache(cache).Options, poolSize: 2)).CreateDbContext();
}

public sealed class SelfConfiguredContextShapeTests(ShapesDatabase database) : ShapeTests<SomeShapes<SelfConfiguredContextShapeTests>>(database)
{
    protected override ShapesContext CreateCachedContext(SecondLevelCache cache) => new SelfConfigured(Tap.ConnectionString, cache);

    private sealed class SelfConfigured(string connectionString, SecondLevelCache cache)
        : ShapesContext(new DbContextOptions<SelfConfigured>())
    {
        // The cache before the provider: the order is free.
        protected override void OnConfiguring(DbContextOptionsBuilder optionsBuilder)
            => ShapesDatabase.UseDatabase(optionsBuilder.AddSecondLevelCache(cache), connectionString);
    }
}

/// <summary>Its commands do not come through the cache's own, so they are served by the interceptor.</summary>
public sealed class ReplacedCommandBuilderShapeTests(ShapesDatabase database) : ShapeTests<SomeShapes<ReplacedCommandBuilderShapeTests>>(database)
{
    protected override ShapesContext CreateCachedContext(SecondLevelCache cache)
        => new(Options().AddSecondLevelCache(cache).ReplaceService<IRelationalCommandBuilderFactory, OwnCommandBuilderFactory>().Options);

    private sealed class OwnCommandBuilderFactory(RelationalCommandBuilderDependencies dependencies)
        : RelationalCommandBuilderFactory(dependencies);
}

/// <summary>The shapes for one of the other configurations: a quarter of them, each configuration another one, as the plain context runs all.</summary>
/// <typeparam name="TConfiguration">The class of its tests.</typeparam>
public abstract class SomeShapes<TConfiguration> : IServedQueries<ShapesContext>
{
    public static IReadOnlyList<ServedQuery<ShapesContext>> All { get; } =
        [.. FullRun.Of(ShapeTable.All, oneIn: 4, from: typeof(TConfiguration).Name.Length)];
}
