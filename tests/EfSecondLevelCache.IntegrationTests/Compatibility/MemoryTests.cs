using System.Collections;
using System.Linq.Expressions;
using System.Reflection;
using System.Runtime.CompilerServices;
using EfSecondLevelCache.IntegrationTests.Serving;
using EfSecondLevelCache.IntegrationTests.Support;
using EfSecondLevelCache.Planning;
using EfSecondLevelCache.Session;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace EfSecondLevelCache.IntegrationTests.Compatibility;

// Alone, as they weigh the whole heap.
[CollectionDefinition(nameof(MemoryTests), DisableParallelization = true)]
public sealed class MemoryCollection;

/// <summary>What the cache keeps in memory has a bound, whatever the application does.</summary>
[Collection(nameof(MemoryTests))]
public sealed class MemoryTests(ShopDatabase database) : ShopTests(database)
{
    private const long MiB = 1L << 20;

    /// <summary>More than EF Core remembers, so that what is measured does not fill its own cache.</summary>
    private const int CompiledQueries = 1_100;

    [Fact]
    public async Task Queries_with_constants_in_their_text_take_what_MaxBytes_says()
    {
        // What EF Core takes for them, and what the first of them makes for good.
        await ReadConstantsAsync(null, from: 0, count: CompiledQueries);
        await using var cache = new SecondLevelCache(c => c.MaxBytes(MiB));
        await ReadConstantsAsync(cache, from: 1_000_000, count: CompiledQueries);

        var before = Weigh();
        await ReadConstantsAsync(cache, from: 2_000_000, count: FullRun.Is ? 3_000 : 1_500);
        var grown = Weigh() - before;

        Assert.InRange(cache.Statistics.Entries, 200, 1_500);
        // A cache with no such bound grew by 3 KiB for each query.
        Assert.True(grown < 2 * MiB, $"{grown / 1024} KiB more");
        GC.KeepAlive(cache);
    }

    [Fact]
    public async Task A_full_cache_takes_what_MaxBytes_says()
    {
        await ReadConstantsAsync(null, from: 3_000_000, count: CompiledQueries);
        var before = Weigh();
        var cache = new SecondLevelCache(c => c.MaxBytes((FullRun.Is ? 8 : 3) * MiB).MaxEntryBytes(64 << 10));
        await ReadConstantsAsync(cache, from: 4_000_000, count: FullRun.Is ? 6_000 : 2_500);
        var grown = Weigh() - before;
        var said = cache.Statistics.Bytes;
        await cache.DisposeAsync();

        // Beside it there are the plans of the queries that EF Core still knows, the catalog, and the cache itself.
        Assert.True(grown < (said * 1.3) + (5 * MiB), $"{said} bytes said, {grown} taken");
    }

    [Fact]
    public async Task The_text_of_a_query_counts_in_each_cache_that_has_results_of_it()
    {
        await using var first = new SecondLevelCache();
        await using var second = new SecondLevelCache();
        foreach (var cache in (SecondLevelCache[])[first, second])
            await MissAsync(cache, db => db.Products.Where(p => p.Id < 9 && p.Name != "").Cacheable().ToListAsync());

        Assert.Equal(first.Statistics.Bytes, second.Statistics.Bytes);
        Assert.InRange(second.Statistics.Bytes, Assert.Single(second.Entries()).CommandText.Length * 2, long.MaxValue);
    }

    [Fact]
    public async Task The_text_of_a_query_counts_once_and_goes_with_its_last_result()
    {
        await using var cache = new SecondLevelCache();
        var tag = new string('t', 500);
        await ReadAsync(1);
        var first = cache.Statistics.Bytes;
        for (var id = 2; id <= 20; id++)
            await ReadAsync(id);

        var other = (cache.Statistics.Bytes - first) / 19;
        Assert.InRange(first - other, 2 * (tag.Length + cache.Entries().First().CommandText.Length), 10_000);
        Assert.InRange(cache.Statistics.Bytes - cache.Entries().Sum(entry => entry.Bytes), 0, 40);
        await cache.ClearAsync();
        Assert.Equal(0, cache.Statistics.Bytes);

        Task ReadAsync(int id)
            => MissAsync(cache, db => db.Products.Where(p => p.Id == id).Select(p => p.Price).Cacheable(q => q.Tag(tag)).ToListAsync());
    }

