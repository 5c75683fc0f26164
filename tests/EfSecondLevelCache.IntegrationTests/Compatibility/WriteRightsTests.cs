using System.Data.Common;
using System.Transactions;
using EfSecondLevelCache.IntegrationTests.Support;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace EfSecondLevelCache.IntegrationTests.Compatibility;

/// <summary>
/// A write needs the rights that it needs without the cache, whoever the session turns out to be, and raises no error of its own. What it changed is
/// removed all the same.
/// </summary>
public sealed class WriteRightsTests(PostgresServer server, FootprintDatabase database) : IClassFixture<FootprintDatabase>, IAsyncLifetime
{
    private readonly SecondLevelCache _cache = new();

    private string Writer => $"{database.Name}_w";

    public async ValueTask InitializeAsync()
    {
        await database.ResetAsync();
        await database.ExecuteAsync($"CREATE ROLE {Writer} LOGIN; GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {Writer}");
    }

    public async ValueTask DisposeAsync()
    {
        await _cache.DisposeAsync();
        NpgsqlConnection.ClearAllPools();
        await database.ExecuteAsync($"DROP OWNED BY {Writer}; DROP ROLE {Writer}");
    }

    public static TheoryData<string, string> Cases
    {
        get
        {
            var cases = new TheoryData<string, string>();
            foreach (var session in (string[])["revoked", "SET ROLE", "SET ROLE behind EF Core's back", "interceptor", "interceptor, varied"])
            {
                foreach (var transaction in (string[])["none", "own", "without savepoints", "begun by the application", "ambient", "never", "always"])
                    cases.Add(session, transaction);
            }

            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task A_write_of_a_session_that_may_not_read_what_results_depend_on(string session, string transaction)
    {
        var role = new SetRole();
        await using var cache = new SecondLevelCache(c =>
        {
            if (session is "interceptor")
                c.UniformSessions();
            if (session is "interceptor, varied")
                c.VaryBy(_ => role.Name);
        });
        FootprintContext Open() => session switch
        {
            "revoked" => database.Open(cache, $"{database.ConnectionString};Username={Writer};Password=x;Application Name={transaction}"),
            "interceptor" or "interceptor, varied" => database.Open(cache, configure: options => options.AddInterceptors(role)),
            _ => database.Open(cache),
        };
        await database.ExecuteAsync($"GRANT ALL ON ALL TABLES IN SCHEMA public TO {Writer}");
        await using (var db = Open())
            await FootprintDatabase.WarmAsync(db);
        await database.ExecuteAsync(
            $"""
            REVOKE ALL ON blogs, posts FROM {Writer}; GRANT INSERT, UPDATE, DELETE ON blogs, posts TO {Writer};
            GRANT SELECT ("Id") ON blogs, posts TO {Writer}
            """);

        var sql = $"SET ROLE {Writer}";
        for (var times = 1; times <= 2; times++)
        {
            await using var db = Open();
            role.Name = Writer;
            await InAsync(transaction, db, async () =>
            {
                if (session is "SET ROLE")
                    await db.Database.ExecuteSqlRawAsync(sql);
                else if (session is "SET ROLE behind EF Core's back")
                    await SetRoleAsync(db.Database.GetDbConnection(), Writer);
                await WriteAsync(db, $"new {times}");
            });
            role.Name = null;
            await AssertWrittenAsync($"new {times}");
        }

        await using (var db = Open())
        {
            if (session is not "revoked")
                Assert.Empty(await db.Blogs.Where(b => b.Name == "blog 1").Cacheable().ToListAsync());
        }
    }

    [Theory]
    [InlineData("none")]
    [InlineData("own")]
    [InlineData("always")]
    public async Task What_failed_once_is_not_tried_again_until_the_catalog_says_otherwise(string transaction)
    {
        await using var tap = new WireTap($"{database.ConnectionString};Username={Writer};Password=x");
        await database.ExecuteAsync($"GRANT ALL ON ALL TABLES IN SCHEMA public TO {Writer}");
        var events = new LogEvents();
        FootprintContext Open() => database.Open(_cache, tap.ConnectionString,
            options => options.UseLoggerFactory(LoggerFactory.Create(logging => logging.AddProvider(events))));
        await using (var db = Open())
            await FootprintDatabase.WarmAsync(db);
        await database.ExecuteAsync($"""REVOKE SELECT ON blogs FROM {Writer}; GRANT SELECT ("Id") ON blogs TO {Writer}""");

        Assert.Equal(2, await UpdatesAsync("first"));
        Assert.Contains(events.Events, e => e.Id.Name == "NotReadBack");
        Assert.Equal(1, await UpdatesAsync("second"));

        async Task<int> UpdatesAsync(string name)
        {
            await using var db = Open();
            var statements = await tap.DuringAsync(() => InAsync(transaction, db, () => WriteAsync(db, name)));
            return statements.Count(statement => statement.StartsWith("UPDATE blogs", StringComparison.Ordinal));
        }
    }

    /// <summary>What the database generated in the attempt that failed is forgotten: the rows refer to each other as they are in the end.</summary>
    [Fact]
    public async Task A_graph_is_saved_as_it_would_be_without_the_attempt()
    {
        var connectionString = $"{database.ConnectionString};Username={Writer};Password=x;Application Name=graph";
        await database.ExecuteAsync($"GRANT ALL ON ALL TABLES IN SCHEMA public TO {Writer}");
        await using var db = database.Open(_cache, connectionString, options => options.UseNpgsql(connectionString, npgsql => npgsql.MaxBatchSize(1)));
        await FootprintDatabase.WarmAsync(db);
        db.ChangeTracker.Clear();
        await database.ExecuteAsync($"""REVOKE SELECT ON posts FROM {Writer}; GRANT SELECT ("Id") ON posts TO {Writer}""");

        var blog = new FootprintBlog
        {
            Name = "graph",
            Code = "graph",
            Address = new() { City = "graph" },
            Posts = [new() { Title = "graph", Tags = [new() { Name = "graph" }] }],
        };
        var moved = db.Attach(new FootprintPost { Id = 1, BlogId = 2, Title = "?" }).Entity;
        blog.Posts.Add(moved);
        moved.Title = "moved";
        db.Add(blog);
        Assert.Equal(5, await db.SaveChangesAsync(TestContext.Current.CancellationToken));

        Assert.False(db.ChangeTracker.HasChanges());
        await using var plain = database.Open(null);
        var saved = await plain.Blogs.Include(b => b.Posts.OrderBy(p => p.Id)).ThenInclude(p => p.Tags).SingleAsync(b => b.Name == "graph", TestContext.Current.CancellationToken);
        Assert.Equal(blog.Id, saved.Id);
        Assert.Equal([1, blog.Posts[0].Id], saved.Posts.Select(p => p.Id));
        Assert.Equal(blog.Posts[0].Tags[0].Id, saved.Posts[1].Tags.Single().Id);
    }

    public static TheoryData<string, string> Surprises => new()
    {
        { "a rule instead", """CREATE RULE surprise AS ON UPDATE TO blogs DO INSTEAD NOTHING""" },
        { "a rule that writes", """CREATE RULE surprise AS ON UPDATE TO blogs DO INSTEAD UPDATE tags SET "Name" = 'by rule' WHERE "Id" = OLD."Id" """ },
        {
            "a trigger that refuses",
            """
            CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
            CREATE TRIGGER surprise BEFORE UPDATE ON blogs FOR EACH ROW EXECUTE FUNCTION refuse()
            """
        },
        {
            "the key is none",
            """
            ALTER TABLE posts DROP CONSTRAINT "FK_posts_blogs_BlogId"; ALTER TABLE blogs DROP CONSTRAINT "PK_blogs", ALTER "Id" DROP IDENTITY;
            DROP INDEX "IX_blogs_Code"; INSERT INTO blogs SELECT * FROM blogs WHERE "Id" = 1
            """
        },
        { "a child of the table", """CREATE TABLE surprise () INHERITS (blogs); INSERT INTO surprise SELECT * FROM blogs WHERE "Id" = 1""" },
        {
            "a view in its place",
            """
            ALTER TABLE blogs RENAME TO surprise; CREATE VIEW blogs AS SELECT * FROM surprise;
            """
        },
        { "the column is gone", """ALTER TABLE blogs DROP COLUMN "Code" """ },
        {
            "row-level security",
            """
            ALTER TABLE blogs ENABLE ROW LEVEL SECURITY; ALTER TABLE blogs FORCE ROW LEVEL SECURITY;
            CREATE POLICY surprise_u ON blogs FOR UPDATE USING (true); CREATE POLICY surprise_s ON blogs FOR SELECT USING ("Name" LIKE 'blog%')
            """
        },
        {
            "partitions",
            """
            ALTER TABLE blogs RENAME TO surprise; CREATE TABLE blogs (LIKE surprise) PARTITION BY LIST ("Name");
            CREATE TABLE blogs_1 PARTITION OF blogs FOR VALUES IN ('blog 1', 'blog 2', 'blog 3'); CREATE TABLE blogs_2 PARTITION OF blogs DEFAULT;
            INSERT INTO blogs SELECT * FROM surprise
            """
        },
    };

    /// <summary>The catalog has been read, and then the table becomes something else.</summary>
    [Theory]
    [MemberData(nameof(Surprises))]
    public async Task A_table_that_is_not_what_it_was_is_written_as_without_the_cache(string surprise, string ddl)
    {
        Assert.NotEmpty(surprise);
        Assert.Equal(await EndAsync(null, known: false), await EndAsync(_cache, known: false));
        Assert.Equal(await EndAsync(null, known: true), await EndAsync(_cache, known: true));

        async Task<string> EndAsync(SecondLevelCache? cache, bool known)
        {
            await using var own = new FootprintDatabase(server);
            await own.InitializeAsync();
            var user = $"{own.ConnectionString};Username={Writer};Password=x";
            await own.ExecuteAsync($"GRANT ALL ON ALL TABLES IN SCHEMA public TO {Writer}");
            if (known)
                await own.ExecuteAsync($"{ddl}; GRANT ALL ON ALL TABLES IN SCHEMA public TO {Writer}");
            try
            {
                await using var db = own.Open(cache, user);
                await db.Blogs.Where(b => b.Name == "x").Select(b => b.Id).Cacheable().ToListAsync();
                await db.Blogs.Where(b => b.Address!.City == "x").Select(b => b.Id).Cacheable().ToListAsync();
                await db.Posts.Where(p => p.BlogId == 77).Cacheable().ToListAsync();
                if (!known)
                    await own.ExecuteAsync($"{ddl}; GRANT ALL ON ALL TABLES IN SCHEMA public TO {Writer}");
                return await EndOfAsync(() => WriteAsync(db, "new")) + await EndOfAsync(() => DeleteAsync(db));
            }
            finally
            {
                NpgsqlConnection.ClearAllPools();
                await own.ExecuteAsync($"DROP OWNED BY {Writer}");
            }
        }

        static async Task DeleteAsync(FootprintContext db)
        {
            db.ChangeTracker.Clear();
            db.Remove(new FootprintBlog { Id = 3, Address = new() { City = "city 3" } });
            await db.SaveChangesAsync();
        }
    }

    private static async Task<string> EndOfAsync(Func<Task> write)
    {
        try
        {
            await write();
            return "succeeded; ";
        }
        catch (DbUpdateException e)
        {
            return $"{e.GetType().Name}: {e.Message} {(e.InnerException as PostgresException)?.SqlState}; ";
        }
    }

    private static async Task WriteAsync(FootprintContext db, string name)
    {
        db.ChangeTracker.Clear();
        db.Attach(new FootprintBlog { Id = 1, Name = "?" }).Entity.Name = name;
        db.Attach(new FootprintPost { Id = 1, Title = "?" }).Entity.Title = name;
        await db.SaveChangesAsync();
    }

    private async Task AssertWrittenAsync(string name)
    {
        await using var plain = database.Open(null);
        Assert.Equal(name, (await plain.Blogs.SingleAsync(b => b.Id == 1)).Name);
        Assert.Equal(name, (await plain.Posts.SingleAsync(p => p.Id == 1)).Title);
    }

    private static async Task InAsync(string transaction, FootprintContext db, Func<Task> write)
    {
        switch (transaction)
        {
            case "own" or "without savepoints":
                db.Database.AutoSavepointsEnabled = transaction is "own";
                await using (var own = await db.Database.BeginTransactionAsync())
                {
                    await write();
                    await own.CommitAsync();
                }

                break;
            case "begun by the application":
                // EF Core would begin one of its own.
                db.Database.AutoTransactionBehavior = AutoTransactionBehavior.Never;
                await db.Database.OpenConnectionAsync();
                await db.Database.ExecuteSqlRawAsync("BEGIN");
                await write();
                await db.Database.ExecuteSqlRawAsync("COMMIT");
                await db.Database.CloseConnectionAsync();
                break;
            case "ambient":
                using (var scope = new TransactionScope(TransactionScopeAsyncFlowOption.Enabled))
                {
                    await db.Database.OpenConnectionAsync();
                    await write();
                    scope.Complete();
                }

                await db.Database.CloseConnectionAsync();
                break;
            default:
                db.Database.AutoTransactionBehavior = transaction switch
                {
                    "never" => AutoTransactionBehavior.Never,
                    "always" => AutoTransactionBehavior.Always,
                    _ => AutoTransactionBehavior.WhenNeeded,
                };
                await db.Database.OpenConnectionAsync();
                await write();
                await db.Database.CloseConnectionAsync();
                break;
        }
    }

    private static async Task SetRoleAsync(DbConnection open, string role)
    {
        await using var command = open.CreateCommand();
        command.CommandText = $"SET ROLE {role}";
        await command.ExecuteNonQueryAsync();
    }

    /// <summary>Who is whom is decided when a connection is opened.</summary>
    private sealed class SetRole : DbConnectionInterceptor
    {
        public string? Name { get; set; }

        public override async Task ConnectionOpenedAsync(
            DbConnection connection, ConnectionEndEventData eventData, CancellationToken cancellationToken = default)
        {
            if (Name is not null)
                await SetRoleAsync(connection, Name);
        }
    }
}
