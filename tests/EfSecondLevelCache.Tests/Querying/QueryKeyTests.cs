using EfSecondLevelCache.Planning;
using EfSecondLevelCache.Querying;
using EfSecondLevelCache.Session;
using EfSecondLevelCache.Tests.Support;
using EfSecondLevelCache.Values;

namespace EfSecondLevelCache.Tests.Querying;

public class QueryKeyTests
{
    private const ulong SomeHash = 42;

    private static readonly CacheScope Shop = CacheScope.Of("Host=db;Database=shop", typeof(ShopContext));

    [Fact]
    public void Keys_of_equal_parts_are_equal_whoever_made_the_parts()
    {
        var one = new QueryKey(Shape("SELECT 1"), Shop, [1, 2], SomeHash);
        var other = new QueryKey(
            Shape(string.Concat("SELECT", " 1")), CacheScope.Of("Host=db;Database=shop;Timeout=7", typeof(ShopContext)), [1, 2], SomeHash);

        Assert.True(one.Equals(other));
        Assert.True(one.Equals((object)other));
        Assert.Equal(one.GetHashCode(), other.GetHashCode());
    }

    [Fact]
    public void Keys_of_one_hash_are_not_equal_where_a_part_differs()
    {
        var key = new QueryKey(Shape("SELECT 1"), Shop, [1, 2], SomeHash);
        QueryKey[] others =
        [
            new(Shape("SELECT 2"), Shop, [1, 2], SomeHash),
            new(Shape("SELECT 1", typeof(long)), Shop, [1, 2], SomeHash),
            new(Shape("SELECT 1", typeof(int), "name"), Shop, [1, 2], SomeHash),
            new(Shape("SELECT 1", storeType: "text"), Shop, [1, 2], SomeHash),
            new(Shape("SELECT 1"), CacheScope.Of("Host=db;Database=archive", typeof(ShopContext)), [1, 2], SomeHash),
            new(Shape("SELECT 1"), CacheScope.Of("Host=db;Database=shop", typeof(ModelContext)), [1, 2], SomeHash),
            new(Shape("SELECT 1"), Shop, [1, 3], SomeHash),
            new(Shape("SELECT 1"), Shop, [1], SomeHash),
            new(Shape("SELECT 1"), Shop, [1, 2, 0], SomeHash),
            new(Shape("SELECT 1"), Shop, [], SomeHash),
        ];

        Assert.All(others, other => Assert.False(key.Equals(other)));
        Assert.All(others, other => Assert.False(other.Equals(key)));
        Assert.Equal(others.Length + 1, new HashSet<QueryKey>([key, .. others]).Count);
    }

    [Fact]
    public void Texts_of_one_hash_are_different_queries()
    {
        var one = new QueryKey(Shape("SELECT 1", contentHash: 7), Shop, [], SomeHash);
        var other = new QueryKey(Shape("SELECT 2", contentHash: 7), Shop, [], SomeHash);

        Assert.False(one.Equals(other));
    }

    [Fact]
    public void A_key_is_nothing_else()
    {
        var key = new QueryKey(Shape("SELECT 1"), Shop, [], SomeHash);

        Assert.False(key.Equals(null));
        Assert.False(key.Equals("SELECT 1"));
    }

    [Fact]
    public void A_probe_becomes_the_key_that_it_looks_for()
    {
        byte[] parameters = [1, 2, 3];
        var shape = Shape("SELECT 1");
        var key = new QueryKey.Probe(shape, Shop, parameters).ToKey();
        parameters[0] = 9;

        Assert.Equal(QueryKey.HashOf(shape, Shop, [1, 2, 3]), key.Hash);
        Assert.Equal([1, 2, 3], key.Parameters);
        Assert.True(key.Is(Shape("SELECT 1"), Shop, [1, 2, 3]));
        Assert.False(key.Is(Shape("SELECT 1"), Shop, parameters));
    }

    [Fact]
    public void The_hash_depends_on_each_part()
    {
        var archive = CacheScope.Of("Host=db;Database=archive", typeof(ShopContext));
        ulong[] hashes =
        [
            QueryKey.HashOf(Shape("SELECT 1"), Shop, [1]),
            QueryKey.HashOf(Shape("SELECT 2"), Shop, [1]),
            QueryKey.HashOf(Shape("SELECT 1"), archive, [1]),
            QueryKey.HashOf(Shape("SELECT 1"), Shop, [2]),
            QueryKey.HashOf(Shape("SELECT 1"), Shop, []),
        ];

        Assert.Distinct(hashes);
    }

    private static QueryShape Shape(
        string text, Type? column = null, string columnName = "id", string storeType = "integer", ulong? contentHash = null)
        => new(text, new PlannedColumns([columnName], [column ?? typeof(int)]), [storeType], QueryCachePolicy.Default, contentHash ?? ContentHash.Of(text));
}
