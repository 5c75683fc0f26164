using EfSecondLevelCache.IntegrationTests.Support;
using Microsoft.EntityFrameworkCore;
using Pgvector;
using Pgvector.EntityFrameworkCore;

namespace EfSecondLevelCache.CompatibilityTests.Types;

/// <summary>Vectors are shared by all readers, and sent by their numbers.</summary>
public sealed class PgvectorTests(PostgresServer server) : TypeSpecification(server)
{
    /// <summary>Types that go over the wire as those of the extension, for servers without it: bytes that nobody looks into.</summary>
    protected override string? Setup => string.Concat(((string[])["vector", "halfvec", "sparsevec"]).Select(type =>
        $"""
        CREATE TYPE {type};
        CREATE FUNCTION {type}_in(cstring) RETURNS {type} LANGUAGE internal IMMUTABLE STRICT AS 'byteain';
        CREATE FUNCTION {type}_out({type}) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'byteaout';
        CREATE FUNCTION {type}_recv(internal) RETURNS {type} LANGUAGE internal IMMUTABLE STRICT AS 'bytearecv';
        CREATE FUNCTION {type}_send({type}) RETURNS bytea LANGUAGE internal IMMUTABLE STRICT AS 'byteasend';
        CREATE TYPE {type} (INPUT = {type}_in, OUTPUT = {type}_out, RECEIVE = {type}_recv, SEND = {type}_send, STORAGE = external);
        CREATE FUNCTION {type}_eq({type}, {type}) RETURNS bool LANGUAGE internal IMMUTABLE STRICT AS 'byteaeq';
        CREATE OPERATOR = (LEFTARG = {type}, RIGHTARG = {type}, FUNCTION = {type}_eq);

        """));

    [Fact]
    public async Task Vectors_of_every_kind()
    {
        await AssertCachedAsync("vector", new Vector(new float[] { 1, 2, 3 }), new Vector(new float[] { 1, 2, 4 }), new Vector(new float[] { 1, 2 }));
        await AssertCachedAsync("vector", new Vector(new[] { 0f }), new Vector(new[] { -0f }), new Vector(new[] { float.NaN }));
        await AssertCachedAsync("halfvec", new HalfVector(new Half[] { (Half)1, (Half)2 }), new HalfVector(new Half[] { (Half)1, (Half)3 }));
        await AssertCachedAsync(
            "sparsevec", new SparseVector(new Dictionary<int, float> { [1] = 2 }, 5), new SparseVector(new Dictionary<int, float> { [1] = 2 }, 6),
            new SparseVector(new Dictionary<int, float> { [2] = 2 }, 6));
    }

    [Fact]
    public async Task What_a_vector_takes_counts_for_the_bound()
    {
        await using var cache = new SecondLevelCache();
        await AssertCachedAsync("vector", new Vector(new float[10_000]));
        await using var db = Open<Vector>(cache, "vector");
        await db.Holders.Cacheable().ToListAsync();
        Assert.InRange(cache.Statistics.Bytes, 40_000, 60_000);
    }

    protected override void Configure(DbContextOptionsBuilder options) => options.UseNpgsql(ConnectionString, npgsql => npgsql.UseVector());

    protected override string TextOf(object value) => $"{value.GetType()} {value}";

    protected override bool TryChange(object value) => false;

    protected override IQueryable<Holder<T>> Equal<T>(IQueryable<Holder<T>> rows, T value) => rows.Where(h => h.Value!.Equals(value));
}
