using EfSecondLevelCache.CompatibilityTests.Harness;
using EfSecondLevelCache.IntegrationTests.Support;
using Microsoft.EntityFrameworkCore;
using NpgsqlTypes;

namespace EfSecondLevelCache.CompatibilityTests.Mapping;

/// <summary>Every way to map classes to tables: hierarchies, complex and owned types, shared and split tables, converters, enums and composites.</summary>
public sealed class MappingTests(PostgresServer server) : ScenarioTests<MappingTests>(server), IScenarios
{
    public static Scenarios All { get; } = new Scenarios<ZooContext>("zoo", ZooContext.SeedAsync)
    {
        { "one table for a hierarchy", app => HierarchyAsync<Pet>(app, (db, i) => db.Add(new Cat { Name = $"cat {i}", Lives = i }), db => db.Set<Cat>().Select(c => c.Lives)) },
        { "one table for each type", app => HierarchyAsync<Vehicle>(app, (db, i) => db.Add(new Car { Name = $"car {i}", Doors = i }), db => db.Set<Car>().Select(c => c.Doors)) },
        { "one table for each class of objects", app => HierarchyAsync<Shape>(app, (db, i) => db.Add(new Circle { Name = $"circle {i}", Radius = i }), db => db.Set<Circle>().Select(c => c.Radius)) },
        {
            "JSON collections, complex types, converters, arrays", async app =>
            {
                await ReadAsync(app);
                await using var db = app.Open<ZooContext>();
                var keeper = await db.Keepers.Include(k => k.Detail).SingleAsync(k => k.Id == 1);
                keeper.Name += "!";
                keeper.Notes += "!";
                keeper.Home = keeper.Home with { City = $"city {app.Pass}" };
                keeper.Detail!.Text += "!";
                keeper.Days = [.. keeper.Days, app.Pass];
                keeper.Level = Level.High;
                keeper.History.Add(new Job { Title = $"job {app.Pass}", Years = 1 });
                app.Saw("rows", await db.SaveChangesAsync());
                await ReadAsync(app);
                app.Saw("updated", await db.Keepers.Where(k => k.Id == 2).ExecuteUpdateAsync(s => s.SetProperty(k => k.Home.City, "moved").SetProperty(k => k.Days, [9])));
                await ReadAsync(app);
            }
        },
        {
            "a split entity, HiLo, generated columns", async app =>
            {
                await using var db = app.Open<ZooContext>();
                db.AddRange(Enumerable.Range(0, 12).Select(i => new Ticket { Price = i, Note = $"note {i}" }));
                app.Saw("rows", await db.SaveChangesAsync());
                app.SawTracked(db);
                app.Saw("noted", await app.Cached(db.Tickets.Where(t => t.Note == "note 3")).CountAsync());
                db.Tickets.Local.First().Note = "note 3";
                app.Saw("rows", await db.SaveChangesAsync());
                app.Saw("noted", await app.Cached(db.Tickets.Where(t => t.Note == "note 3")).CountAsync());
                app.Saw("tickets", await app.Cached(db.Tickets.AsNoTracking().OrderBy(t => t.Id)).ToListAsync());
                app.Saw("tickets again", await app.Cached(db.Tickets.AsNoTracking().OrderBy(t => t.Id)).ToListAsync());
            }
        },
        {
            "a shared table, ranges, JSON documents, full text", async app =>
            {
                await using var db = app.Open<ZooContext>();
                var documents = await app.Cached(db.Documents.OrderBy(d => d.Id)).ToListAsync();
                app.Saw("documents", documents.Select(d => (d.Open, d.Json.RootElement.GetRawText(), d.Labels)));
                app.Saw("found", await app.Cached(db.Documents.Where(d => EF.Functions.ToTsVector("english", d.Text).Matches("dogs")).Select(d => d.Id)).ToListAsync());
                app.Saw("in range", await app.Cached(db.Documents.Where(d => d.Open.Contains(5))).CountAsync());
                app.Saw("shared", await app.Cached(db.Documents.Where(d => d.Summary!.Lines > 1).OrderBy(d => d.Id).Select(d => d.Summary!.Lines)).ToListAsync());
            }
        },
        {
            "enums and composites that a data source maps", Expect.NoSource, async app =>
            {
                var source = app.Once(() => app.DataSource(builder => builder.MapEnum<Mood>("mood").MapComposite<Money>("money_amount")));
                var options = new DbContextOptionsBuilder<MoodContext>();
                app.Configure(options).UseNpgsql(source, npgsql => npgsql.MapEnum<Mood>("mood"));
                await using (var setup = app.Open<MoodContext>(options.Options))
                {
                    await setup.Database.ExecuteSqlRawAsync(
                        """
                        DO $$ BEGIN CREATE TYPE mood AS ENUM ('happy', 'sad'); CREATE TYPE money_amount AS (amount numeric, currency text);
                        EXCEPTION WHEN duplicate_object THEN END $$;
                        CREATE TABLE IF NOT EXISTS "Moods" ("Id" int PRIMARY KEY, "Mood" mood NOT NULL);
                        INSERT INTO "Moods" VALUES (1, 'happy'), (2, 'sad') ON CONFLICT DO NOTHING
                        """);
                    await source.ReloadTypesAsync();
                }

                for (var i = 0; i < 2; i++)
                {
                    await using var db = app.Open<MoodContext>(options.Options);
                    app.Saw("moods", await app.Cached(db.Moods.AsNoTracking().OrderBy(m => m.Id)).ToListAsync());
                    app.Saw("sad", await app.Cached(db.Moods.Where(m => m.Mood == Mood.Sad)).CountAsync());
                }

                await using var writer = app.Open<MoodContext>(options.Options);
                (await writer.Moods.SingleAsync(m => m.Id == 1)).Mood = app.Pass == 0 ? Mood.Sad : Mood.Happy;
                await writer.SaveChangesAsync();
                app.Saw("sad", await app.Cached(writer.Moods.Where(m => m.Mood == Mood.Sad)).CountAsync());
            }
        },
    };

