using System.Data.Common;
using System.Net;
using EfSecondLevelCache.Backplanes.Postgres;
using EfSecondLevelCache.IntegrationTests.Consistency;
using EfSecondLevelCache.IntegrationTests.Support;
using EfSecondLevelCache.Values;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using Npgsql;

namespace EfSecondLevelCache.IntegrationTests.Backplanes;

public sealed class PostgresBackplaneTests(PostgresServer server, BlogDatabase blogs) : BackplaneSpecification, IClassFixture<BlogDatabase>
{
    private PostgresDatabase _database = null!;
    private TcpProxy _wire = null!;
    private string _connectionString = "";

    public override async ValueTask InitializeAsync()
    {
        _database = await server.CreateDatabaseAsync();
        var settings = new NpgsqlConnectionStringBuilder(_database.ConnectionString);
        _wire = new TcpProxy(new IPEndPoint((await Dns.GetHostAddressesAsync(settings.Host!))[0], settings.Port));
        _connectionString = Through(settings);
    }

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        await _wire.DisposeAsync();
        await _database.DisposeAsync();
    }

    /// <summary>A writer that dies between its commit and its publishing loses nothing.</summary>
    [Fact]
    public async Task SaveChanges_tells_inside_its_own_transaction()
    {
        await blogs.ResetAsync();
        await using var writer = new SecondLevelCache(cache => cache.UsePostgresBackplane(blogs.ConnectionString));
        await using var reader = new BackplaneNode(new PostgresBackplaneSettings(new GivenDatabase(blogs.ConnectionString)));
        await HearEachOtherAsync(writer, reader);
        await using (var db = blogs.Open(writer))
            await db.Posts.Where(p => p.Id == 7).Cacheable().ToListAsync(Cancelled);
        await using var tap = new WireTap(new NpgsqlConnectionStringBuilder(blogs.ConnectionString) { Pooling = false }.ConnectionString);

        foreach (var async in (bool[])[true, false])
        {
            var statements = await tap.DuringAsync(async () =>
            {
                await using var db = new BlogContext(new DbContextOptionsBuilder().UseNpgsql(tap.ConnectionString).AddSecondLevelCache(writer).Options);
                await db.Database.OpenConnectionAsync(Cancelled);
                var before = tap.RoundTrips;
                var post = new Post { Id = 7, Title = "new", BlogId = 1, AuthorId = 1 };
                db.Attach(post).Property(p => p.Title).IsModified = true;
                if (async)
                    await db.SaveChangesAsync();
                else
                    db.SaveChanges();
                // BEGIN, which nobody waits for; UPDATE; the message with COMMIT, or without await ahead of it.
                Assert.Equal(async ? 3 : 4, tap.RoundTrips - before);
                Assert.True(db.Database.AutoSavepointsEnabled);
                Assert.Null(db.Database.CurrentTransaction);
            });

            Assert.Collection(
                statements.SkipWhile(statement => !statement.StartsWith("BEGIN", StringComparison.Ordinal)),
                statement => Assert.StartsWith("BEGIN", statement, StringComparison.Ordinal),
                statement => Assert.StartsWith("UPDATE posts", statement, StringComparison.Ordinal),
                statement => Assert.Contains("pg_notify", statement, StringComparison.Ordinal),
                statement => Assert.Equal("COMMIT", statement));
        }

        await Eventually.TrueAsync(() => reader.Rows.Count == 2);
        Assert.Equal(0, reader.Flushes);
    }

    /// <summary>The message goes with a COMMIT of ours, which nobody may be surprised by.</summary>
    [Fact]
    public async Task An_interceptor_of_the_application_finds_the_transaction_open_before_the_commit()
    {
        await blogs.ResetAsync();
        await using var writer = new SecondLevelCache(cache => cache.UsePostgresBackplane(blogs.ConnectionString));
        await using var reader = new BackplaneNode(new PostgresBackplaneSettings(new GivenDatabase(blogs.ConnectionString)));
        await HearEachOtherAsync(writer, reader);

        foreach (var fails in (bool[])[true, false])
        {
            await using var db = blogs.Open(writer, options => options.AddInterceptors(new LastWord(fails)));
            (await db.Posts.SingleAsync(p => p.Id == 7, Cancelled)).Title = "new";
            var fault = await Record.ExceptionAsync(() => db.SaveChangesAsync(Cancelled));
            Assert.Equal(fails, fault is NotSupportedException);
        }

        await using var after = blogs.Open(null);
        Assert.Equal("last word", (await after.Blogs.SingleAsync(b => b.Id == 1, Cancelled)).Name);
        Assert.Equal("new", (await after.Posts.SingleAsync(p => p.Id == 7, Cancelled)).Title);
        await Eventually.TrueAsync(() => reader.Rows.Count > 0);
    }

    [Fact]
    public async Task A_commit_that_the_server_refuses_fails_and_tells_nothing()
    {
        await blogs.ResetAsync();
        await blogs.ExecuteAsync("ALTER TABLE authors ADD CONSTRAINT late UNIQUE (\"Name\") DEFERRABLE INITIALLY DEFERRED");
        await using var writer = new SecondLevelCache(cache => cache.UsePostgresBackplane(blogs.ConnectionString));
        await using var reader = new BackplaneNode(new PostgresBackplaneSettings(new GivenDatabase(blogs.ConnectionString)));
        await HearEachOtherAsync(writer, reader);
        await using (var db = blogs.Open(writer))
        {
            db.Add(new Author { Id = 17, Name = "author 1" });
            var fault = await Assert.ThrowsAnyAsync<Exception>(() => db.SaveChangesAsync(Cancelled));
            Assert.Equal(PostgresErrorCodes.UniqueViolation, ((fault as PostgresException) ?? (PostgresException)fault.InnerException!).SqlState);
            Assert.Null(db.Database.CurrentTransaction);
        }

        await blogs.ExecuteAsync("ALTER TABLE authors DROP CONSTRAINT late");
        await writer.InvalidateTagAsync("last");
        await Eventually.TrueAsync(() => reader.Tags.Contains("last"));
        Assert.Empty(reader.Rows);
    }

    /// <summary>There is no room for a transaction of ours in one that EF Core was not told of.</summary>
    [Fact]
    public async Task SaveChanges_inside_of_a_transaction_begun_in_SQL_goes_on_as_without()
    {
        await blogs.ResetAsync();
        await using var writer = new SecondLevelCache(cache => cache.UsePostgresBackplane(blogs.ConnectionString));
        await using var db = blogs.Open(writer);
        await db.Database.OpenConnectionAsync(Cancelled);
        await db.Database.ExecuteSqlRawAsync("BEGIN", Cancelled);
        (await db.Posts.SingleAsync(p => p.Id == 7, Cancelled)).Title = "new";

        Assert.Equal(1, await db.SaveChangesAsync(Cancelled));

        await db.Database.ExecuteSqlRawAsync("ROLLBACK", Cancelled);
    }

    [Fact]
    public async Task A_transaction_that_is_rolled_back_tells_nothing_and_one_that_commits_tells_once()
    {
        await blogs.ResetAsync();
        await using var writer = new SecondLevelCache(cache => cache.UsePostgresBackplane(blogs.ConnectionString));
        await using var reader = new BackplaneNode(new PostgresBackplaneSettings(new GivenDatabase(blogs.ConnectionString)));
        await HearEachOtherAsync(writer, reader);
        await using var db = blogs.Open(writer);

        foreach (var commit in (bool[])[false, true])
        {
            await using var transaction = await db.Database.BeginTransactionAsync(Cancelled);
            await db.Posts.Where(p => p.Id == 7).ExecuteUpdateAsync(set => set.SetProperty(p => p.Title, "new"), Cancelled);
            if (commit)
                await transaction.CommitAsync(Cancelled);
            else
                await transaction.RollbackAsync(Cancelled);
        }

        await writer.InvalidateTagAsync("last");
        await Eventually.TrueAsync(() => reader.Tags.Contains("last"));
        Assert.Single(reader.Rows);
    }

    /// <summary>The messages go through the database of the contexts, whatever way they get their password.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Without_a_connection_string_the_first_context_that_is_used_names_the_database(bool ofApplication)
    {
        await blogs.ResetAsync();
        await using var services = new ServiceCollection().AddSecondLevelCache(cache => cache.UsePostgresBackplane()).BuildServiceProvider();
        await using var byHand = new SecondLevelCache(cache => cache.UsePostgresBackplane());
        var writer = ofApplication ? services.GetRequiredService<SecondLevelCache>() : byHand;
        await using var source = WithPasswordProvider(blogs.ConnectionString);
        await using var reader = new BackplaneNode(new PostgresBackplaneSettings(new GivenDatabase(blogs.ConnectionString)));
        Assert.Equal(BackplaneState.Starting, writer.Backplane!.State);
        Assert.Contains("no context", writer.Backplane.Detail, StringComparison.Ordinal);

        await using var db = new BlogContext(new DbContextOptionsBuilder().UseNpgsql(source).AddSecondLevelCache(writer).Options);
        await db.Posts.Where(p => p.Id == 7).Cacheable().ToListAsync(Cancelled);
        await HearEachOtherAsync(writer, reader);
        (await db.Posts.SingleAsync(p => p.Id == 7, Cancelled)).Title = "by SaveChanges";
        await db.SaveChangesAsync(Cancelled);
        await db.Posts.Where(p => p.Id == 8).ExecuteUpdateAsync(set => set.SetProperty(p => p.Title, "by itself"), Cancelled);

        await Eventually.TrueAsync(() => reader.Rows.Count == 2);
        Assert.Equal(0, reader.Flushes);
        Assert.Equal(BackplaneState.Live, writer.Backplane.State);
    }

    /// <summary>Else nobody would ever hear of it: a node that is bound to freshness serves nothing until it is heard.</summary>
    [Fact]
    public async Task A_node_that_may_serve_nothing_yet_and_writes_nothing_begins_to_listen()
    {
        var time = new FakeTimeProvider();
        await using var cache = new SecondLevelCache(
            options => options.UsePostgresBackplane().MaxStaleness(TimeSpan.FromSeconds(5)).UseTimeProvider(time));
        time.Advance(TimeSpan.FromMinutes(1));

        await using var db = blogs.Open(cache);
        await db.Posts.Where(p => p.Id == 7).Cacheable().ToListAsync(Cancelled);

        await Eventually.TrueAsync(() => cache.Backplane!.State is BackplaneState.Live);
    }

    /// <summary>Nobody has heard of the node; who hears of it later learns how many changes it has missed.</summary>
    [Fact]
    public async Task What_changed_before_the_database_was_known_is_a_flush_of_the_others()
    {
        await using var writer = new SecondLevelCache(cache => cache.UsePostgresBackplane());
        await using var reader = new BackplaneNode(new PostgresBackplaneSettings(new GivenDatabase(blogs.ConnectionString)));
        await Eventually.TrueAsync(() => reader.Broadcast.Status.State is BackplaneState.Live);
        reader.CountFlushesFromNow();

        await writer.InvalidateTagAsync("early");
        await using var db = blogs.Open(writer);
        await db.Posts.Where(p => p.Id == 7).Cacheable().ToListAsync(Cancelled);

        await Eventually.TrueAsync(() => reader.Flushes == 1);
        Assert.Equal(0, writer.Backplane!.Dropped);
    }

    [Fact]
    public async Task What_changed_before_the_backplane_was_connected_is_a_flush_of_the_others()
    {
        await blogs.ResetAsync();
        const string Role = "one_connection";
        await blogs.ExecuteAsync(
            $"DROP ROLE IF EXISTS {Role}; CREATE ROLE {Role} LOGIN PASSWORD 'secret' CONNECTION LIMIT 1; "
            + $"GRANT SELECT, UPDATE ON ALL TABLES IN SCHEMA public TO {Role}");
        await using var writer = new SecondLevelCache(cache => cache.UsePostgresBackplane());
        await using var reader = new BackplaneNode(new PostgresBackplaneSettings(new GivenDatabase(blogs.ConnectionString)));
        await Eventually.TrueAsync(() => reader.Broadcast.Status.State is BackplaneState.Live);
        reader.CountFlushesFromNow();
        var limited = new NpgsqlConnectionStringBuilder(blogs.ConnectionString) { Username = Role, Password = "secret", Pooling = false };
        await using (var db = new BlogContext(new DbContextOptionsBuilder().UseNpgsql(limited.ConnectionString).AddSecondLevelCache(writer).Options))
        {
            await db.Database.OpenConnectionAsync(Cancelled);
            await db.Posts.Where(p => p.Id == 7).ExecuteUpdateAsync(set => set.SetProperty(p => p.Title, "new"), Cancelled);
            await Eventually.TrueAsync(() => writer.Backplane!.Dropped > 0);
            await Eventually.TrueAsync(() => writer.Backplane!.Detail?.Contains("too many connections", StringComparison.Ordinal) == true);
            Assert.Equal(0, reader.Flushes);
        }

        await blogs.ExecuteAsync($"ALTER ROLE {Role} CONNECTION LIMIT -1");
        await Eventually.TrueAsync(() => reader.Flushes == 1);
        await writer.DisposeAsync();
        await blogs.ExecuteAsync($"DROP OWNED BY {Role}; DROP ROLE {Role}");
    }

    /// <summary>A message in a transaction of a database that nobody listens to would be lost.</summary>
    [Fact]
    public async Task Several_databases_are_carried_by_the_first_one_which_is_told_once()
    {
        await blogs.ResetAsync();
        var log = new LogEvents();
        using var loggers = LoggerFactory.Create(builder => builder.AddProvider(log));
        await using var writer = new SecondLevelCache(cache => cache.UsePostgresBackplane());
        await using var reader = new BackplaneNode(new PostgresBackplaneSettings(new GivenDatabase(_database.ConnectionString)));
        await using (var plain = new BlogContext(new DbContextOptionsBuilder().UseNpgsql(_database.ConnectionString).Options))
            await plain.Database.EnsureCreatedAsync(Cancelled);
        var options = new DbContextOptionsBuilder().UseNpgsql(_database.ConnectionString).AddSecondLevelCache(writer).Options;
        await using (var first = new BlogContext(options))
            await first.Posts.Cacheable().ToListAsync(Cancelled);

        await HearEachOtherAsync(writer, reader);
        for (var i = 0; i < 2; i++)
        {
            await using var second = blogs.Open(writer, configured => configured.UseLoggerFactory(loggers));
            (await second.Posts.SingleAsync(p => p.Id == 7, Cancelled)).Title = $"new {i}";
            await second.SaveChangesAsync(Cancelled);
        }

        await Eventually.TrueAsync(() => reader.Rows.Count == 2);
        Assert.Equal(0, reader.Flushes);
        var warning = Assert.Single(log.Events, e => e.Id.Name == "SeveralDatabases").Text;
        Assert.Contains("UsePostgresBackplane(connectionString)", warning, StringComparison.Ordinal);
    }

    protected override Task<BackplaneFactory> FactoryAsync(int index) => Task.FromResult<BackplaneFactory>(new PostgresBackplaneSettings(new GivenDatabase(_connectionString)));

    protected override Task CutAsync()
    {
        _wire.Cut();
        return Task.CompletedTask;
    }

    protected override Task RestoreAsync()
    {
        _wire.Restore();
        return Task.CompletedTask;
    }

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    private static NpgsqlDataSource WithPasswordProvider(string connectionString)
    {
        var settings = new NpgsqlConnectionStringBuilder(connectionString);
        var password = settings.Password;
        settings.Password = null;
        var builder = new NpgsqlDataSourceBuilder(settings.ConnectionString);
        builder.UsePasswordProvider(_ => password!, (_, _) => new(password!));
        return builder.Build();
    }

    private static async Task HearEachOtherAsync(SecondLevelCache cache, BackplaneNode node)
    {
        await Eventually.TrueAsync(() => cache.Backplane!.Nodes.Count == 1 && node.Broadcast.Status.Nodes.Count == 1);
        node.CountFlushesFromNow();
    }

    /// <summary>Writes in the transaction when it is about to commit, or fails.</summary>
    private sealed class LastWord(bool fails) : DbTransactionInterceptor
    {
        public override async ValueTask<InterceptionResult> TransactionCommittingAsync(
            DbTransaction transaction, TransactionEventData eventData, InterceptionResult result, CancellationToken cancellationToken = default)
        {
            if (fails)
                throw new NotSupportedException("no commit today");
            await using var command = transaction.Connection!.CreateCommand();
            command.CommandText = """UPDATE blogs SET "Name" = 'last word' WHERE "Id" = 1""";
            command.Transaction = transaction;
            await command.ExecuteNonQueryAsync(cancellationToken);
            return result;
        }
    }

    private string Through(NpgsqlConnectionStringBuilder settings)
    {
        (settings.Host, settings.Port) = ($"{_wire.Endpoint.Address}", _wire.Endpoint.Port);
        (settings.SslMode, settings.GssEncryptionMode) = (SslMode.Disable, GssEncryptionMode.Disable);
        return settings.ConnectionString;
    }
}
