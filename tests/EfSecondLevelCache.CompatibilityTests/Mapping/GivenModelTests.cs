using EfSecondLevelCache.CompatibilityTests.Harness;
using EfSecondLevelCache.CompatibilityTests.Shop;
using EfSecondLevelCache.IntegrationTests.Support;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Metadata;
using Npgsql.EntityFrameworkCore.PostgreSQL.Metadata.Conventions;

namespace EfSecondLevelCache.CompatibilityTests.Mapping;

/// <summary>Models that EF Core does not build itself, and names that a convention rewrites.</summary>
public sealed class GivenModelTests(PostgresServer server) : ScenarioTests<GivenModelTests>(server), IScenarios
{
    public static Scenarios All { get; } = new Scenarios<ShopContext>("shop", ShopContext.SeedAsync)
    {
        {
            "a model that was made before the context", async app =>
            {
                var model = app.Once(Build);
                for (var i = 0; i < 2; i++)
                {
                    await using var db = app.Open<TagsContext>(options => options.UseModel(model));
                    app.Saw("tags", await app.Cached(db.Set<Tag>().AsNoTracking().OrderBy(t => t.Id)).ToListAsync());
                    app.Saw("named", await app.Cached(db.Set<Tag>().Where(t => t.Name == "tag 2")).CountAsync());
                }

                await using var writer = app.Open<TagsContext>(options => options.UseModel(model));
                writer.Add(new Tag { Name = "tag 2" });
                app.Saw("rows", await writer.SaveChangesAsync());
                app.Saw("named", await app.Cached(writer.Set<Tag>().Where(t => t.Name == "tag 2")).CountAsync());
                app.SawTracked(writer);
            }
        },
        {
            "names in snake case", Expect.NoSource, async app =>
            {
                await app.ElsewhereAsync(
                    """
                    CREATE TABLE IF NOT EXISTS counters (id int PRIMARY KEY, value int NOT NULL);
                    INSERT INTO counters VALUES (1, 0) ON CONFLICT DO NOTHING
                    """);
                for (var i = 0; i < 2; i++)
                {
                    await using var db = app.Open<CountersContext>(options => options.UseSnakeCaseNamingConvention());
                    app.Saw("counters", await app.Cached(db.Counters.AsNoTracking()).ToListAsync());
                    app.Saw("updated", await db.Counters.Where(c => c.Id == 1).ExecuteUpdateAsync(s => s.SetProperty(c => c.Value, c => c.Value + 1)));
                    app.Saw("counters", await app.Cached(db.Counters.AsNoTracking()).ToListAsync());
                }

                await using var reader = app.Open<CountersContext>(options => options.UseSnakeCaseNamingConvention());
                app.Saw("a hit", await app.Cached(reader.Counters.AsNoTracking()).ToListAsync());
            }
        },
    };

    private static IModel Build()
    {
        var builder = new ModelBuilder(NpgsqlConventionSetBuilder.Build());
        builder.Entity<Tag>(tag =>
        {
            tag.ToTable("Tags");
            tag.Ignore(t => t.Products);
        });
        return builder.FinalizeModel();
    }
}

public sealed class TagsContext(DbContextOptions options) : DbContext(options);

public sealed class CountersContext(DbContextOptions options) : DbContext(options)
{
    public DbSet<Counter> Counters => Set<Counter>();
}
