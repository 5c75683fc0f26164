using EfSecondLevelCache.IntegrationTests.Support;
using Microsoft.EntityFrameworkCore;

namespace EfSecondLevelCache.IntegrationTests.Serving;

/// <summary>PostgreSQL sees the SQL that it would see without the cache.</summary>
public sealed class CommandTextTests(ShopDatabase database) : ShopTests(database)
{
    public static TheoryData<string> Marks => [.. MarksByName.Keys];

    private static Dictionary<string, Func<IQueryable<Product>, Marking, IQueryable<Product>>> MarksByName { get; } = new()
    {
        ["Cacheable"] = (q, m) => m == Marking.None ? q : q.Cacheable(),
        ["with a time to live"] = (q, m) => m == Marking.None ? q : q.Cacheable(TimeSpan.FromMinutes(3)),
        ["with everything"] = (q, m) => m == Marking.None ? q : q.Cacheable(p => p.TimeToLive(TimeSpan.FromMinutes(3))
            .Sliding(TimeSpan.FromMinutes(1)).Tag("a tag").Tag("b\nc").DependsOn("orders").VaryBy("de").MaxCachedRows(100)),
        ["NotCacheable"] = (q, m) => m == Marking.None ? q : q.NotCacheable(),
        ["twice"] = (q, m) => q.Marked(m).Where(p => p.Id > 0).Marked(m),
        ["between tags"] = (q, m) => q.TagWith("first\nof two lines").Marked(m).TagWith("second -- with a dash */")
            .TagWithCallSite("file", 7),
        ["in a subquery"] = (q, m) => m == Marking.None
            ? q.Where(p => q.Select(x => x.Id).Contains(p.Id)).TagWith("outer")
            : q.Where(p => q.Cacheable().Select(x => x.Id).Contains(p.Id)).TagWith("outer"),
    };

    [Theory]
    [MemberData(nameof(Marks))]
    public async Task A_mark_leaves_no_trace(string name)
    {
        await using var cache = new SecondLevelCache();
        await using var cached = Open(cache);
        await using var plain = Open(null);
        var mark = MarksByName[name];
        Assert.Equal(await SqlAsync(plain, Marking.None), await SqlAsync(cached, Marking.Cacheable));

        Task<IReadOnlyList<string>> SqlAsync(ShopContext db, Marking marking) => Tap.DuringAsync(async () =>
        {
            var id = 3;
            await mark(db.Products.Where(p => p.Id == id), marking).ToListAsync();
            await mark(db.Products.TagWith("mine"), marking).Include(p => p.Category).AsSplitQuery().ToListAsync();
            await mark(db.Products, marking).CountAsync();
            await mark(db.Products, marking).FirstOrDefaultAsync(p => p.Name == "x");
            await mark(db.Products.FromSql($"SELECT * FROM products WHERE \"Id\" = {id}"), marking).OrderBy(p => p.Name).ToListAsync();
        });
    }

    [Fact]
    public async Task An_interceptor_sees_the_text_without_the_mark()
    {
        await using var cache = new SecondLevelCache();
        var log = new CommandLog();
        await using var cached = Open(cache, o => o.AddInterceptors(log));
        await cached.Products.Where(p => p.Id == 3).TagWith("mine").Cacheable(q => q.Tag("t")).ToListAsync();

        var plainLog = new CommandLog();
        await using var plain = Open(null, o => o.AddInterceptors(plainLog));
        await plain.Products.Where(p => p.Id == 3).TagWith("mine").ToListAsync();

        Assert.Equal(plainLog.Texts, log.Texts);
    }

    [Fact]
    public async Task Writes_are_sent_as_without_the_cache()
    {
        await using var cache = new SecondLevelCache(c => c.CacheAllQueries());
        await using var cached = Open(cache);
        await using var plain = Open(null);
        Assert.Equal(await SqlAsync(plain), await SqlAsync(cached));

        Task<IReadOnlyList<string>> SqlAsync(ShopContext db) => Tap.DuringAsync(async () =>
        {
            db.Add(new Order { ProductId = 1 });
            db.Add(new Category { Name = "new" });
            await db.SaveChangesAsync();
            await db.Orders.Where(o => o.Id >= 1000).ExecuteUpdateAsync(s => s.SetProperty(o => o.Quantity, 5));
            await db.Orders.Where(o => o.Id >= 1000).ExecuteDeleteAsync();
            await db.Database.ExecuteSqlAsync($"DELETE FROM categories WHERE \"Id\" >= 1000");
            await using var transaction = await db.Database.BeginTransactionAsync();
            await db.Database.ExecuteSqlAsync($"UPDATE orders SET \"Quantity\" = 1 WHERE \"Id\" = 1");
            await transaction.CommitAsync();
        });
    }
}
