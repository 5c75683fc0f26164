using Microsoft.EntityFrameworkCore;

namespace EfSecondLevelCache.IntegrationTests.Serving;

/// <summary>A change through EF Core is seen by the next read.</summary>
public sealed class InvalidationTests(ShopDatabase database) : ShopTests(database)
{
    public static TheoryData<string> Changes => [.. ChangesByName.Keys];

    private static Dictionary<string, Func<ShopContext, Task>> ChangesByName { get; } = new()
    {
        ["SaveChanges, insert"] = db => SaveAsync(db, () => db.Add(new Order { ProductId = 1, Quantity = 1 }), isAsync: false),
        ["SaveChangesAsync, insert"] = db => SaveAsync(db, () => db.Add(new Order { ProductId = 1, Quantity = 1 }), isAsync: true),
        ["SaveChanges, update"] = db => SaveAsync(db, () => db.Orders.Find(1)!.Quantity++, isAsync: false),
        ["SaveChangesAsync, update"] = db => SaveAsync(db, () => db.Orders.Find(1)!.Quantity++, isAsync: true),
        ["SaveChangesAsync, update of what was not read"] = async db =>
        {
            var quantity = await db.Orders.Where(o => o.Id == 2).Select(o => o.Quantity).SingleAsync();
            db.Update(new Order { Id = 2, ProductId = 2, Quantity = quantity + 1 });
            await db.SaveChangesAsync();
        },
        ["SaveChanges, delete"] = db => SaveAsync(db, () => db.Remove(db.Orders.OrderBy(o => o.Id).Last()), isAsync: false),
        ["SaveChangesAsync, delete"] = db => SaveAsync(db, () => db.Remove(db.Orders.OrderBy(o => o.Id).Last()), isAsync: true),
        ["ExecuteUpdate"] = db
            => Task.FromResult(db.Orders.Where(o => o.Id == 1).ExecuteUpdate(s => s.SetProperty(o => o.Quantity, o => o.Quantity + 1))),
        ["ExecuteUpdateAsync"] = db => db.Orders.Where(o => o.Id == 1)
            .ExecuteUpdateAsync(s => s.SetProperty(o => o.Quantity, o => o.Quantity + 1)),
        ["ExecuteDelete"] = db => Task.FromResult(db.Orders.Where(o => o.Id == db.Orders.Max(x => x.Id)).ExecuteDelete()),
        ["ExecuteDeleteAsync"] = db => db.Orders.Where(o => o.Id == db.Orders.Max(x => x.Id)).ExecuteDeleteAsync(),
        ["ExecuteSql"] = db
            => Task.FromResult(db.Database.ExecuteSql($"""UPDATE orders SET "Quantity" = "Quantity" + {1} WHERE "Id" = 1""")),
        ["ExecuteSqlAsync"] = db => db.Database.ExecuteSqlAsync($"""INSERT INTO orders ("ProductId", "Quantity") VALUES (1, {1})"""),
        ["SqlQuery that writes"] = db => db.Database.SqlQuery<int>(
            $"""UPDATE orders SET "Quantity" = "Quantity" + 1 WHERE "Id" = 1 RETURNING "Id" AS "Value" """).ToListAsync(),
        ["FromSql that writes"] = db => db.Orders.FromSql(
            $"""WITH u AS (UPDATE orders SET "Quantity" = "Quantity" + 1 WHERE "Id" = 1 RETURNING *) SELECT * FROM u""").ToListAsync(),
        ["ExecuteSql of a block"] = db => db.Database.ExecuteSqlRawAsync(
            """DO $$ BEGIN UPDATE orders SET "Quantity" = "Quantity" + 1 WHERE "Id" = 1; END $$"""),
        ["ExecuteSql, truncate and insert"] = db => db.Database.ExecuteSqlRawAsync(
            """
            CREATE TEMP TABLE kept AS SELECT "Id", "ProductId", "Quantity" + 1 FROM orders;
            TRUNCATE orders;
            INSERT INTO orders SELECT * FROM kept;
            DROP TABLE kept
            """),
    };

