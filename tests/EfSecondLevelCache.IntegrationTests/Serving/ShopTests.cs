using EfSecondLevelCache.IntegrationTests.Support;
using Microsoft.EntityFrameworkCore;

namespace EfSecondLevelCache.IntegrationTests.Serving;

/// <summary>What tests of the shop share: contexts, and where a result came from.</summary>
public abstract class ShopTests(ShopDatabase database) : IClassFixture<ShopDatabase>
{
    protected ShopDatabase Database => database;

    protected WireTap Tap => database.Tap;

    /// <param name="cache">Null: a context without the cache.</param>
    /// <param name="configure">Further options.</param>
    /// <param name="connectionString">Null: the database of this class, through the tap.</param>
    /// <param name="tenant">For tests that vary by it.</param>
    protected ShopContext Open(
        SecondLevelCache? cache, Action<DbContextOptionsBuilder>? configure = null, string? connectionString = null, string? tenant = null)
    {
        var options = new DbContextOptionsBuilder<ShopContext>().UseNpgsql(connectionString ?? Tap.ConnectionString);
        if (cache is not null)
            options.AddSecondLevelCache(cache);
        configure?.Invoke(options);
        return new ShopContext(options.Options) { Tenant = tenant };
    }

    /// <summary>Executes a query in a new context and says that the database saw nothing of it.</summary>
    protected async Task<T> HitAsync<T>(SecondLevelCache cache, Func<ShopContext, Task<T>> query)
    {
        await using var db = Open(cache);
        return await HitAsync(() => query(db));
    }

    protected async Task<T> HitAsync<T>(Func<Task<T>> query)
    {
        T result = default!;
        Assert.Empty(await Tap.DuringAsync(async () => result = await query()));
        return result;
    }

    /// <summary>Executes a query in a new context and says that the database saw it.</summary>
    protected async Task<T> MissAsync<T>(SecondLevelCache cache, Func<ShopContext, Task<T>> query)
    {
        await using var db = Open(cache);
        return await MissAsync(() => query(db));
    }

    protected async Task<T> MissAsync<T>(Func<Task<T>> query)
    {
        T result = default!;
        Assert.NotEmpty(await Tap.DuringAsync(async () => result = await query()));
        return result;
    }
}
