using System.Text.RegularExpressions;
using EfSecondLevelCache.IntegrationTests.Support;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage;
using Npgsql;

namespace EfSecondLevelCache.IntegrationTests.Compatibility;

/// <summary>A write locks what it locks without the cache, sends the same statements but for what they return, and ends in the same way.</summary>
public sealed partial class WriteFootprintTests(FootprintDatabase database) : IClassFixture<FootprintDatabase>
{
    private static readonly Dictionary<string, Func<FootprintContext, Task>> Writes = new()
    {
        ["insert"] = db => SaveAsync(db, _ => db.Add(new FootprintPost { BlogId = 1, Title = "new" })),
        ["insert of a graph"] = db => SaveAsync(db, _ => db.Add(new FootprintBlog
        {
            Name = "new",
            Code = "new",
            Address = new() { City = "new" },
            Posts = [new() { Title = "new", Tags = [new() { Name = "new" }] }],
        })),
        ["update of a plain column"] = db => SaveAsync(db, _ => db.Attach(new FootprintBlog { Id = 1, Name = "?" }).Entity.Name = "new"),
        ["update of a column to the value that it has"] =
            db => SaveAsync(db, _ => db.Attach(new FootprintBlog { Id = 1, Name = "?" }).Entity.Name = "blog 1"),
        ["update of a unique column"] = db => SaveAsync(db, _ => db.Attach(new FootprintBlog { Id = 1, Code = "?" }).Entity.Code = "new"),
        ["update of a foreign key"] = db => SaveAsync(db, _ => db.Attach(new FootprintPost { Id = 1, BlogId = 2 }).Entity.BlogId = 1),
        ["update of several columns"] = db => SaveAsync(db, _ => db.Update(new FootprintPost { Id = 1, BlogId = 1, Title = "new" })),
        ["update of several rows"] = db => SaveAsync(db, _ =>
        {
            foreach (var id in (int[])[2, 1, 3])
                db.Attach(new FootprintBlog { Id = id, Name = "?" }).Entity.Name = "new";
        }),
        ["insert of a child and update of its parent"] = db => SaveAsync(db, _ =>
        {
            db.Add(new FootprintPost { BlogId = 1, Title = "new" });
            db.Attach(new FootprintBlog { Id = 1, Name = "?" }).Entity.Name = "new";
        }),
        ["insert of a child, then update of its parent"] = async db =>
        {
            await SaveAsync(db, _ => db.Add(new FootprintPost { BlogId = 1, Title = "new" }));
            await SaveAsync(db, _ => db.Attach(new FootprintBlog { Id = 1, Name = "?" }).Entity.Name = "new");
        },
        ["update of an owned entity"] = db => SaveAsync(db, _ => db.Attach(new FootprintBlog { Id = 1, Address = new() { City = "?" } }).Entity.Address!.City = "new"),
        ["delete"] = db => SaveAsync(db, _ => db.Remove(new FootprintPost { Id = 6 })),
        ["delete of a parent"] = db => SaveAsync(db, _ => db.Remove(new FootprintBlog { Id = 1, Address = new() { City = "city 1" } })),
        ["join row"] = db => SaveAsync(db, _ => db.Attach(new FootprintPost { Id = 3 }).Entity.Tags.Add(db.Attach(new FootprintTag { Id = 3 }).Entity)),
        ["join row removed"] = db => SaveAsync(db, _ =>
        {
            var post = new FootprintPost { Id = 1, Tags = [new() { Id = 1 }] };
            db.Attach(post);
            post.Tags.Clear();
        }),
        ["TPH"] = db => SaveAsync(db, _ =>
        {
            var cat = db.Attach(new Cat { Id = 1, Name = "?", Lives = 1 }).Entity;
            (cat.Name, cat.Lives) = ("new", 8);
        }),
        ["TPT"] = db => SaveAsync(db, _ =>
        {
            var car = db.Attach(new Car { Id = 1, Name = "?", Plate = "?" }).Entity;
            (car.Name, car.Plate) = ("new", "new");
        }),
        ["TPT, deleted"] = db => SaveAsync(db, _ => db.Remove(new Car { Id = 1 })),
        ["a table called before"] = db => SaveAsync(db, _ => db.Attach(new NamedBefore { Id = 1, Name = "?" }).Entity.Name = "new"),
        ["a table called o"] = db => SaveAsync(db, _ => db.Attach(new NamedO { Id = 1, Name = "?" }).Entity.Name = "new"),
        ["ExecuteUpdate"] = db => db.Blogs.Where(b => b.Name == "blog 1").ExecuteUpdateAsync(set => set.SetProperty(b => b.Name, "new")),
        ["ExecuteDelete"] = db => db.Posts.Where(p => p.BlogId == 1).ExecuteDeleteAsync(),
        ["ExecuteSql"] = db => db.Database.ExecuteSqlAsync($"""UPDATE blogs SET "Name" = 'new' WHERE "Id" = 1"""),
        ["no such row"] = db => SaveAsync(db, _ => db.Attach(new FootprintBlog { Id = 99, Name = "?" }).Entity.Name = "new"),
        ["delete of no such row"] = db => SaveAsync(db, _ => db.Remove(new FootprintPost { Id = 99 })),
        ["duplicate"] = db => SaveAsync(db, _ => db.Attach(new FootprintBlog { Id = 1, Code = "?" }).Entity.Code = "code 2"),
        ["no such parent"] = db => SaveAsync(db, _ => db.Attach(new FootprintPost { Id = 1, BlogId = 1 }).Entity.BlogId = 99),
        ["half of it fails"] = db => SaveAsync(db, _ =>
        {
            db.Attach(new FootprintBlog { Id = 1, Name = "?" }).Entity.Name = "new";
            db.Add(new FootprintBlog { Name = "new", Code = "code 1" });
        }),
    };

