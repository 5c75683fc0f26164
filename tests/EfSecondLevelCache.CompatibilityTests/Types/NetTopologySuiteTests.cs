using EfSecondLevelCache.IntegrationTests.Support;
using Microsoft.EntityFrameworkCore;
using NetTopologySuite.Geometries;
using NetTopologySuite.IO;

namespace EfSecondLevelCache.CompatibilityTests.Types;

/// <summary>Geometries are copied for each reader, as EF Core's mapping copies them, and sent by what they are made of.</summary>
public sealed class NetTopologySuiteTests(PostgresServer server) : TypeSpecification(server)
{
    private static readonly string[] Texts =
    [
        "POINT (1 2)", "POINT (1 3)", "POINT Z (1 2 3)", "POINT EMPTY", "LINESTRING (0 0, 1 1, 2 5)", "LINESTRING Z (0 0 1, 1 1 2)",
        "POLYGON ((0 0, 9 0, 9 9, 0 9, 0 0), (1 1, 2 1, 2 2, 1 1))", "MULTIPOINT ((0 0), (1 1))", "MULTILINESTRING ((0 0, 1 1), (2 2, 3 3))",
        "MULTIPOLYGON (((0 0, 9 0, 9 9, 0 0)), ((20 20, 29 20, 29 29, 20 20)))", "GEOMETRYCOLLECTION (POINT (1 2), LINESTRING (0 0, 1 1))",
    ];

    protected override string? Setup => "CREATE EXTENSION postgis";

    [Fact]
    public async Task Geometries_of_every_kind()
        => await AssertCachedAsync("geometry", [.. Texts.Select(text => Read(text, 4326)), Read(Texts[0], 0), Read(Texts[0], 3857)]);

    [Fact]
    public async Task Geometries_of_one_kind()
    {
        await AssertCachedAsync("geometry (point)", (Point)Read("POINT (1 2)", 0), (Point)Read("POINT (-0.1 2)", 0));
        await AssertCachedAsync("geometry (linestringzm, 4326)", Measured(1), Measured(2));
        await AssertCachedAsync("geography (point)", (Point)Read("POINT (1 2)", 4326), (Point)Read("POINT (1 2.0000000000001)", 4326));
        await AssertCachedAsync("geography", Read(Texts[6], 4326), Read(Texts[4], 4326));
    }

    [Fact]
    public async Task Arrays_of_geometries()
        => await AssertCachedAsync<Point[]>(
            "geometry[]", [[(Point)Read("POINT (1 2)", 0), (Point)Read("POINT (3 4)", 0)], [(Point)Read("POINT (3 4)", 0)]]);

    [Fact]
    public async Task A_function_of_PostGIS_is_known_by_the_name_that_the_provider_writes()
    {
        await using var cache = new SecondLevelCache();
        await using (var db = Open<Point>(null, "geometry"))
        {
            await db.Database.ExecuteSqlRawAsync(db.Database.GenerateCreateScript());
            db.AddRange(Enumerable.Range(0, 10).Select(i => new Holder<Point> { Id = i, Value = new Point(i, 0) }));
            await db.SaveChangesAsync();
        }

        foreach (var isHit in (bool[])[false, true])
        {
            var origin = new Point(0, 0);
            await using var db = Open<Point>(cache, "geometry");
            var near = db.Holders.Where(h => h.Value!.Distance(origin) < 2.5).OrderBy(h => h.Id).Select(h => h.Id).Cacheable();
            var explained = await db.ExplainCacheAsync(async () => Assert.Equal([0, 1, 2], await near.ToListAsync()));
            Assert.Equal(isHit ? QueryCacheOutcome.Hit : QueryCacheOutcome.Miss, Assert.Single(explained).Outcome);
        }
    }

    [Fact]
    public async Task What_a_geometry_takes_counts_for_the_bound_but_not_what_all_share()
    {
        var small = await BytesOfAsync(new Point(1, 2));
        var large = await BytesOfAsync(new LineString([.. Enumerable.Range(0, 10_000).Select(i => new Coordinate(i, i))]));

        Assert.InRange(small, 100, 4_000);
        Assert.InRange(large, 10_000 * 24, 10_000 * 120);
    }

    protected override void Configure(DbContextOptionsBuilder options)
        => options.UseNpgsql(ConnectionString, npgsql => npgsql.UseNetTopologySuite());

    protected override string TextOf(object value)
        => value is Array array ? $"[{string.Join("; ", array.Cast<Geometry?>().Select(g => g is null ? "null" : TextOf(g)))}]"
            : $"{value.GetType().Name} {((Geometry)value).SRID} {new WKTWriter(4).Write((Geometry)value)}";

    protected override bool TryChange(object value)
    {
        switch (value)
        {
            case Array array:
                TryChange(array.GetValue(0)!);
                array.SetValue(null, 0);
                return true;
            case Geometry { IsEmpty: false } geometry:
                geometry.Apply(new Mover());
                geometry.UserData = "mine";
                geometry.SRID = 1;
                geometry.GeometryChanged();
                return true;
            default:
                ((Geometry)value).SRID = 1;
                return true;
        }
    }

    private static Geometry Read(string text, int srid)
    {
        var geometry = new WKTReader().Read(text);
        geometry.SRID = srid;
        return geometry;
    }

    private static LineString Measured(double measure)
        => new([new CoordinateZM(1, 2, 3, measure), new CoordinateZM(4, 5, 6, 7)]) { SRID = 4326 };

    private async Task<long> BytesOfAsync(Geometry geometry)
    {
        await using var cache = new SecondLevelCache();
        await using (var db = Open<Geometry>(null, "geometry"))
        {
            await db.Database.ExecuteSqlRawAsync("DROP TABLE IF EXISTS holders");
            await db.Database.ExecuteSqlRawAsync(db.Database.GenerateCreateScript());
            db.Add(new Holder<Geometry> { Id = 1, Value = geometry });
            await db.SaveChangesAsync();
        }

        await using var cached = Open<Geometry>(cache, "geometry");
        await cached.Holders.Cacheable().ToListAsync();
        return cache.Statistics.Bytes;
    }

    private sealed class Mover : ICoordinateFilter
    {
        public void Filter(Coordinate coordinate) => coordinate.X += 100;
    }
}
