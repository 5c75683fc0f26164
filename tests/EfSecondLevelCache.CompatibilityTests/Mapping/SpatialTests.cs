using EfSecondLevelCache.CompatibilityTests.Harness;
using EfSecondLevelCache.IntegrationTests.Support;
using Microsoft.EntityFrameworkCore;
using NetTopologySuite.Geometries;
using Npgsql;

namespace EfSecondLevelCache.CompatibilityTests.Mapping;

/// <summary>NetTopologySuite over PostGIS.</summary>
public sealed class SpatialTests(PostgresServer server) : ScenarioTests<SpatialTests>(server), IScenarios
{
    public static Scenarios All { get; } = new Scenarios<MapContext>("spatial", MapContext.SeedAsync)
    {
        {
            "geometry and geography as columns", async app =>
            {
                await using var db = app.Open<MapContext>();
                var places = await app.Cached(db.Places.OrderBy(p => p.Id)).ToListAsync();
                app.Saw("places", places.Select(p => $"{p.Id} {p.Spot} {p.Area} {p.Home} {p.Spot.SRID} {p.Home.SRID}"));
                // A coordinate can be changed in place; what is cached must not.
                places[0].Spot.X += 5;
                app.Saw("spots", (await app.Cached(db.Places.AsNoTracking().OrderBy(p => p.Id).Select(p => p.Spot)).ToListAsync()).Select(p => p.AsText()));
                app.Saw("spots again", (await app.Cached(db.Places.AsNoTracking().OrderBy(p => p.Id).Select(p => p.Spot)).ToListAsync()).Select(p => p.AsText()));
            }
        },
        {
            "functions, and geometry as a parameter", async app =>
            {
                await using var db = app.Open<MapContext>();
                var here = new Point(1, 1);
                var box = new Polygon(new LinearRing([new(0, 0), new(2, 0), new(2, 2), new(0, 2), new(0, 0)]));
                app.Saw("distance", await app.Cached(db.Places.OrderBy(p => p.Spot.Distance(here)).Select(p => p.Id)).ToListAsync());
                app.Saw("distances", await app.Cached(db.Places.OrderBy(p => p.Id).Select(p => p.Spot.Distance(here))).ToListAsync());
                app.Saw("within", await app.Cached(db.Places.Where(p => p.Spot.Within(box)).OrderBy(p => p.Id).Select(p => p.Id)).ToListAsync());
                app.Saw("area", await app.Cached(db.Places.OrderBy(p => p.Id).Select(p => p.Area!.Area)).ToListAsync());
                app.Saw("near", await app.Cached(db.Places.Where(p => EF.Functions.IsWithinDistance(p.Home, new Point(8, 47) { SRID = 4326 }, 200_000, true))).CountAsync());
            }
        },
        {
            "what changes while it is cached", async app =>
            {
                for (var i = 0; i < 2; i++)
                {
                    await using var db = app.Open<MapContext>();
                    app.Saw("spots", (await app.Cached(db.Places.AsNoTracking().OrderBy(p => p.Id).Select(p => p.Spot)).ToListAsync()).Select(p => p.AsText()));
                }

                await using (var db = app.Open<MapContext>())
                {
                    var place = await db.Places.SingleAsync(p => p.Id == 2);
                    place.Spot = new Point(9 + app.Pass, 9);
                    db.Add(new Place { Spot = new Point(3, 3), Home = new Point(1, 1) { SRID = 4326 } });
                    await db.SaveChangesAsync();
                }

                await using var after = app.Open<MapContext>();
                app.Saw("spots", (await app.Cached(after.Places.AsNoTracking().OrderBy(p => p.Id).Select(p => p.Spot)).ToListAsync()).Select(p => p.AsText()));
            }
        },
    }.With(npgsql: npgsql => npgsql.UseNetTopologySuite(), whyNotAsync: WhyNotAsync);

    private static async Task<string?> WhyNotAsync(PostgresServer server)
    {
        await using var connection = new NpgsqlConnection(server.ConnectionString);
        await connection.OpenAsync();
        return (await connection.RowsAsync("SELECT name::text FROM pg_available_extensions WHERE name = 'postgis'")).Count > 0
            ? null
            : "The server has no PostGIS. Install Debian's package postgresql-15-postgis-3, or run eng/test.sh, which does.";
    }
}

public sealed class MapContext(DbContextOptions options) : DbContext(options)
{
    public DbSet<Place> Places => Set<Place>();

    public static Task SeedAsync(MapContext db)
    {
        db.AddRange(Enumerable.Range(1, 3).Select(i => new Place
        {
            Spot = new Point(i, i),
            Area = new Polygon(new LinearRing([new(0, 0), new(i, 0), new(i, i), new(0, 0)])),
            Home = new Point(7 + i, 46) { SRID = 4326 },
        }));
        return db.SaveChangesAsync();
    }

    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        modelBuilder.HasPostgresExtension("postgis");
        modelBuilder.Entity<Place>().Property(p => p.Home).HasColumnType("geography (point)");
    }
}

public sealed class Place
{
    public int Id { get; set; }

    public required Point Spot { get; set; }

    public Polygon? Area { get; set; }

    public required Point Home { get; set; }
}