    public static TheoryData<string> Kinds => [.. Writes.Keys];

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task A_write_in_a_transaction_leaves_the_same_footprint(string write)
    {
        await using var cache = new SecondLevelCache();
        AssertSame(await FootprintAsync(null, write, inTransaction: true), await FootprintAsync(cache, write, inTransaction: true));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task A_write_outside_of_a_transaction_sends_the_same_statements_and_ends_the_same(string write)
    {
        await using var cache = new SecondLevelCache();
        AssertSame(await FootprintAsync(null, write, inTransaction: false), await FootprintAsync(cache, write, inTransaction: false));
    }

    /// <summary>One batch of statements stays one, and a single statement gets no transaction.</summary>
    [Fact]
    public async Task Batches_are_cut_where_they_are_without_the_cache()
    {
        await using var cache = new SecondLevelCache();
        AssertSame(await FootprintAsync(null, "many", inTransaction: false), await FootprintAsync(cache, "many", inTransaction: false));
    }

    [Fact]
    public async Task Who_inserts_children_and_updates_their_parent_does_not_deadlock()
    {
        await database.ResetAsync();
        await using var cache = new SecondLevelCache();
        await using (var db = database.Open(cache))
            await FootprintDatabase.WarmAsync(db);

        await Task.WhenAll(Enumerable.Range(0, 6).Select(async worker =>
        {
            for (var i = 0; i < 10; i++)
            {
                await using var db = database.Open(cache);
                await using var transaction = await db.Database.BeginTransactionAsync();
                await SaveAsync(db, _ => db.Add(new FootprintPost { BlogId = 1, Title = "new" }));
                await SaveAsync(db, _ => db.Attach(new FootprintBlog { Id = 1, Name = "?" }).Entity.Name = $"{worker} {i}");
                await transaction.CommitAsync();
            }
        }));

        await using var plain = database.Open(null);
        Assert.Equal(60, await plain.Posts.CountAsync(p => p.Title == "new"));
    }

    [Fact]
    public async Task An_open_update_of_a_parent_lets_others_insert_children()
    {
        await database.ResetAsync();
        await using var cache = new SecondLevelCache();
        await using var db = database.Open(cache);
        await FootprintDatabase.WarmAsync(db);
        await using var transaction = await db.Database.BeginTransactionAsync(TestContext.Current.CancellationToken);
        await SaveAsync(db, _ => db.Attach(new FootprintBlog { Id = 1, Name = "?" }).Entity.Name = "new");

        await database.ExecuteAsync("""SET lock_timeout = '5s'; INSERT INTO posts ("BlogId", "Title") VALUES (1, 'child')""");
    }

    private static void AssertSame(Footprint plain, Footprint cached)
    {
        Assert.Equal(plain.End, cached.End);
        Assert.Equal(plain.Statements, cached.Statements);
        Assert.Equal(plain.LockedRows, cached.LockedRows);
        Assert.Empty(plain.Locks.Except(cached.Locks));
        // Who reads a row of a table that it writes shares it once more, in the weakest mode that there is: only who could not write it either waits.
        Assert.All(cached.Locks.Except(plain.Locks), more =>
        {
            Assert.EndsWith(" AccessShareLock", more, StringComparison.Ordinal);
            Assert.Contains(more.Replace("AccessShareLock", "RowExclusiveLock", StringComparison.Ordinal), plain.Locks);
        });
    }

    private async Task<Footprint> FootprintAsync(SecondLevelCache? cache, string write, bool inTransaction)
    {
        await database.ResetAsync();
        await using var tap = new WireTap(database.ConnectionString);
        // A later tap may have the same port: nothing may be left in a pool.
        var connectionString = $"{tap.ConnectionString};Pooling=false";
        await using var db = database.Open(cache, connectionString);
        await db.Database.OpenConnectionAsync();
        if (cache is not null)
        {
            await using var other = database.Open(cache, connectionString);
            await FootprintDatabase.WarmAsync(other);
            Assert.Equal(13, cache.Statistics.Fills);
        }

        await using var transaction = inTransaction ? await db.Database.BeginTransactionAsync() : null;
        var before = tap.RoundTrips;
        var end = "succeeded";
        var statements = await tap.DuringAsync(async () =>
        {
            try
            {
                await (write == "many" ? ManyAsync(db) : Writes[write](db));
            }
            catch (Exception e)
            {
                if (db.Database.GetDbConnection().State is not System.Data.ConnectionState.Open)
                    throw;
                end = $"{e.GetType().Name}: {e.Message} {e.InnerException?.GetType().Name}: {(e.InnerException as PostgresException)?.MessageText}";
            }
        });
        // Statements of one round trip are one batch.
        return new Footprint(
            end, [.. statements.Select(statement => Returning().Replace(statement, "")), $"in {tap.RoundTrips - before} round trips"],
            inTransaction ? await LockedRowsAsync() : [],
            inTransaction ? await LocksAsync((NpgsqlConnection)db.Database.GetDbConnection()) : []);
    }

    private static Task ManyAsync(FootprintContext db) => SaveAsync(db, _ =>
    {
        for (var id = 1; id <= 6; id++)
            db.Attach(new FootprintPost { Id = id, Title = "?" }).Entity.Title = "new";
        for (var id = 1; id <= 3; id++)
            db.Attach(new FootprintBlog { Id = id, Name = "?", Code = "?" }).Entity.Name = "new";
        for (var i = 0; i < 1_200; i++)
            db.Add(new FootprintTag { Name = $"many {i}" });
    });

    private static async Task SaveAsync(FootprintContext db, Action<FootprintContext> change)
    {
        db.ChangeTracker.Clear();
        change(db);
        await db.SaveChangesAsync();
    }

    /// <summary>The rows that somebody else may not lock, by strength.</summary>
    private async Task<IReadOnlyList<string>> LockedRowsAsync()
    {
        var locked = new List<string>();
        await using var other = await database.ConnectAsync();
        foreach (var table in (string[])["blogs", "posts", "tags", "post_tags", "animals", "vehicles", "cars", "before", "o"])
        {
            foreach (var strength in (string[])["KEY SHARE", "SHARE", "NO KEY UPDATE", "UPDATE"])
            {
                var sql = $"SELECT t::text FROM {table} t EXCEPT ALL SELECT u.r FROM (SELECT t::text AS r FROM {table} t FOR {strength} SKIP LOCKED) u ORDER BY 1";
                await foreach (var row in RowsAsync(other, sql))
                    locked.Add($"{table} {strength}: {row}");
            }
        }

        return locked;
    }

    private async Task<IReadOnlyList<string>> LocksAsync(NpgsqlConnection held)
    {
        await using var other = await database.ConnectAsync();
        var locks = new List<string>();
        var sql = $"""
            SELECT coalesce(c.relname, l.locktype) || ' ' || l.mode FROM pg_locks l
            LEFT JOIN pg_class c ON c.oid = l.relation AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
            WHERE l.pid = {held.ProcessID} AND l.locktype <> 'virtualxid' ORDER BY 1
            """;
        await foreach (var one in RowsAsync(other, sql))
            locks.Add(one);
        return locks;
    }

    private static async IAsyncEnumerable<string> RowsAsync(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await using var rows = await command.ExecuteReaderAsync();
        while (await rows.ReadAsync())
            yield return rows.GetString(0);
    }

    /// <summary>What a statement returns may differ.</summary>
    [GeneratedRegex(@"\s*RETURNING .*$", RegexOptions.Singleline)]
    private static partial Regex Returning();

    private sealed record Footprint(
        string End, IReadOnlyList<string> Statements, IReadOnlyList<string> LockedRows, IReadOnlyList<string> Locks);
}
