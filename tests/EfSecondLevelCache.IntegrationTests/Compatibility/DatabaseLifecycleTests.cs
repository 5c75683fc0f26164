using System.Data.Common;
using EfSecondLevelCache.IntegrationTests.Support;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;
using Microsoft.EntityFrameworkCore.Storage;
using Npgsql;

namespace EfSecondLevelCache.IntegrationTests.Compatibility;

/// <summary>
/// A database is made, migrated, altered and dropped as without the cache: over EF Core's own connections, and with no other one opened. What was
/// cached of it goes with it, and of no other database.
/// </summary>
public sealed class DatabaseLifecycleTests(PostgresServer server) : IAsyncLifetime
{
    private readonly string _name = $"efslc_life_{Guid.NewGuid():N}"[..24];
    private readonly SecondLevelCache _cache = new();

    private string ConnectionString => To(_name);

    public ValueTask InitializeAsync() => default;

    public async ValueTask DisposeAsync()
    {
        await _cache.DisposeAsync();
        await server.ExecuteAsync($"""DROP DATABASE IF EXISTS "{_name}" WITH (FORCE)""");
    }

    public static TheoryData<string, bool> Ways => new()
    {
        { "EnsureCreated", true }, { "EnsureCreated", false }, { "Migrate", true }, { "Migrate", false },
    };

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task It_is_made_where_there_is_none(string way, bool async)
    {
        await using var db = Open();
        await CreateAsync(db, way, async);
        Assert.Equal(["seeded"], await NamesAsync(db));

        // As the first thing that another context does, and once more.
        await using var other = Open();
        await CreateAsync(other, way, async);
        Assert.Equal(["seeded"], await NamesAsync(other));
    }