    [Fact]
    public async Task A_kept_result_does_not_hold_the_plan_of_a_query_that_EF_Core_compiles_anew_each_time()
    {
        await using var cache = new SecondLevelCache();
        for (var id = 1; id <= 20; id++)
        {
            await using var db = Open(cache);
            await db.Products.FromSql($"""SELECT * FROM products WHERE "Id" = {id}""").Cacheable().ToListAsync();
        }

        var texts = TextsOf(cache);
        Assert.Equal(20, texts.Count);
        // One text for all of them, and nobody has a plan of it.
        Assert.Single(texts.Distinct(ReferenceEqualityComparer.Instance));
        Weigh();
        Assert.All(texts, text => Assert.Null(PlansByText.Find(text)));
        Assert.InRange(cache.Statistics.Bytes / 20, 1, 2_000);
    }

    [Fact]
    public async Task Connection_strings_that_lead_to_one_database_share_its_catalog()
    {
        var strings = FullRun.Is ? 60 : 24;
        var many = await Database.CreateAnotherAsync();
        await many.ExecuteAsync(
            """
            DO $$ BEGIN
              FOR i IN 1..300 LOOP
                EXECUTE format('CREATE TABLE extra_%s (id int PRIMARY KEY, name text, price numeric, made timestamptz, product_id int REFERENCES products)', i);
              END LOOP;
            END $$
            """);
        await using var cache = new SecondLevelCache();
        await UseStringsAsync(null, many, "warm", 2);
        await UseStringsAsync(cache, many, "warm", 2);
        // What Npgsql and EF Core keep of a string.
        var plain = await GrownByAsync(() => UseStringsAsync(null, many, "plain", strings));
        var cached = await GrownByAsync(() => UseStringsAsync(cache, many, "cached", strings));

        Assert.Equal(2 + strings, cache.Statistics.Fills);
        // A catalog of these takes 400 KiB or more.
        Assert.True((cached - plain) / strings < 50 << 10, $"{plain / strings} bytes for each without the cache, {cached / strings} with it");
        await many.DisposeAsync();
    }

    [Fact]
    public async Task Catalogs_that_do_not_fit_are_let_go_and_read_again()
    {
        await using var cache = new SecondLevelCache(c => c.MaxBytes(MiB));
        ShopDatabase[] shops = [await Database.CreateAnotherAsync(), await Database.CreateAnotherAsync(), await Database.CreateAnotherAsync()];
        foreach (var shop in shops)
        {
            await shop.ExecuteAsync(
                "DO $$ BEGIN FOR i IN 1..150 LOOP EXECUTE format('CREATE TABLE extra_%s (id int PRIMARY KEY, name text)', i); END LOOP; END $$");
        }

        for (var round = 0; round < 2; round++)
        {
            foreach (var shop in shops)
            {
                await using var db = Open(cache, connectionString: shop.Tap.ConnectionString);
                var (id, price) = (1 + round, 7m + round);
                await db.Products.Where(p => p.Id == id).Cacheable().SingleAsync();
                Assert.Equal(price, (await Changed(db, id, price)).Price);
            }
        }

        var known = shops.Count(shop => ((ISessionCache)cache).DatabaseOf(CacheScope.Of(shop.Tap.ConnectionString, typeof(ShopContext))).Catalog is not null);
        Assert.Equal(1, known);
        foreach (var shop in shops)
            await shop.DisposeAsync();

        static async Task<Product> Changed(ShopContext db, int id, decimal price)
        {
            await db.Products.Where(p => p.Id == id).ExecuteUpdateAsync(s => s.SetProperty(p => p.Price, price));
            return await db.Products.AsNoTracking().Where(p => p.Id == id).Cacheable().SingleAsync();
        }
    }

    [Fact]
    public async Task Names_of_tables_that_nobody_reads_are_not_collected()
    {
        await using var cache = new SecondLevelCache();
        await MissAsync(cache, db => db.Products.Cacheable().CountAsync());
        var before = Weigh();
        for (var i = 0; i < 60_000; i++)
            await cache.InvalidateTableAsync($"a_table_that_somebody_else_may_have_{i}");
        var grown = Weigh() - before;

        Assert.True(grown < 8 * MiB, $"{grown / 1024} KiB more");
        await HitAsync(cache, db => db.Products.Cacheable().CountAsync());
        await cache.InvalidateTableAsync("products");
        await MissAsync(cache, db => db.Products.Cacheable().CountAsync());
    }