    private static async Task HierarchyAsync<TBase>(App app, Action<ZooContext, int> add, Func<ZooContext, IQueryable<int>> derived)
        where TBase : class, INamed
    {
        async Task ReadHierarchyAsync()
        {
            for (var i = 0; i < 2; i++)
            {
                await using var reader = app.Open<ZooContext>();
                app.Saw("all", await app.Cached(reader.Set<TBase>().AsNoTracking().OrderBy(e => e.Name)).ToListAsync());
                app.Saw("derived", await app.Cached(derived(reader).Where(value => value > 1).OrderBy(value => value)).ToListAsync());
                app.Saw("count", await app.Cached(reader.Set<TBase>()).CountAsync());
            }
        }

        await ReadHierarchyAsync();
        await using var db = app.Open<ZooContext>();
        add(db, 10 + app.Pass);
        foreach (var entity in await db.Set<TBase>().ToListAsync())
            entity.Name += "!";
        app.Saw("rows", await db.SaveChangesAsync());
        db.Remove(await db.Set<TBase>().OrderBy(e => e.Name).FirstAsync());
        app.Saw("removed", await db.SaveChangesAsync());
        app.SawTracked(db);
        await ReadHierarchyAsync();
    }

    private static async Task ReadAsync(App app)
    {
        for (var i = 0; i < 2; i++)
        {
            await using var db = app.Open<ZooContext>();
            app.Saw("keepers", await app.Cached(db.Keepers.AsNoTracking().Include(k => k.Detail).OrderBy(k => k.Id)).ToListAsync());
            app.Saw("in a city", await app.Cached(db.Keepers.Where(k => k.Home.City == "city 1").Select(k => k.Name)).ToListAsync());
            app.Saw("high", await app.Cached(db.Keepers.Where(k => k.Level == Level.High)).CountAsync());
            app.Saw("job", await app.Cached(db.Keepers.Where(k => k.History.Any(j => j.Years == 1))).CountAsync());
            app.Saw("days", await app.Cached(db.Keepers.Where(k => k.Days.Contains(2)).OrderBy(k => k.Id).Select(k => k.Days)).ToListAsync());
        }
    }
}

public sealed class ZooContext(DbContextOptions options) : DbContext(options)
{
    public DbSet<Keeper> Keepers => Set<Keeper>();

    public DbSet<Ticket> Tickets => Set<Ticket>();

    public DbSet<Document> Documents => Set<Document>();