    [Theory]
    [MemberData(nameof(Changes))]
    public async Task A_change_is_seen_by_the_next_read(string change)
    {
        await using var cache = new SecondLevelCache();
        await MissAsync(cache, db => db.Categories.Cacheable().CountAsync());
        var before = await MissAsync(cache, db => db.Orders.Cacheable().SumAsync(o => o.Quantity));
        await HitAsync(cache, db => db.Orders.Cacheable().SumAsync(o => o.Quantity));

        await using (var writer = Open(cache))
            await ChangesByName[change](writer);

        Assert.NotEqual(before, await MissAsync(cache, db => db.Orders.Cacheable().SumAsync(o => o.Quantity)));
        await HitAsync(cache, db => db.Orders.Cacheable().SumAsync(o => o.Quantity));
    }

    [Fact]
    public async Task A_change_concerns_no_other_table()
    {
        await using var cache = new SecondLevelCache();
        await MissAsync(cache, db => db.Categories.Cacheable().CountAsync());
        await using (var writer = Open(cache))
        {
            writer.Add(new Order { ProductId = 1, Quantity = 1 });
            await writer.SaveChangesAsync();
            await writer.Orders.Where(o => o.Id == 1).ExecuteUpdateAsync(s => s.SetProperty(o => o.Quantity, 3));
            await writer.Orders.Where(o => o.Id == -1).ExecuteDeleteAsync();
        }

        await HitAsync(cache, db => db.Categories.Cacheable().CountAsync());
    }

    [Fact]
    public async Task Every_table_of_a_query_counts()
    {
        await using var cache = new SecondLevelCache();
        await MissAsync(cache, ReadAsync);
        await using (var writer = Open(cache))
            await writer.Categories.Where(c => c.Id == 4).ExecuteUpdateAsync(s => s.SetProperty(c => c.Name, "four"));
        Assert.Contains("four", await MissAsync(cache, ReadAsync));
        await using (var writer = Open(cache))
            await writer.Orders.Where(o => o.Id == 1).ExecuteUpdateAsync(s => s.SetProperty(o => o.Quantity, 1));
        await MissAsync(cache, ReadAsync);

        static Task<List<string>> ReadAsync(ShopContext db) => db.Products.Where(p => db.Orders.Any(o => o.ProductId == p.Id))
            .Select(p => p.Category!.Name).Cacheable().ToListAsync();
    }

    [Fact]
    public async Task A_save_that_changes_nothing_removes_nothing()
    {
        await using var cache = new SecondLevelCache();
        await MissAsync(cache, db => db.Orders.Cacheable().CountAsync());
        await using (var writer = Open(cache))
        {
            await writer.Orders.ToListAsync();
            Assert.Equal(0, await writer.SaveChangesAsync());
        }

        await HitAsync(cache, db => db.Orders.Cacheable().CountAsync());
    }

    [Fact]
    public async Task A_save_that_fails_serves_nothing_that_may_be_old()
    {
        await using var cache = new SecondLevelCache();
        await MissAsync(cache, db => db.Products.Cacheable().CountAsync());
        await using (var writer = Open(cache))
        {
            writer.Add(new Product { Name = "orphan", CategoryId = 999 });
            await Assert.ThrowsAsync<DbUpdateException>(() => writer.SaveChangesAsync());
        }

        await using var db = Open(cache);
        Assert.Equal(await db.Products.NotCacheable().CountAsync(), await db.Products.Cacheable().CountAsync());
    }

    [Fact]
    public async Task A_value_that_was_changed_in_the_context_is_not_overwritten_and_not_cached()
    {
        await using var cache = new SecondLevelCache();
        await using var db = Open(cache);
        var order = await db.Orders.Cacheable().SingleAsync(o => o.Id == 5);
        var original = order.Quantity;
        order.Quantity = 12345;
        Assert.Equal(12345, (await db.Orders.Cacheable().SingleAsync(o => o.Id == 5)).Quantity);
        Assert.Equal(original, (await HitAsync(cache, other => other.Orders.Cacheable().SingleAsync(o => o.Id == 5))).Quantity);
    }

