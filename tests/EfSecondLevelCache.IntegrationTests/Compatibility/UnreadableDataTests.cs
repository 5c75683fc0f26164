using EfSecondLevelCache.IntegrationTests.Serving;
using EfSecondLevelCache.IntegrationTests.Support;
using Microsoft.EntityFrameworkCore;

namespace EfSecondLevelCache.IntegrationTests.Compatibility;

/// <summary>Rows that do not fit the model are told in the same words with and without the cache, whatever the context is configured to do.</summary>
public sealed class UnreadableDataTests(PostgresServer server) : IAsyncLifetime
{
    private PostgresDatabase _database = null!;

    /// <summary>Each breaks the third row in one way.</summary>
    private static readonly Dictionary<string, string> Faults = new()
    {
        ["nothing"] = "SELECT 1",
        ["NULL in a required text"] = """UPDATE things SET "Name" = NULL WHERE "Id" = 3""",
        ["NULL in a required number"] = """UPDATE things SET "Number" = NULL WHERE "Id" = 3""",
        ["NULL in a required time"] = """UPDATE things SET "At" = NULL WHERE "Id" = 3""",
        ["NULL in a required list"] = """UPDATE things SET "Parts" = NULL WHERE "Id" = 3""",
        ["NULL in a converted column"] = """UPDATE things SET "Colour" = NULL WHERE "Id" = 3""",
        ["another type"] = """ALTER TABLE things ALTER "Number" TYPE text""",
        ["a type that overflows"] = """ALTER TABLE things ALTER "Number" TYPE bigint; UPDATE things SET "Number" = 5000000000 WHERE "Id" = 3""",
        ["a time that no DateTime holds"] = """UPDATE things SET "At" = '4000-01-01 BC' WHERE "Id" = 3""",
        ["a decimal that overflows"] = """UPDATE things SET "Price" = 1e40 WHERE "Id" = 3""",
        ["a name that no enum has"] = """UPDATE things SET "Colour" = 'infrared' WHERE "Id" = 3""",
        ["JSON of another shape"] = """UPDATE things SET "Details" = '[1, 2]' WHERE "Id" = 3""",
        ["JSON with text where a number is"] = """UPDATE things SET "Details" = '{"Weight": "heavy"}' WHERE "Id" = 3""",
        ["NULL in a child's required text"] = """UPDATE children SET "Name" = NULL WHERE "Id" = 3""",
    };

    public static TheoryData<string, bool, bool, bool> Cases
    {
        get
        {
            var cases = new TheoryData<string, bool, bool, bool>();
            foreach (var fault in Faults.Keys)
            {
                foreach (var retrying in (bool[])[false, true])
                {
                    foreach (var detailed in (bool[])[false, true])
                    {
                        foreach (var split in (bool[])[false, true])
                            cases.Add(fault, retrying, detailed, split);
                    }
                }
            }

            return [.. FullRun.Of(cases, oneIn: 3)];
        }
    }

    public async ValueTask InitializeAsync() => _database = await server.CreateDatabaseAsync("things", SeedAsync);

    public ValueTask DisposeAsync() => _database.DisposeAsync();

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task They_throw_what_they_throw_without_the_cache(string fault, bool retrying, bool detailed, bool split)
    {
        await _database.ExecuteAsync(Faults[fault]);
        var plain = await AskAsync(null);
        await using var cache = new SecondLevelCache();
        Assert.Equal(plain, await AskAsync(cache));
        Assert.Equal(plain, await AskAsync(cache));
        if (fault == "nothing")
            Assert.True(cache.Statistics.Hits > 0);

        async Task<string[]> AskAsync(SecondLevelCache? cache)
        {
            var options = new DbContextOptionsBuilder<ThingContext>()
                .UseNpgsql(_database.ConnectionString, npgsql => _ = retrying ? npgsql.EnableRetryOnFailure() : npgsql)
                .EnableDetailedErrors(detailed).EnableServiceProviderCaching(!detailed);
            if (cache is not null)
                options.AddSecondLevelCache(cache);
            await using var db = new ThingContext(options.Options);
            var things = db.Things.Cacheable().Include(t => t.Children).OrderBy(t => t.Id).AsNoTracking();
            things = split ? things.AsSplitQuery() : things.AsSingleQuery();
            return
            [
                await Thrown.ByAsync(() => things.ToListAsync()),
                await Thrown.ByAsync(() => Task.FromResult(things.ToList())),
                await Thrown.ByAsync(
                    () => db.Things.Cacheable().OrderBy(t => t.Id).Select(t => new { t.Name, t.Number, t.Price, t.Colour }).ToListAsync()),
                await Thrown.ByAsync(() => db.Things.Cacheable().OrderBy(t => t.Id).Select(t => t.At).ToListAsync()),
                await Thrown.ByAsync(() => db.Things.Cacheable().OrderBy(t => t.Id).Select(t => t.Parts).ToListAsync()),
                await Thrown.ByAsync(() => db.Things.Cacheable().Where(t => t.Id == 3).Select(t => t.Number).SingleAsync()),
                await Thrown.ByAsync(() => db.Things.FromSqlRaw("SELECT * FROM things").Cacheable().AsNoTracking().ToListAsync()),
            ];
        }
    }

    private static async Task SeedAsync(string connectionString)
    {
        await using var db = new ThingContext(new DbContextOptionsBuilder<ThingContext>().UseNpgsql(connectionString).Options);
        await db.Database.EnsureCreatedAsync();
        for (var i = 1; i <= 4; i++)
        {
            db.Add(new Thing
            {
                Id = i,
                Name = $"Thing {i}",
                Number = i,
                Price = i,
                At = DateTime.UnixEpoch,
                Colour = Colour.Green,
                Parts = ["a"],
                Details = new Details { Weight = i },
                Children = [new Child { Id = i, Name = "c" }],
            });
        }

        await db.SaveChangesAsync();
        await db.Database.ExecuteSqlRawAsync(
            """
            ALTER TABLE things ALTER "Name" DROP NOT NULL, ALTER "Number" DROP NOT NULL, ALTER "At" DROP NOT NULL, ALTER "Parts" DROP NOT NULL,
                ALTER "Colour" DROP NOT NULL, ALTER "Details" DROP NOT NULL;
            ALTER TABLE children ALTER "Name" DROP NOT NULL;
            """);
    }

    private enum Colour
    {
        Red,
        Green,
    }

    private sealed class Thing
    {
        public int Id { get; set; }
        public required string Name { get; set; }
        public int Number { get; set; }
        public decimal Price { get; set; }
        public DateTime At { get; set; }
        public Colour Colour { get; set; }
        public List<string> Parts { get; set; } = [];
        public required Details Details { get; set; }
        public List<Child> Children { get; set; } = [];
    }

    private sealed class Details
    {
        public int Weight { get; set; }
    }

    private sealed class Child
    {
        public int Id { get; set; }
        public int ThingId { get; set; }
        public required string Name { get; set; }
    }

    private sealed class ThingContext(DbContextOptions<ThingContext> options) : DbContext(options)
    {
        public DbSet<Thing> Things => Set<Thing>();

        protected override void OnModelCreating(ModelBuilder model)
        {
            model.Entity<Thing>(thing =>
            {
                thing.ToTable("things");
                thing.Property(t => t.Colour).HasConversion<string>();
                thing.OwnsOne(t => t.Details, details => details.ToJson());
            });
            model.Entity<Child>().ToTable("children");
        }
    }
}