    public static Task SeedAsync(ZooContext db)
    {
        for (var i = 1; i <= 3; i++)
        {
            db.AddRange(
                new Pet { Name = $"pet {i}" },
                new Cat { Name = $"cat {i}", Lives = i },
                new Vehicle { Name = $"vehicle {i}" },
                new Car { Name = $"car {i}", Doors = i },
                new Shape { Name = $"shape {i}" },
                new Circle { Name = $"circle {i}", Radius = i },
                new Keeper
                {
                    Name = $"keeper {i}",
                    Notes = $"note {i}",
                    Home = new Home { Street = $"street {i}", City = $"city {i}" },
                    Level = Level.Low,
                    Days = [i, i + 1],
                    Detail = new KeeperDetail { Text = $"text {i}" },
                    History = [new Job { Title = $"job {i}", Years = i }],
                },
                new Document
                {
                    Text = i == 2 ? "two dogs" : "a cat",
                    Open = new NpgsqlRange<int>(i, i * 4),
                    Json = System.Text.Json.JsonDocument.Parse($$"""{"a": {{i}}}"""),
                    Labels = i == 1 ? [] : new() { ["color"] = $"c{i}" },
                    Summary = new Summary { Lines = i },
                });
        }

        return db.SaveChangesAsync();
    }

    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        modelBuilder.HasPostgresExtension("hstore");
        modelBuilder.Entity<Pet>().HasDiscriminator<string>("Kind").HasValue<Pet>("pet").HasValue<Cat>("cat");
        modelBuilder.Entity<Vehicle>().UseTptMappingStrategy();
        modelBuilder.Entity<Car>();
        modelBuilder.Entity<Shape>().UseTpcMappingStrategy();
        modelBuilder.Entity<Circle>();
        modelBuilder.Entity<Keeper>(keeper =>
        {
            keeper.ComplexProperty(k => k.Home);
            keeper.Property(k => k.Level).HasConversion<string>();
            keeper.OwnsMany(k => k.History, history => history.ToJson());
            keeper.HasOne(k => k.Detail).WithOne().HasForeignKey<KeeperDetail>(d => d.Id).IsRequired();
        });
        modelBuilder.Entity<Document>().ToTable("Documents").HasOne(d => d.Summary).WithOne().HasForeignKey<Summary>(s => s.Id).IsRequired();
        modelBuilder.Entity<Summary>().ToTable("Documents");
        modelBuilder.Entity<Ticket>(ticket =>
        {
            ticket.ToTable("Tickets").SplitToTable("TicketNotes", split => split.Property(t => t.Note));
            ticket.Property(t => t.Id).UseHiLo("ticket_numbers");
            ticket.Property(t => t.Double).HasComputedColumnSql("\"Price\" * 2", stored: true);
        });
    }
}

public interface INamed
{
    string Name { get; set; }
}

public class Pet : INamed
{
    public int Id { get; set; }

    public required string Name { get; set; }
}

public class Cat : Pet
{
    public int Lives { get; set; }
}

public class Vehicle : INamed
{
    public int Id { get; set; }

    public required string Name { get; set; }
}

public class Car : Vehicle
{
    public int Doors { get; set; }
}

public class Shape : INamed
{
    public int Id { get; set; }

    public required string Name { get; set; }
}

public class Circle : Shape
{
    public int Radius { get; set; }
}

public enum Level
{
    Low,
    High,
}

public record Home
{
    public required string Street { get; set; }

    public required string City { get; set; }
}

public class Job
{
    public required string Title { get; set; }

    public int Years { get; set; }
}

public class Keeper
{
    public int Id { get; set; }

    public required string Name { get; set; }

    public required string Notes { get; set; }

    public required Home Home { get; set; }

    public Level Level { get; set; }

    public int[] Days { get; set; } = [];

    public KeeperDetail? Detail { get; set; }

    public List<Job> History { get; set; } = [];
}

public class KeeperDetail
{
    public int Id { get; set; }

    public required string Text { get; set; }
}

public class Ticket
{
    public int Id { get; set; }

    public int Price { get; set; }

    public int Double { get; set; }

    public string Note { get; set; } = "";
}

public class Document
{
    public int Id { get; set; }

    public required string Text { get; set; }

    public NpgsqlRange<int> Open { get; set; }

    public required System.Text.Json.JsonDocument Json { get; set; }

    public Dictionary<string, string> Labels { get; set; } = [];

    public Summary? Summary { get; set; }
}

public class Summary
{
    public int Id { get; set; }

    public int Lines { get; set; }
}

public enum Mood
{
    Happy,
    Sad,
}

public class Money
{
    public decimal Amount { get; set; }

    public string Currency { get; set; } = "";
}

public sealed class MoodContext(DbContextOptions options) : DbContext(options)
{
    public DbSet<MoodOf> Moods => Set<MoodOf>();
}

public class MoodOf
{
    public int Id { get; set; }

    public Mood Mood { get; set; }
}