    /// <summary>Of what somebody has written whom nobody observes.</summary>
    [Fact]
    public async Task Invalidation_of_a_row_by_hand_leaves_the_results_of_other_rows()
    {
        await using var cache = new SecondLevelCache();
        await using var db = Open(cache);
        await MissAsync(cache, other => ProductAsync(other, 1));
        await MissAsync(cache, other => ProductAsync(other, 2));
        await MissAsync(cache, other => other.Products.Cacheable().CountAsync());

        await cache.InvalidateAsync<Product>(db, [1]);
        await HitAsync(cache, other => ProductAsync(other, 2));
        await MissAsync(cache, other => ProductAsync(other, 1));
        await MissAsync(cache, other => other.Products.Cacheable().CountAsync());

        var several = await Assert.ThrowsAsync<ArgumentException>(() => cache.InvalidateAsync<Product>(db, [1, 2]).AsTask());
        Assert.Contains("the primary key has 1: Id", several.Message);
        var text = await Assert.ThrowsAsync<ArgumentException>(() => cache.InvalidateAsync<Product>(db, ["1"]).AsTask());
        Assert.Contains("the value of Id is String, and the key has Int32", text.Message);

        static Task<Product> ProductAsync(ShopContext db, int id) => db.Products.Cacheable().SingleAsync(p => p.Id == id);
    }

    [Fact]
    public async Task Invalidation_by_hand_removes_what_it_names()
    {
        await using var cache = new SecondLevelCache();
        await using var db = Open(cache);

        await FillAsync();
        await cache.InvalidateTableAsync("orders");
        await MissAsync(cache, OrdersAsync);
        await HitAsync(cache, ProductsAsync);

        await FillAsync();
        await cache.InvalidateTableAsync("orders", "public");
        await MissAsync(cache, OrdersAsync);
        await HitAsync(cache, ProductsAsync);

        await FillAsync();
        await cache.InvalidateTableAsync("public.orders");
        await MissAsync(cache, OrdersAsync);
        await HitAsync(cache, ProductsAsync);

        // A dot is part of the name where the schema stands by itself.
        await cache.InvalidateTableAsync("public.orders", "public");
        await HitAsync(cache, OrdersAsync);

        await FillAsync();
        await cache.InvalidateAsync<Product>(db);
        await MissAsync(cache, ProductsAsync);
        await HitAsync(cache, OrdersAsync);

        await FillAsync();
        await cache.InvalidateTagAsync("menu");
        await MissAsync(cache, ProductsAsync);
        await HitAsync(cache, OrdersAsync);

        await FillAsync();
        await cache.InvalidateTagAsync("Menu");
        await HitAsync(cache, ProductsAsync);

        await cache.ClearAsync();
        Assert.Equal(0, cache.Statistics.Entries);
        await MissAsync(cache, ProductsAsync);
        await MissAsync(cache, OrdersAsync);

        static Task<int> OrdersAsync(ShopContext db) => db.Orders.Cacheable().CountAsync();

        static Task<int> ProductsAsync(ShopContext db) => db.Products.Cacheable(q => q.Tag("food").Tag("menu")).CountAsync();

        async Task FillAsync()
        {
            await OrdersAsync(db);
            await ProductsAsync(db);
        }
    }

    [Fact]
    public async Task DependsOn_adds_a_table()
    {
        await using var cache = new SecondLevelCache();
        await MissAsync(cache, ReadAsync);
        await using (var writer = Open(cache))
            await writer.Orders.Where(o => o.Id == 1).ExecuteUpdateAsync(s => s.SetProperty(o => o.Quantity, 7));
        await MissAsync(cache, ReadAsync);
        await cache.InvalidateTableAsync("orders");
        await MissAsync(cache, ReadAsync);
        await HitAsync(cache, ReadAsync);

        static Task<int> ReadAsync(ShopContext db) => db.Categories.Cacheable(q => q.DependsOn("public.orders")).CountAsync();
    }

    private static async Task SaveAsync(ShopContext db, Action change, bool isAsync)
    {
        change();
        Assert.Equal(1, isAsync ? await db.SaveChangesAsync() : db.SaveChanges());
    }
}