    [Theory]
    [InlineData("data source")]
    [InlineData("connection")]
    [InlineData("set later")]
    [InlineData("notifications")]
    [InlineData("rules")]
    public async Task However_the_context_comes_to_its_connection(string how)
    {
        await using var source = NpgsqlDataSource.Create(ConnectionString);
        await using var connection = new NpgsqlConnection(ConnectionString);
        await using var cache = new SecondLevelCache(c =>
        {
            if (how is "notifications")
                c.UseNotifications();
            else
                c.CacheAllQueries();
        });
        await using var db = how switch
        {
            "data source" => Open(new DbContextOptionsBuilder().UseNpgsql(source), cache),
            "connection" => Open(new DbContextOptionsBuilder().UseNpgsql(connection), cache),
            "set later" => Open(new DbContextOptionsBuilder().UseNpgsql(), cache),
            _ => Open(cache),
        };
        if (how is "set later")
            db.Database.SetConnectionString(ConnectionString);

        Assert.False(await db.Database.CanConnectAsync(TestContext.Current.CancellationToken));
        Assert.True(await db.Database.EnsureCreatedAsync(TestContext.Current.CancellationToken));
        Assert.True(await db.Database.CanConnectAsync(TestContext.Current.CancellationToken));
        Assert.True(await db.GetService<IRelationalDatabaseCreator>().HasTablesAsync(TestContext.Current.CancellationToken));
        Assert.Equal(["seeded"], await NamesAsync(db));
        Assert.True(await db.Database.EnsureDeletedAsync(TestContext.Current.CancellationToken));
        Assert.False(await db.Database.CanConnectAsync(TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task After_it_was_dropped_nobody_is_given_a_connection_that_was_cut(bool async)
    {
        await using (var db = Open())
        {
            await db.Database.EnsureCreatedAsync(TestContext.Current.CancellationToken);
            await NamesAsync(db);
            Assert.True(async ? await db.Database.EnsureDeletedAsync(TestContext.Current.CancellationToken) : db.Database.EnsureDeleted());
            Assert.Equal(System.Data.ConnectionState.Closed, db.Database.GetDbConnection().State);
        }

        await server.ExecuteAsync($"""CREATE DATABASE "{_name}" """);
        await using var connection = new NpgsqlConnection(ConnectionString);
        await connection.OpenAsync(TestContext.Current.CancellationToken);
        await using var command = new NpgsqlCommand("SELECT 1", connection);
        Assert.Equal(1, await command.ExecuteScalarAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task What_was_cached_of_it_goes_with_it_and_nothing_of_other_databases()
    {
        await using var other = await server.CreateDatabaseAsync();
        await using (var bystander = Open(_cache, other.ConnectionString))
        {
            await bystander.Database.EnsureCreatedAsync(TestContext.Current.CancellationToken);
            await NamesAsync(bystander);
        }

        await using (var db = Open())
        {
            await db.Database.EnsureCreatedAsync(TestContext.Current.CancellationToken);
            await NamesAsync(db);
            Assert.True(await IsHitAsync(db));
            await db.Database.EnsureDeletedAsync(TestContext.Current.CancellationToken);
        }

        await using (var bystander = Open(_cache, other.ConnectionString))
            Assert.True(await IsHitAsync(bystander));

        await using (var db = Open(seed: "another"))
        {
            await db.Database.EnsureCreatedAsync(TestContext.Current.CancellationToken);
            Assert.Equal(["another"], await NamesAsync(db));
        }

        await using (var bystander = Open(_cache, other.ConnectionString))
            Assert.True(await IsHitAsync(bystander));
    }

    [Theory]
    [InlineData("""DROP DATABASE IF EXISTS "{0}" WITH (FORCE)""")]
    [InlineData("""ALTER DATABASE "{0}" SET search_path = 'nowhere'""")]
    [InlineData("""/* by hand */ alter database "{0}" rename to "{0}x"; """)]
    public async Task Commands_to_a_database_count_for_it_and_not_for_the_one_they_are_executed_in(string sql)
    {
        await using var own = await server.CreateDatabaseAsync();
        await using var admin = Open(_cache, own.ConnectionString);
        await admin.Database.EnsureCreatedAsync(TestContext.Current.CancellationToken);
        await NamesAsync(admin);
        var others = _cache.Entries().Count();
        await using (var db = Open())
        {
            await db.Database.EnsureCreatedAsync(TestContext.Current.CancellationToken);
            await NamesAsync(db);
            Assert.True(await IsHitAsync(db));
        }

        Assert.NotEqual(others, _cache.Entries().Count());
        NpgsqlConnection.ClearAllPools();
        await admin.Database.ExecuteSqlRawAsync(string.Format(System.Globalization.CultureInfo.InvariantCulture, sql, _name), TestContext.Current.CancellationToken);

        Assert.True(await IsHitAsync(admin));
        Assert.Equal(others, _cache.Entries().Count());
        await server.ExecuteAsync($"""DROP DATABASE IF EXISTS "{_name}x" """);
    }

    [Fact]
    public async Task No_connection_is_opened_that_would_not_be_opened_without_it()
    {
        var plain = await OpenedAsync(null);
        await using var cache = new SecondLevelCache(c => c.UniformSessions());
        Assert.Equal(plain, await OpenedAsync(cache));
    }

    /// <summary>The databases of the connections that are opened from the beginning of a database to its end.</summary>
    private async Task<IReadOnlyList<string>> OpenedAsync(SecondLevelCache? cache)
    {
        var opened = new OpenedConnections();
        await using (var db = Open(cache, configure: options => options.AddInterceptors(opened)))
        {
            opened.Step("EnsureCreated");
            await db.Database.EnsureCreatedAsync(TestContext.Current.CancellationToken);
            opened.Step("EnsureDeleted");
            await db.Database.EnsureDeletedAsync(TestContext.Current.CancellationToken);
            db.ChangeTracker.Clear();
            opened.Step("Migrate");
            await db.Database.MigrateAsync(TestContext.Current.CancellationToken);
            opened.Step("SaveChanges");
            db.ChangeTracker.Clear();
            db.Add(new Thing { Name = "added" });
            await db.SaveChangesAsync(TestContext.Current.CancellationToken);
            opened.Step("ExecuteUpdate");
            await db.Things.ExecuteUpdateAsync(set => set.SetProperty(t => t.Name, "updated"), TestContext.Current.CancellationToken);
            opened.Step("SaveChanges of nothing");
            await db.SaveChangesAsync(TestContext.Current.CancellationToken);
            opened.Step("EnsureDeleted, sync");
            db.Database.EnsureDeleted();
        }

        return opened.Steps;
    }

    private static async Task CreateAsync(LifeContext db, string way, bool async)
    {
        switch (way, async)
        {
            case ("EnsureCreated", true):
                await db.Database.EnsureCreatedAsync();
                break;
            case ("EnsureCreated", false):
                db.Database.EnsureCreated();
                break;
            case ("Migrate", true):
                await db.Database.MigrateAsync();
                break;
            default:
                db.Database.Migrate();
                break;
        }
    }

    private static Task<List<string>> NamesAsync(LifeContext db) => db.Things.Select(t => t.Name).Cacheable().ToListAsync();

    private async Task<bool> IsHitAsync(LifeContext db)
    {
        var hits = _cache.Statistics.Hits;
        await NamesAsync(db);
        return _cache.Statistics.Hits > hits;
    }

    private string To(string database)
        => new NpgsqlConnectionStringBuilder(server.ConnectionString) { Database = database }.ConnectionString;

    private LifeContext Open(string seed = "seeded") => Open(_cache, seed: seed);

    private LifeContext Open(
        SecondLevelCache? cache, string? connectionString = null, Action<DbContextOptionsBuilder>? configure = null, string seed = "seeded")
    {
        var options = new DbContextOptionsBuilder().UseNpgsql(connectionString ?? ConnectionString);
        configure?.Invoke(options);
        return Open(options, cache, seed);
    }

    private static LifeContext Open(DbContextOptionsBuilder options, SecondLevelCache? cache, string seed = "seeded")
    {
        options.UseSeeding((db, _) => Seed((LifeContext)db, seed)).UseAsyncSeeding((db, _, _) =>
        {
            Seed((LifeContext)db, seed);
            return Task.CompletedTask;
        });
        if (cache is not null)
            options.AddSecondLevelCache(cache);
        return new LifeContext(options.Options);
    }

    private static void Seed(LifeContext db, string name)
    {
        if (db.Things.Cacheable().Any())
            return;
        db.Add(new Thing { Name = name });
        db.SaveChanges();
    }

    private sealed class OpenedConnections : DbConnectionInterceptor
    {
        private readonly List<string> _steps = [];

        public IReadOnlyList<string> Steps => _steps;

        public void Step(string name) => _steps.Add(name);

        public override void ConnectionOpened(DbConnection connection, ConnectionEndEventData eventData)
            => _steps.Add($"opened {connection.Database}");

        public override Task ConnectionOpenedAsync(
            DbConnection connection, ConnectionEndEventData eventData, CancellationToken cancellationToken = default)
        {
            ConnectionOpened(connection, eventData);
            return Task.CompletedTask;
        }
    }
}

public class LifeContext(DbContextOptions options) : DbContext(options)
{
    public DbSet<Thing> Things => Set<Thing>();

    protected override void OnConfiguring(DbContextOptionsBuilder optionsBuilder)
        => optionsBuilder.ConfigureWarnings(warnings => warnings.Ignore(RelationalEventId.PendingModelChangesWarning));

    protected override void OnModelCreating(ModelBuilder modelBuilder) => modelBuilder.Entity<Thing>().ToTable("things");
}

public class Thing
{
    public int Id { get; set; }

    public string Name { get; set; } = "";
}

[DbContext(typeof(LifeContext))]
[Migration("20260101000001_things")]
public class ThingsMigration : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder)
    {
        migrationBuilder.Sql("""CREATE TABLE things ("Id" int PRIMARY KEY GENERATED BY DEFAULT AS IDENTITY, "Name" text NOT NULL)""");
        migrationBuilder.Sql("""CREATE INDEX CONCURRENTLY things_name ON things ("Name")""", suppressTransaction: true);
    }
}
