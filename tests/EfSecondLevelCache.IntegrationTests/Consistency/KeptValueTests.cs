using EfSecondLevelCache.IntegrationTests.Support;
using Microsoft.EntityFrameworkCore;

namespace EfSecondLevelCache.IntegrationTests.Consistency;

/// <summary>Rows are told by their values as PostgreSQL keeps them, which need not be what was written, nor what the model says.</summary>
public sealed class KeptValueTests(PostgresServer server) : IAsyncLifetime
{
    private static readonly DateTime Written = new(2026, 3, 4, 12, 0, 0, 600);
    private static readonly DateTime Rounded = new(2026, 3, 4, 12, 0, 1);

    private readonly SecondLevelCache _cache = new();
    private PostgresDatabase _database = null!;

    public async ValueTask InitializeAsync()
    {
        _database = await server.CreateDatabaseAsync();
        await _database.ExecuteAsync(
            """
            CREATE DOMAIN whole_second AS timestamp(0);
            CREATE DOMAIN moment AS whole_second CHECK (VALUE > '2000-01-01');
            CREATE TABLE rounded (id int PRIMARY KEY, at timestamp(0) NOT NULL);
            CREATE TABLE rounded_with_zone (id int PRIMARY KEY, at timestamptz(0) NOT NULL);
            CREATE TABLE by_domain (id int PRIMARY KEY, at moment NOT NULL);
            CREATE TABLE exact (id int PRIMARY KEY, at timestamp NOT NULL);
            CREATE TABLE cut (id int PRIMARY KEY, code varchar(3) NOT NULL);
            """);
    }

    public async ValueTask DisposeAsync()
    {
        await _cache.DisposeAsync();
        await _database.DisposeAsync();
    }

    [Theory]
    [InlineData("rounded")]
    [InlineData("rounded_with_zone")]
    [InlineData("by_domain")]
    public async Task A_time_that_the_column_rounds_is_found_under_what_it_became(string table)
    {
        var kind = table == "rounded_with_zone" ? DateTimeKind.Utc : DateTimeKind.Unspecified;
        Assert.Empty(await ReadAsync());
        Assert.Empty(await ReadAsync());
        await using (var db = Open(table))
        {
            db.Add(new Event { Id = 1, At = DateTime.SpecifyKind(Written, kind) });
            await db.SaveChangesAsync();
        }

        Assert.Single(await ReadAsync());

        async Task<List<Event>> ReadAsync()
        {
            await using var db = Open(table);
            var at = DateTime.SpecifyKind(Rounded, kind);
            return await db.Events.Where(e => e.At == at).Cacheable().ToListAsync();
        }
    }

    [Fact]
    public async Task A_column_that_becomes_coarser_is_noticed()
    {
        Assert.Empty(await ReadAsync());
        await using (var db = Open("exact"))
            await db.Database.ExecuteSqlAsync($"ALTER TABLE exact ALTER COLUMN at TYPE timestamp(0)");
        Assert.Empty(await ReadAsync());
        await using (var db = Open("exact"))
        {
            db.Add(new Event { Id = 1, At = Written });
            await db.SaveChangesAsync();
        }

        Assert.Single(await ReadAsync());

        async Task<List<Event>> ReadAsync()
        {
            await using var db = Open("exact");
            return await db.Events.Where(e => e.At == Rounded).Cacheable().ToListAsync();
        }
    }

    [Fact]
    public async Task Blanks_that_a_length_cuts_do_not_count()
    {
        Assert.Empty(await ReadAsync());
        await using (var db = Open("cut"))
        {
            db.Add(new Coded { Id = 1, Code = "abc   " });
            await db.SaveChangesAsync();
        }

        Assert.Single(await ReadAsync());

        async Task<List<Coded>> ReadAsync()
        {
            await using var db = Open("cut");
            return await db.Codes.Where(c => c.Code == "abc").Cacheable().ToListAsync();
        }
    }

    private KeptContext Open(string table)
        => new(new DbContextOptionsBuilder<KeptContext>().UseNpgsql(_database.ConnectionString).AddSecondLevelCache(_cache)
            .EnableServiceProviderCaching(false).ReplaceService<Microsoft.EntityFrameworkCore.Infrastructure.IModelCacheKeyFactory, ModelOfTable>().Options, table);

    private sealed class ModelOfTable : Microsoft.EntityFrameworkCore.Infrastructure.IModelCacheKeyFactory
    {
        public object Create(DbContext context, bool designTime) => (((KeptContext)context).Table, designTime);
    }

    private sealed class Event
    {
        public int Id { get; set; }
        public DateTime At { get; set; }
    }

    private sealed class Coded
    {
        public int Id { get; set; }
        public required string Code { get; set; }
    }

    private sealed class KeptContext(DbContextOptions options, string table) : DbContext(options)
    {
        public string Table => table;

        public DbSet<Event> Events => Set<Event>();

        public DbSet<Coded> Codes => Set<Coded>();

        protected override void OnModelCreating(ModelBuilder model)
        {
            model.Entity<Event>(e =>
            {
                e.ToTable(table == "cut" ? "exact" : table);
                e.Property(x => x.Id).HasColumnName("id").ValueGeneratedNever();
                e.Property(x => x.At).HasColumnName("at")
                    .HasColumnType(table == "rounded_with_zone" ? "timestamp with time zone" : "timestamp without time zone");
            });
            model.Entity<Coded>(c =>
            {
                c.ToTable("cut");
                c.Property(x => x.Id).HasColumnName("id").ValueGeneratedNever();
                c.Property(x => x.Code).HasColumnName("code");
            });
        }
    }
}
