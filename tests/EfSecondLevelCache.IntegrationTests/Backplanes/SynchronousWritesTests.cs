using System.Net;
using System.Transactions;
using EfSecondLevelCache.IntegrationTests.Consistency;
using EfSecondLevelCache.IntegrationTests.Support;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace EfSecondLevelCache.IntegrationTests.Backplanes;

/// <summary>After a write has returned, no node serves what was there before it: it has heard of the write, or it serves nothing.</summary>
public sealed class SynchronousWritesTests(BlogDatabase database) : IClassFixture<BlogDatabase>, IAsyncLifetime
{
    /// <summary>Nobody is fenced within a test.</summary>
    private static readonly TimeSpan LongLease = TimeSpan.FromMinutes(5);

    private static readonly TimeSpan ShortLease = TimeSpan.FromSeconds(1);

    private readonly SwitchedBackplane _backplane = new();
    private readonly List<SecondLevelCache> _caches = [];

    public async ValueTask InitializeAsync()
    {
        await database.ResetAsync();
        await ExecuteAsync("DROP TABLE IF EXISTS ef_second_level_cache_leases");
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var cache in _caches)
            await cache.DisposeAsync();
    }

    [Fact]
    public async Task A_write_returns_when_the_other_nodes_have_processed_it()
    {
        var (here, _) = await StartAsync("here", LongLease);
        var (there, wire) = await StartAsync("there", LongLease);
        await WarmAsync(there);
        wire.IsFlowing.Reset();

        var write = WriteAsync(here, "new");
        await Task.Delay(200, Cancelled);
        // It is committed, and what the other node serves is what it may still serve.
        Assert.Equal("new", await TitleInDatabaseAsync());
        Assert.True(await IsHitAsync(there));
        Assert.False(write.IsCompleted);

        wire.IsFlowing.Set();
        await write;
        Assert.Equal("new", await TitleAsync(there));
        Assert.NotNull(Assert.Single(here.Backplane!.Nodes).AcknowledgementTime);
        Assert.Equal((0, 0), (Status(here).Fenced, Status(here).Unconfirmed));
    }

    [Theory]
    [InlineData("SaveChanges")]
    [InlineData("SaveChanges, synchronously")]
    [InlineData("ExecuteUpdate")]
    [InlineData("ExecuteUpdate, synchronously")]
    [InlineData("SQL")]
    [InlineData("SQL that returns rows")]
    [InlineData("commit")]
    [InlineData("commit, synchronously")]
    [InlineData("COMMIT in SQL")]
    [InlineData("TransactionScope")]
    [InlineData("InvalidateTable")]
    [InlineData("InvalidateEntity")]
    [InlineData("InvalidateTag")]
    [InlineData("Clear")]
    public async Task Every_way_to_write_waits(string way)
    {
        var (here, _) = await StartAsync("here", LongLease);
        var (there, wire) = await StartAsync("there", LongLease);
        await WarmAsync(there);
        await WarmAsync(here);
        wire.IsFlowing.Reset();

        var write = Task.Run(() => WriteByAsync(way, here), Cancelled);
        await Task.Delay(200, Cancelled);
        Assert.False(write.IsCompleted);

        wire.IsFlowing.Set();
        await write;
        Assert.False(await IsHitAsync(there));
        Assert.Equal(1, Status(here).Waits);
    }

    [Theory]
    [InlineData("SaveChanges")]
    [InlineData("ExecuteUpdate")]
    [InlineData("commit")]
    public async Task A_cancelled_wait_of_a_write_is_no_error_as_the_write_is_done(string way)
    {
        var (here, _) = await StartAsync("here", LongLease);
        var (_, wire) = await StartAsync("there", LongLease);
        wire.IsFlowing.Reset();
        using var cancellation = new CancellationTokenSource();
        var write = WriteAsync();
        await Eventually.TrueAsync(async () => await TitleInDatabaseAsync() == "new");
        await Task.Delay(100, Cancelled);
        Assert.False(write.IsCompleted);

        await cancellation.CancelAsync();

        await write.WaitAsync(TimeSpan.FromSeconds(20), Cancelled);
        wire.IsFlowing.Set();

        async Task WriteAsync()
        {
            await using var db = database.Open(here);
            if (way is "ExecuteUpdate")
            {
                await db.Posts.Where(p => p.Id == 7).ExecuteUpdateAsync(set => set.SetProperty(p => p.Title, "new"), cancellation.Token);
                return;
            }

            await using var transaction = way is "commit" ? await db.Database.BeginTransactionAsync(Cancelled) : null;
            (await db.Posts.SingleAsync(p => p.Id == 7, Cancelled)).Title = "new";
            await db.SaveChangesAsync(cancellation.Token);
            if (transaction is not null)
                await transaction.CommitAsync(cancellation.Token);
        }
    }

    [Theory]
    [InlineData("InvalidateTable")]
    [InlineData("InvalidateEntity")]
    [InlineData("InvalidateTag")]
    [InlineData("Clear")]
    public async Task A_token_ends_the_wait_of_an_invalidation(string way)
    {
        var (here, _) = await StartAsync("here", LongLease);
        var (_, wire) = await StartAsync("there", LongLease);
        await WarmAsync(here);
        wire.IsFlowing.Reset();
        using var cancellation = new CancellationTokenSource(200);
        await using var db = database.Open(here);

        var invalidation = way switch
        {
            "InvalidateTable" => here.InvalidateTableAsync("posts", cancellationToken: cancellation.Token),
            "InvalidateEntity" => here.InvalidateAsync<Post>(db, cancellation.Token),
            "InvalidateTag" => here.InvalidateTagAsync("tag", cancellation.Token),
            _ => here.ClearAsync(cancellation.Token),
        };

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => invalidation.AsTask().WaitAsync(TimeSpan.FromSeconds(20), Cancelled));
        if (way is not "InvalidateTag")
            Assert.False(await IsHitAsync(here));
        wire.IsFlowing.Set();
    }

    [Fact]
    public async Task A_rollback_and_a_write_inside_of_a_transaction_wait_for_nobody()
    {
        var (here, _) = await StartAsync("here", LongLease);
        var (_, wire) = await StartAsync("there", LongLease);
        wire.IsFlowing.Reset();
        await using var db = database.Open(here);
        await using var transaction = await db.Database.BeginTransactionAsync(Cancelled);

        await db.Posts.Where(p => p.Id == 7).ExecuteUpdateAsync(set => set.SetProperty(p => p.Title, "undone"), Cancelled);
        await transaction.RollbackAsync(Cancelled);

        Assert.Equal(0, Status(here).Waits);
        wire.IsFlowing.Set();
    }

    [Fact]
    public async Task A_node_that_does_not_answer_is_fenced_and_serves_no_more_when_the_write_returns()
    {
        var (here, _) = await StartAsync("here", ShortLease);
        var (there, wire) = await StartAsync("there", ShortLease);
        await WarmAsync(there);
        // It does not even learn that its lease is fenced.
        wire.IsCut = true;

        await WriteAsync(here, "new");

        Assert.Equal("new", await TitleAsync(there));
        Assert.Equal((1, 0), (Status(here).Fenced, Status(here).Unconfirmed));

        // It does not take another one while it can't be heard, so nobody waits for it any more.
        await WriteAsync(here, "newer");
        Assert.Equal("newer", await TitleAsync(there));
        Assert.Equal(1, Status(here).Fenced);
        Assert.False(Status(there).HoldsLease);
        Assert.Contains("here", Status(there).Detail);
        Assert.Equal([RefusalReason.LeaseNotHeld], there.Statistics.RefusalsByReason.Keys);

        wire.IsCut = false;
        await Eventually.TrueAsync(() => IsHitAsync(there));
        Assert.Equal("newer", await TitleAsync(there));
    }

    /// <summary>It was stopped, for example, and wakes up with the clock of before.</summary>
    [Fact]
    public async Task A_node_whose_lease_was_fenced_starts_anew_with_nothing()
    {
        var (there, _) = await StartAsync("there", ShortLease);
        await WarmAsync(there);
        await ExecuteAsync("UPDATE ef_second_level_cache_leases SET fenced = true; UPDATE posts SET \"Title\" = 'unheard' WHERE \"Id\" = 7");

        await Eventually.TrueAsync(async () => await TitleAsync(there) == "unheard");
        await Eventually.TrueAsync(() => IsHitAsync(there));
        Assert.Equal("unheard", await TitleAsync(there));
    }

    [Fact]
    public async Task A_node_that_died_is_waited_for_once()
    {
        var (here, _) = await StartAsync("here", ShortLease);
        await WriteAsync(here, "old");
        // Long enough that it is the write that finds it.
        await ExecuteAsync(
            "INSERT INTO ef_second_level_cache_leases (id, node, name, lasts) VALUES (gen_random_uuid(), gen_random_uuid(), 'dead', interval '3 s')");

        await WriteAsync(here, "new");
        Assert.Equal((1, 0), (Status(here).Fenced, Status(here).Unconfirmed));
        await Eventually.TrueAsync(async () => await LeasesAsync() == 1);

        await WriteAsync(here, "newer");
        Assert.Equal(1, Status(here).Fenced);
    }

    /// <summary>It need not be a writer who finds that out: nobody waits for who died long ago.</summary>
    [Fact]
    public async Task The_lease_of_a_node_that_died_goes_by_itself()
    {
        await StartAsync("here", ShortLease);
        await ExecuteAsync(
            "INSERT INTO ef_second_level_cache_leases (id, node, name, lasts) VALUES (gen_random_uuid(), gen_random_uuid(), 'dead', interval '1 s')");

        await Eventually.TrueAsync(async () => await LeasesAsync() == 1);
    }

    [Fact]
    public async Task A_node_that_leaves_is_not_waited_for()
    {
        var (here, _) = await StartAsync("here", LongLease);
        var (there, _) = await StartAsync("there", LongLease);
        await there.DisposeAsync();

        await WriteAsync(here, "new");

        Assert.Equal(1, await LeasesAsync());
        Assert.Equal(0, Status(here).Fenced);
    }

    [Fact]
    public async Task Without_a_lease_queries_go_to_the_database()
    {
        await using var wire = new TcpProxy(new IPEndPoint(IPAddress.Loopback, new NpgsqlConnectionStringBuilder(database.ConnectionString).Port));
        wire.Cut();
        var cache = Create("here", Through(wire), ShortLease).Cache;
        Assert.Equal("post 7", await TitleAsync(cache));
        Assert.False(await IsHitAsync(cache));
        await Eventually.TrueAsync(() => Status(cache).Detail is not "not taken yet");
        await using (var db = database.Open(cache))
        {
            var explanation = db.Posts.Where(p => p.Id == 7).Cacheable().ExplainCache();
            Assert.Equal(RefusalReason.LeaseNotHeld, explanation.Refusal?.Reason);
        }

        wire.Restore();
        await cache.WaitUntilLiveAsync(Cancelled);
        await WarmAsync(cache);
    }

    /// <summary>The write is committed: nothing is gained when it fails.</summary>
    [Fact]
    public async Task A_write_returns_unconfirmed_when_the_database_of_the_leases_is_gone()
    {
        await using var wire = new TcpProxy(new IPEndPoint(IPAddress.Loopback, new NpgsqlConnectionStringBuilder(database.ConnectionString).Port));
        var here = Create("here", Through(wire), TimeSpan.FromMilliseconds(300)).Cache;
        await here.WaitUntilLiveAsync(Cancelled);
        wire.Cut();

        await WriteAsync(here, "new");

        Assert.Equal("new", await TitleInDatabaseAsync());
        Assert.Equal(1, Status(here).Unconfirmed);
        Assert.False(await IsHitAsync(here));
    }

    [Fact]
    public async Task Many_writers_wait_together()
    {
        var (here, _) = await StartAsync("here", LongLease);
        var (there, _) = await StartAsync("there", LongLease);

        await Task.WhenAll(Enumerable.Range(0, 8).Select(writer => Task.Run(async () =>
        {
            for (var i = 0; i < 25; i++)
            {
                await using var db = database.Open(here);
                await db.Posts.Where(p => p.Id == 1 + writer).ExecuteUpdateAsync(set => set.SetProperty(p => p.Likes, i), Cancelled);
            }
        })));

        Assert.Equal(200, there.Backplane!.Received);
        Assert.InRange(Status(here).Waits, 25, 200);
        Assert.Equal((0, 0), (Status(here).Fenced, Status(here).Unconfirmed));
    }

    [Fact]
    public void Settings_that_cannot_work_are_refused()
    {
        var alone = Assert.Throws<ArgumentException>(() => new SecondLevelCache(cache => cache.SynchronousWrites("Host=x")));
        Assert.Contains("UsePeers", alone.Message);
        var range = Assert.Throws<ArgumentOutOfRangeException>(
            () => new SecondLevelCache(cache => cache.SynchronousWrites("Host=x", TimeSpan.FromMilliseconds(1))));
        Assert.Contains("200 milliseconds", range.Message);
        Assert.Throws<ArgumentException>(() => new SecondLevelCache(cache => cache.SynchronousWrites(" ")));
    }

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    private static SynchronousWritesStatus Status(SecondLevelCache cache) => cache.Backplane!.SynchronousWrites!;

    private (SecondLevelCache Cache, SwitchedBackplane.Node Wire) Create(string name, string leases, TimeSpan lease)
    {
        var wire = _backplane.Add(name);
        var cache = new SecondLevelCache(options => options.UseBackplane((BackplaneFactory)wire).SynchronousWrites(leases, lease));
        _caches.Add(cache);
        return (cache, wire);
    }

    private async Task<(SecondLevelCache Cache, SwitchedBackplane.Node Wire)> StartAsync(string name, TimeSpan lease)
    {
        var node = Create(name, database.ConnectionString, lease);
        await node.Cache.WaitUntilLiveAsync(Cancelled);
        return node;
    }

    private string Through(TcpProxy wire)
        => new NpgsqlConnectionStringBuilder(database.ConnectionString) { Host = "127.0.0.1", Port = wire.Endpoint.Port, Pooling = true }.ConnectionString;

    private async Task WarmAsync(SecondLevelCache cache)
    {
        await TitleAsync(cache);
        Assert.True(await IsHitAsync(cache));
    }

    private async Task WriteAsync(SecondLevelCache cache, string title)
    {
        await using var db = database.Open(cache);
        (await db.Posts.SingleAsync(p => p.Id == 7, Cancelled)).Title = title;
        await db.SaveChangesAsync(Cancelled);
    }

    private async Task WriteByAsync(string way, SecondLevelCache cache)
    {
        const string Sql = "UPDATE posts SET \"Likes\" = \"Likes\" + 1 WHERE \"Id\" = 7";
        await using var db = database.Open(cache);
        var post = db.Posts.Where(p => p.Id == 7);
        switch (way)
        {
            case "SaveChanges":
                await WriteAsync(cache, "new");
                break;
            case "SaveChanges, synchronously":
                post.Single().Title = "new";
                db.SaveChanges();
                break;
            case "ExecuteUpdate":
                await post.ExecuteUpdateAsync(set => set.SetProperty(p => p.Likes, 1), Cancelled);
                break;
            case "ExecuteUpdate, synchronously":
                post.ExecuteUpdate(set => set.SetProperty(p => p.Likes, 1));
                break;
            case "SQL":
                await db.Database.ExecuteSqlRawAsync(Sql, Cancelled);
                break;
            case "SQL that returns rows":
                await db.Posts.FromSqlRaw($"{Sql} RETURNING *").ToListAsync(Cancelled);
                break;
            case "commit":
                await using (var transaction = await db.Database.BeginTransactionAsync(Cancelled))
                {
                    await db.Database.ExecuteSqlRawAsync(Sql, Cancelled);
                    await transaction.CommitAsync(Cancelled);
                }

                break;
            case "commit, synchronously":
                using (var transaction = db.Database.BeginTransaction())
                {
                    post.Single().Title = "new";
                    db.SaveChanges();
                    transaction.Commit();
                }

                break;
            case "COMMIT in SQL":
                await db.Database.OpenConnectionAsync(Cancelled);
                foreach (var command in (string[])["BEGIN", Sql, "COMMIT"])
                    await db.Database.ExecuteSqlRawAsync(command, Cancelled);
                break;
            case "TransactionScope":
                using (var scope = new TransactionScope(TransactionScopeAsyncFlowOption.Enabled))
                {
                    await db.Database.ExecuteSqlRawAsync(Sql, Cancelled);
                    scope.Complete();
                }

                break;
            case "InvalidateTable":
                await cache.InvalidateTableAsync("posts");
                break;
            case "InvalidateEntity":
                await cache.InvalidateAsync<Post>(db);
                break;
            case "InvalidateTag":
                await cache.InvalidateTagAsync("posts");
                break;
            default:
                await cache.ClearAsync();
                break;
        }
    }

    private async Task<string> TitleAsync(SecondLevelCache cache)
    {
        await using var db = database.Open(cache);
        return await db.Posts.Where(p => p.Id == 7).Select(p => p.Title).Cacheable(q => q.Tag("posts")).SingleAsync(Cancelled);
    }

    private async Task<bool> IsHitAsync(SecondLevelCache cache)
    {
        var hits = cache.Statistics.Hits;
        await TitleAsync(cache);
        return cache.Statistics.Hits > hits;
    }

    private async Task<string> TitleInDatabaseAsync()
        => (string)(await ScalarAsync("SELECT \"Title\" FROM posts WHERE \"Id\" = 7"))!;

    private async Task<long> LeasesAsync() => (long)(await ScalarAsync("SELECT count(*) FROM ef_second_level_cache_leases"))!;

    private Task ExecuteAsync(string sql) => ScalarAsync(sql);

    private async Task<object?> ScalarAsync(string sql)
    {
        await using var connection = new NpgsqlConnection(database.ConnectionString);
        await connection.OpenAsync(Cancelled);
        await using var command = new NpgsqlCommand(sql, connection);
        return await command.ExecuteScalarAsync(Cancelled);
    }
}
