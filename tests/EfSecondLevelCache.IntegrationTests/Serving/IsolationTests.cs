using System.Data.Common;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Npgsql;

namespace EfSecondLevelCache.IntegrationTests.Serving;

/// <summary>Who may see the same rows, and who may not.</summary>
public sealed class IsolationTests(ShopDatabase database) : ShopTests(database)
{
    [Fact]
    public async Task Two_databases_share_nothing()
    {
        await using var other = await Database.CreateAnotherAsync();
        await other.ExecuteAsync("""DELETE FROM orders""");
        await using var cache = new SecondLevelCache();

        Assert.Equal(20, await MissAsync(cache, db => db.Orders.Cacheable().CountAsync()));
        await using (var db = Open(cache, connectionString: other.Tap.ConnectionString))
            Assert.Equal(0, await db.Orders.Cacheable().CountAsync());
        Assert.Equal(20, await HitAsync(cache, db => db.Orders.Cacheable().CountAsync()));

        // Nor does a change of the one concern the other.
        await using (var db = Open(cache, connectionString: other.Tap.ConnectionString))
        {
            db.Add(new Order { ProductId = 1 });
            await db.SaveChangesAsync();
            Assert.Equal(1, await db.Orders.Cacheable().CountAsync());
        }

        Assert.Equal(20, await HitAsync(cache, db => db.Orders.Cacheable().CountAsync()));
    }

    [Fact]
    public async Task Two_users_share_nothing()
    {
        var name = $"efslc_reader_{Guid.NewGuid():N}";
        try
        {
            await Database.ExecuteAsync($"CREATE ROLE {name} LOGIN PASSWORD 'secret'; GRANT SELECT ON products TO {name}");
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.InsufficientPrivilege)
        {
            Assert.Skip("The user of the tests may not create roles.");
        }

        try
        {
            await using var cache = new SecondLevelCache();
            var asReader = $"{Tap.ConnectionString};Username={name};Password=secret";
            await MissAsync(cache, db => db.Products.Cacheable().CountAsync());
            await MissAsync(cache, db => db.Orders.Cacheable().CountAsync());

            await using var reader = Open(cache, connectionString: asReader);
            await MissAsync(() => reader.Products.Cacheable().CountAsync());
            await HitAsync(() => reader.Products.Cacheable().CountAsync());
            var e = await Assert.ThrowsAsync<PostgresException>(() => reader.Orders.Cacheable().CountAsync());
            Assert.Equal(PostgresErrorCodes.InsufficientPrivilege, e.SqlState);

            // A change by the one is seen by the other.
            await using (var writer = Open(cache))
                await writer.Products.Where(p => p.Id == 1).ExecuteUpdateAsync(s => s.SetProperty(p => p.Price, 1));
            await MissAsync(() => reader.Products.Cacheable().CountAsync());
        }
        finally
        {
            await Database.ExecuteAsync($"DROP OWNED BY {name}; DROP ROLE {name}");
        }
    }

    [Theory]
    [InlineData("Search Path")]
    [InlineData("Options")]
    public async Task Two_search_paths_share_nothing(string keyword)
    {
        await Database.ExecuteAsync(
            """
            CREATE SCHEMA IF NOT EXISTS north; CREATE SCHEMA IF NOT EXISTS south;
            DROP TABLE IF EXISTS north.stock, south.stock;
            CREATE TABLE north.stock AS SELECT 1 AS "Value"; CREATE TABLE south.stock AS SELECT 2 AS "Value";
            """);
        await using var cache = new SecondLevelCache();
        foreach (var (schema, value) in ((string, int)[])[("north", 1), ("south", 2), ("north", 1)])
        {
            var connectionString = $"{Tap.ConnectionString};{keyword}={(keyword == "Options" ? $"-csearch_path={schema}" : schema)}";
            await using var db = Open(cache, connectionString: connectionString);
            Assert.Equal(value, await db.Database.SqlQuery<int>($"""SELECT "Value" FROM stock""").Cacheable().SingleAsync());
        }
    }

    [Fact]
    public async Task Two_application_names_share_nothing()
    {
        await Database.ExecuteAsync("""CREATE OR REPLACE VIEW caller AS SELECT current_setting('application_name') AS "Value" """);
        await using var cache = new SecondLevelCache();
        foreach (var name in (string[])["north", "south", "north"])
        {
            await using var db = Open(cache, connectionString: $"{Tap.ConnectionString};Application Name={name}");
            Assert.Equal(name, await db.Database.SqlQuery<string>($"""SELECT "Value" FROM caller""").Cacheable().SingleAsync());
        }
    }

    [Fact]
    public async Task A_session_that_outlives_its_user_is_not_served_what_another_one_read()
    {
        await using var cache = new SecondLevelCache();
        (FormattableString, string)[] settings = [($"SET timezone = 'Asia/Tokyo'", "09:00:00"), ($"SET timezone = 'UTC'", "00:00:00")];
        foreach (var (set, time) in settings)
        {
            await using var db = Open(cache, connectionString: $"{Tap.ConnectionString};No Reset On Close=true;Maximum Pool Size=1");
            await db.Database.OpenConnectionAsync();
            await db.Database.ExecuteSqlAsync(set);
            await db.Database.CloseConnectionAsync();
            Assert.Equal(
                time,
                await db.Database.SqlQuery<string>($"""SELECT '1970-01-01 00:00Z'::timestamptz::time::text AS "Value" """).Cacheable().SingleAsync());
        }
    }

    [Fact]
    public async Task Contexts_of_different_types_share_nothing()
    {
        await using var cache = new SecondLevelCache();
        await MissAsync(cache, db => db.Products.Cacheable().CountAsync());
        await using var other = new OtherContext(
            new DbContextOptionsBuilder<OtherContext>().UseNpgsql(Tap.ConnectionString).AddSecondLevelCache(cache).Options);
        await MissAsync(() => other.Products.Cacheable().CountAsync());
    }

