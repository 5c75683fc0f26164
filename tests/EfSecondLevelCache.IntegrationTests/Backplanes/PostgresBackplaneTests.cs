using System.Net;
using EfSecondLevelCache.Backplanes;
using EfSecondLevelCache.Backplanes.Postgres;
using EfSecondLevelCache.IntegrationTests.Consistency;
using EfSecondLevelCache.IntegrationTests.Support;
using Microsoft.EntityFrameworkCore;
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
        await using var reader = new BackplaneNode(new PostgresBackplaneSettings(blogs.ConnectionString));
        await Eventually.TrueAsync(() => writer.Backplane!.Nodes.Count == 1 && reader.Broadcast.Status.Nodes.Count == 1);
        reader.CountFlushesFromNow();
        await using (var db = blogs.Open(writer))
            await db.Posts.Where(p => p.Id == 7).Cacheable().ToListAsync(TestContext.Current.CancellationToken);
        await using var tap = new WireTap(blogs.ConnectionString);

        foreach (var async in (bool[])[true, false])
        {
            var statements = await tap.DuringAsync(async () =>
            {
                await using var db = new BlogContext(new DbContextOptionsBuilder().UseNpgsql(tap.ConnectionString).AddSecondLevelCache(writer).Options);
                var post = new Post { Id = 7, Title = "new", BlogId = 1, AuthorId = 1 };
                db.Attach(post).Property(p => p.Title).IsModified = true;
                if (async)
                    await db.SaveChangesAsync();
                else
                    db.SaveChanges();
                Assert.True(db.Database.AutoSavepointsEnabled);
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

    /// <summary>There is no room for a transaction of ours in one that EF Core was not told of.</summary>
    [Fact]
    public async Task SaveChanges_inside_of_a_transaction_begun_in_SQL_goes_on_as_without()
    {
        await blogs.ResetAsync();
        await using var writer = new SecondLevelCache(cache => cache.UsePostgresBackplane(blogs.ConnectionString));
        await using var db = blogs.Open(writer);
        await db.Database.OpenConnectionAsync(TestContext.Current.CancellationToken);
        await db.Database.ExecuteSqlRawAsync("BEGIN", TestContext.Current.CancellationToken);
        (await db.Posts.SingleAsync(p => p.Id == 7, TestContext.Current.CancellationToken)).Title = "new";

        Assert.Equal(1, await db.SaveChangesAsync(TestContext.Current.CancellationToken));

        await db.Database.ExecuteSqlRawAsync("ROLLBACK", TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task A_transaction_that_is_rolled_back_tells_nothing_and_one_that_commits_tells_once()
    {
        await blogs.ResetAsync();
        await using var writer = new SecondLevelCache(cache => cache.UsePostgresBackplane(blogs.ConnectionString));
        await using var reader = new BackplaneNode(new PostgresBackplaneSettings(blogs.ConnectionString));
        await Eventually.TrueAsync(() => writer.Backplane!.Nodes.Count == 1 && reader.Broadcast.Status.Nodes.Count == 1);
        await using var db = blogs.Open(writer);

        foreach (var commit in (bool[])[false, true])
        {
            await using var transaction = await db.Database.BeginTransactionAsync(TestContext.Current.CancellationToken);
            await db.Posts.Where(p => p.Id == 7).ExecuteUpdateAsync(set => set.SetProperty(p => p.Title, "new"), TestContext.Current.CancellationToken);
            if (commit)
                await transaction.CommitAsync(TestContext.Current.CancellationToken);
            else
                await transaction.RollbackAsync(TestContext.Current.CancellationToken);
        }

        await writer.InvalidateTagAsync("last");
        await Eventually.TrueAsync(() => reader.Tags.Contains("last"));
        Assert.Single(reader.Rows);
    }

    protected override Task<BackplaneFactory> FactoryAsync(int index) => Task.FromResult<BackplaneFactory>(new PostgresBackplaneSettings(_connectionString));

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

    private string Through(NpgsqlConnectionStringBuilder settings)
    {
        (settings.Host, settings.Port) = ($"{_wire.Endpoint.Address}", _wire.Endpoint.Port);
        (settings.SslMode, settings.GssEncryptionMode) = (SslMode.Disable, GssEncryptionMode.Disable);
        return settings.ConnectionString;
    }
}