    [Fact]
    public async Task A_table_of_the_process_has_no_password()
    {
        const string Password = "a_password_that_nobody_else_has";
        await using var cache = new SecondLevelCache();
        var connectionString = new NpgsqlConnectionStringBuilder(Tap.ConnectionString) { Password = Password }.ConnectionString;
        await using (var db = Open(cache, connectionString: connectionString))
            await db.Products.Cacheable().CountAsync();

        var found = Reachable(typeof(SecondLevelCache).Assembly).OfType<string>().ToList();
        Assert.Contains(found, text => text.Contains(new NpgsqlConnectionStringBuilder(connectionString).Database!, StringComparison.Ordinal));
        Assert.DoesNotContain(found, text => text.Contains(Password, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Settings_that_differ_each_time_do_not_make_caches_without_end()
    {
        var busy = CacheWith(Busy);
        for (var i = 0; i < 3; i++)
            await HitOrMissAsync();
        var made = new HashSet<SecondLevelCache>(ReferenceEqualityComparer.Instance);
        for (var i = 0; i < 150; i++)
        {
            var tenant = $"{i}";
            made.Add(CacheWith(_ => tenant));
        }

        Assert.Equal(150, made.Count);
        await Eventually.TrueAsync(() => made.Count(cache => !cache.IsDisposed) <= 64);
        Assert.False(busy.IsDisposed);
        Assert.Same(busy, CacheWith(Busy));

        SecondLevelCache CacheWith(Func<DbContext, string?> varyBy)
        {
            using var db = Open(null, o => o.AddSecondLevelCache(c => c.VaryBy(varyBy)));
            return db.Database.GetSecondLevelCache()!;
        }

        static string? Busy(DbContext context) => "busy";

        async Task HitOrMissAsync()
        {
            await using var db = Open(null, o => o.AddSecondLevelCache(c => c.VaryBy(Busy)));
            await db.Products.Cacheable().CountAsync();
        }
    }

    private async Task ReadConstantsAsync(SecondLevelCache? cache, int from, int count)
    {
        for (var i = from; i < from + count; i++)
        {
            await using var db = Open(cache);
            var product = Expression.Parameter(typeof(Product));
            // EF Core writes a constant into the text, where a captured variable is a parameter.
            var isIt = Expression.Lambda<Func<Product, bool>>(
                Expression.Equal(Expression.Property(product, nameof(Product.Id)), Expression.Constant(i)), product);
            await db.Products.Where(isIt).Select(p => new { p.Id, p.Name, p.Price }).Cacheable().ToListAsync();
        }
    }

    private async Task UseStringsAsync(SecondLevelCache? cache, ShopDatabase shop, string name, int count)
    {
        for (var i = 0; i < count; i++)
        {
            var connectionString = new NpgsqlConnectionStringBuilder(shop.Tap.ConnectionString)
            {
                ApplicationName = $"{name} {i}",
                Pooling = false,
            }.ConnectionString;
            await using var db = Open(cache, connectionString: connectionString);
            await db.Products.Where(p => p.Id == 1).Cacheable().ToListAsync();
        }
    }

    private static async Task<long> GrownByAsync(Func<Task> action)
    {
        var before = Weigh();
        await action();
        return Weigh() - before;
    }

    private static long Weigh()
    {
        for (var i = 0; i < 3; i++)
        {
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
            GC.WaitForPendingFinalizers();
        }

        return GC.GetTotalMemory(forceFullCollection: true);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static List<string> TextsOf(SecondLevelCache cache) => [.. cache.Entries().Select(entry => entry.CommandText)];

    /// <summary>Every object of ours that a static field of an assembly's types leads to; what is held weakly is not.</summary>
    private static HashSet<object> Reachable(Assembly assembly)
    {
        const BindingFlags Fields = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;
        var found = new HashSet<object>(ReferenceEqualityComparer.Instance);
        var open = new Queue<object>();
        foreach (var type in assembly.GetTypes().Where(type => !type.ContainsGenericParameters))
        {
            foreach (var field in type.GetFields(Fields | BindingFlags.Static).Where(field => !field.IsLiteral))
                Add(field.GetValue(null));
        }

        while (open.TryDequeue(out var next))
        {
            if (next is Array array)
            {
                if (!array.GetType().GetElementType()!.IsPrimitive)
                    foreach (var item in (IEnumerable)array)
                        Add(item);
                continue;
            }

            for (var type = next.GetType(); type is not null; type = type.BaseType)
            {
                foreach (var field in type.GetFields(Fields | BindingFlags.Instance).Where(f => !f.FieldType.IsPrimitive && !f.FieldType.IsPointer))
                    Add(field.FieldType.IsByRefLike ? null : field.GetValue(next));
            }
        }

        return found;

        static bool IsAnothers(string? name)
            => name is not null && ((string[])["System.Threading", "Npgsql", "Microsoft"]).Any(theirs => name.StartsWith(theirs, StringComparison.Ordinal));

        void Add(object? value)
        {
            // Npgsql's pools keep what they connect with, and its timers and ours stand in one queue.
            if (value is null or MemberInfo or Assembly or Pointer or Delegate || IsAnothers(value.GetType().Namespace) || !found.Add(value))
                return;
            if (value is not string)
                open.Enqueue(value);
        }
    }
}
