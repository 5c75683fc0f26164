using Microsoft.EntityFrameworkCore;

namespace EfSecondLevelCache.IntegrationTests.Serving;

/// <summary>What a reader does with its result concerns no other reader.</summary>
public sealed class MutationTests(ShopDatabase database) : ShopTests(database)
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_mutated_entity_does_not_reach_the_next_reader(bool tracked)
    {
        await using var cache = new SecondLevelCache();
        await using var uncached = Open(null);
        var expected = Support.GraphText.Of(await ReadAsync(uncached));

        // The first mutates what it read from the database, the second what it got from the cache.
        for (var i = 0; i < 3; i++)
        {
            await using var db = Open(cache);
            var product = i == 0 ? await MissAsync(() => ReadAsync(db)) : await HitAsync(() => ReadAsync(db));
            Assert.Equal(expected, Support.GraphText.Of(product));

            product.Name = "changed";
            product.Labels[0] = "changed";
            product.Sizes.Add(99);
            product.Sizes[0] = -1;
            product.Picture[0] = 255;
            product.Attributes["colour"] = "blue";
            product.Attributes.Add("more", null);
            product.Details.Dispose();
            product.Category!.Name = "changed";
        }

        Task<Product> ReadAsync(ShopContext db)
            => (tracked ? db.Products.AsTracking() : db.Products.AsNoTracking()).Include(p => p.Category).Cacheable()
                .SingleAsync(p => p.Id == 3);
    }

    [Fact]
    public async Task A_mutated_value_does_not_reach_the_next_reader()
    {
        await using var cache = new SecondLevelCache();
        for (var i = 0; i < 3; i++)
        {
            await using var db = Open(cache);
            var labels = await db.Products.Where(p => p.Id == 3).Select(p => p.Labels).Cacheable().SingleAsync();
            Assert.Equal(["new", "label 3"], labels);
            Array.Clear(labels);

            var picture = await db.Products.Where(p => p.Id == 3).Select(p => p.Picture).Cacheable().SingleAsync();
            Assert.Equal([1, 2, 3], picture);
            Array.Clear(picture);

            var raw = await db.Database.SqlQuery<byte[]>($"""SELECT "Picture" AS "Value" FROM products WHERE "Id" = 3""").Cacheable()
                .ToListAsync();
            Assert.Equal([1, 2, 3], raw.Single());
            Array.Clear(raw[0]);

            var sizes = db.Products.Where(p => p.Id == 3).Select(p => p.Sizes).Cacheable().Single();
            Assert.Equal([3, 4], sizes);
            sizes.Clear();
        }
    }

    [Fact]
    public async Task A_parameter_that_is_changed_after_the_query_does_not_change_its_key()
    {
        await using var cache = new SecondLevelCache();
        var ids = new List<int> { 1, 2 };
        var bytes = new byte[] { 1, 2, 3 };
        await using var db = Open(cache);
        Assert.Equal(2, await MissAsync(() => db.Products.Where(p => ids.Contains(p.Id)).Cacheable().CountAsync()));
        Assert.Equal(1, await MissAsync(() => db.Products.Where(p => p.Picture == bytes).Cacheable().CountAsync()));

        ids.Add(3);
        bytes[2] = 99;
        Assert.Equal(3, await MissAsync(() => db.Products.Where(p => ids.Contains(p.Id)).Cacheable().CountAsync()));
        Assert.Equal(0, await MissAsync(() => db.Products.Where(p => p.Picture == bytes).Cacheable().CountAsync()));

        ids.RemoveAt(2);
        bytes[2] = 3;
        Assert.Equal(2, await HitAsync(() => db.Products.Where(p => ids.Contains(p.Id)).Cacheable().CountAsync()));
        Assert.Equal(1, await HitAsync(() => db.Products.Where(p => p.Picture == bytes).Cacheable().CountAsync()));
    }

    [Fact]
    public async Task A_tracked_entity_from_the_cache_can_be_changed_and_saved()
    {
        await using var cache = new SecondLevelCache();
        await MissAsync(cache, db => db.Products.Cacheable().SingleAsync(p => p.Id == 20));
        await using (var db = Open(cache))
        {
            var product = await HitAsync(() => db.Products.Cacheable().SingleAsync(p => p.Id == 20));
            Assert.Equal(EntityState.Unchanged, db.Entry(product).State);
            product.Price = 4711;
            product.Sizes.Add(1);
            Assert.Equal(1, await db.SaveChangesAsync());
        }

        var read = await MissAsync(cache, db => db.Products.Cacheable().SingleAsync(p => p.Id == 20));
        Assert.Equal(4711, read.Price);
        Assert.Equal([20, 21, 1], read.Sizes);
    }
}
