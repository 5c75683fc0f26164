using EfSecondLevelCache.IntegrationTests.Support;
using Microsoft.EntityFrameworkCore;

namespace EfSecondLevelCache.IntegrationTests.Serving;

/// <summary>PostgreSQL sees the SQL that it would see without the cache.</summary>
public sealed class CommandTextTests(ShopDatabase database) : ShopTests(database)
{
    public static TheoryData<string> Marks => [.. MarksByName.Keys];

    private static Dictionary<string, Func<IQueryable<Product>, IQueryable<Product>>> MarksByName { get; } = new()
    {
        ["Cacheable"] = q => q.Cacheable(),
        ["with a time to live"] = q => q.Cacheable(TimeSpan.FromMinutes(3)),
        ["with everything"] = q => q.Cacheable(p => p.TimeToLive(TimeSpan.FromMinutes(3)).Sliding(TimeSpan.FromMinutes(1)).Tag("a tag").Tag("b\nc")
            .DependsOn("orders").VaryBy("de").MaxCachedRows(100)),
        ["NotCacheable"] = q => q.NotCacheable(),
        ["twice"] = q => q.Cacheable().Where(p => p.Id > 0).Cacheable(TimeSpan.FromMinutes(1)),
        ["between tags"] = q => q.TagWith("first\nof two lines").Cacheable().TagWith("second -- with a dash */").TagWithCallSite("file", 7),
        ["in a subquery"] = q => q.Where(p => q.Cacheable().Select(x => x.Id).Contains(p.Id)).TagWith("outer"),
    };

    [Theory]
    [MemberData(nameof(Marks))]
    public async Task A_mark_leaves_no_trace(string mark)
    {
        await using var cache = new SecondLevelCache();
        await using var cached = Open(cache);
        await using var plain = Open(null);
        var marked = MarksByName[mark];
        Assert.Equal(await SqlAsync(plain), await SqlAsync(cached));

        Task<IReadOnlyList<string>> SqlAsync(ShopContext db) => Tap.DuringAsync(async () =>
        {
            var id = 3;
            await marked(db.Products.Where(p => p.Id == id)).ToListAsync();
            await marked(db.Products.TagWith("mine")).Include(p => p.Category).AsSplitQuery().ToListAsync();
            await marked(db.Products).CountAsync();
            await marked(db.Products).FirstOrDefaultAsync(p => p.Name == "x");
            await marked(db.Products.FromSql($"SELECT * FROM products WHERE \"Id\" = {id}")).OrderBy(p => p.Name).ToListAsync();
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