    [Fact]
    public async Task A_change_through_a_context_of_another_type_is_seen()
    {
        await using var cache = new SecondLevelCache();
        await MissAsync(cache, db => db.Orders.Cacheable().SumAsync(o => o.Quantity));
        await using var other = new OtherContext(
            new DbContextOptionsBuilder<OtherContext>().UseNpgsql(Tap.ConnectionString).AddSecondLevelCache(cache).Options);
        await other.Orders.Where(o => o.Id == 1).ExecuteUpdateAsync(s => s.SetProperty(o => o.Quantity, o => o.Quantity + 1));
        await MissAsync(cache, db => db.Orders.Cacheable().SumAsync(o => o.Quantity));
    }

    [Fact]
    public async Task A_connection_interceptor_makes_the_session_unknown()
    {
        await using var cache = new SecondLevelCache();
        for (var i = 0; i < 2; i++)
        {
            await using var db = Open(cache, o => o.AddInterceptors(TenantSetting.Instance));
            await MissAsync(() => db.Products.Cacheable().CountAsync());
        }

        Assert.Equal(2, cache.Statistics.RefusalsByReason[RefusalReason.SessionStateUnknown]);
    }

    [Fact]
    public async Task A_connection_interceptor_does_no_harm_where_the_key_varies_or_sessions_are_uniform()
    {
        await using var varied = new SecondLevelCache(c => c.VaryBy(_ => "tenant"));
        await using var uniform = new SecondLevelCache(c => c.UniformSessions());
        foreach (var cache in (SecondLevelCache[])[varied, uniform])
        {
            await using var db = Open(cache, o => o.AddInterceptors(TenantSetting.Instance));
            await MissAsync(() => db.Products.Cacheable().CountAsync());
            await HitAsync(() => db.Products.Cacheable().CountAsync());
        }
    }

    [Fact]
    public async Task A_data_source_s_initializer_makes_the_session_unknown()
    {
        await using var cache = new SecondLevelCache();
        await using var plain = NpgsqlDataSource.Create(Tap.ConnectionString);
        var builder = new NpgsqlDataSourceBuilder(Tap.ConnectionString);
        builder.UsePhysicalConnectionInitializer(_ => { }, _ => Task.CompletedTask);
        await using var initialized = builder.Build();

        await using var over = new ShopContext(new DbContextOptionsBuilder().UseNpgsql(plain).AddSecondLevelCache(cache).Options);
        await MissAsync(() => over.Products.Cacheable().CountAsync());
        await HitAsync(() => over.Products.Cacheable().CountAsync());

        await using var unknown = new ShopContext(new DbContextOptionsBuilder().UseNpgsql(initialized).AddSecondLevelCache(cache).Options);
        await MissAsync(() => unknown.Products.Cacheable().CountAsync());
        await MissAsync(() => unknown.Products.Cacheable().CountAsync());
        Assert.Equal(2, cache.Statistics.RefusalsByReason[RefusalReason.SessionStateUnknown]);
    }

    [Fact]
    public async Task A_context_that_goes_to_another_database_takes_nothing_along()
    {
        await using var other = await Database.CreateAnotherAsync();
        await other.ExecuteAsync("DELETE FROM orders");
        await using var cache = new SecondLevelCache();
        await using var db = Open(cache);
        Assert.NotEqual(0, await db.Orders.Cacheable().CountAsync());
        db.Database.SetConnectionString(other.Tap.ConnectionString);
        Assert.Equal(0, await db.Orders.Cacheable().CountAsync());
        db.Database.SetConnectionString(Tap.ConnectionString);
        Assert.NotEqual(0, await HitAsync(() => db.Orders.Cacheable().CountAsync()));
    }

    [Fact]
    public async Task A_connection_that_may_reach_a_standby_is_not_cached()
    {
        await using var cache = new SecondLevelCache();
        var tap = new NpgsqlConnectionStringBuilder(Tap.ConnectionString);
        tap.Host = $"{tap.Host}:{tap.Port},{tap.Host}:{tap.Port}";
        for (var i = 0; i < 2; i++)
        {
            await using var db = Open(cache, connectionString: tap.ConnectionString);
            await MissAsync(() => db.Products.Cacheable().CountAsync());
        }

        Assert.Equal(2, cache.Statistics.RefusalsByReason[RefusalReason.MayReachStandby]);
    }

    [Fact]
    public async Task Results_under_a_setting_made_through_EF_Core_are_not_shared()
    {
        await Database.ExecuteAsync(
            """CREATE SCHEMA aside; CREATE TABLE aside.zone AS SELECT 2 AS "Value"; CREATE TABLE zone AS SELECT 1 AS "Value" """);
        await using var cache = new SecondLevelCache();
        await using (var db = Open(cache))
        {
            await db.Database.OpenConnectionAsync();
            await db.Database.ExecuteSqlRawAsync("SET search_path = aside");
            Assert.Equal(2, await db.Database.SqlQuery<int>($"""SELECT "Value" FROM zone""").Cacheable().SingleAsync());
        }

        await using var other = Open(cache);
        Assert.Equal(1, await other.Database.SqlQuery<int>($"""SELECT "Value" FROM zone""").Cacheable().SingleAsync());
    }

    private sealed class OtherContext(DbContextOptions options) : ShopContext(options);

    private sealed class TenantSetting : DbConnectionInterceptor
    {
        public static readonly TenantSetting Instance = new();

        public override void ConnectionOpened(DbConnection connection, ConnectionEndEventData eventData)
        {
        }
    }
}
