using EfSecondLevelCache.IntegrationTests.Support;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace EfSecondLevelCache.IntegrationTests.Serving;

public sealed class ConcurrentMissTests(ShopDatabase database) : ShopTests(database)
{
    private const int Callers = 200;

    [Fact]
    public async Task Concurrent_misses_of_one_query_execute_once()
    {
        await using var cache = new SecondLevelCache();
        using var hold = Tap.HoldAnswerTo("FROM products");
        List<Product>[] results = [];

        var statements = await Tap.DuringAsync(async () =>
        {
            var reads = Enumerable.Range(0, Callers).Select(_ => ReadAsync()).ToList();
            await hold.Reached;
            hold.Release();
            results = await Task.WhenAll(reads);
        });

        Assert.Single(statements);
        Assert.All(results, r => Assert.Equal(40, r.Count));

        // Everybody has objects of their own.
        Assert.Equal(Callers, results.Select(r => r[0]).Distinct(ReferenceEqualityComparer.Instance).Count());
        Assert.Equal((1, Callers - 1), (cache.Statistics.Misses, cache.Statistics.Joined));

        async Task<List<Product>> ReadAsync()
        {
            await using var db = Open(cache);
            return await db.Products.Cacheable().ToListAsync();
        }
    }

    [Fact]
    public async Task Concurrent_misses_on_threads_execute_once()
    {
        await using var cache = new SecondLevelCache();
        using var hold = Tap.HoldAnswerTo("FROM products");
        var counts = new int[Callers];
        using var started = new CountdownEvent(Callers);

        var statements = await Tap.DuringAsync(async () =>
        {
            var threads = Enumerable.Range(0, Callers).Select(i => new Thread(() => counts[i] = Read(), 1 << 20)).ToList();
            threads.ForEach(t => t.Start());
            started.Wait();
            await hold.Reached;
            hold.Release();
            threads.ForEach(t => t.Join());
        });

        Assert.Single(statements);
        Assert.All(counts, c => Assert.Equal(40, c));

        int Read()
        {
            using var db = Open(cache);
            started.Signal();
            return db.Products.Cacheable().ToList().Count;
        }
    }

    [Fact]
    public async Task Callers_with_and_without_await_end_over_a_pool_of_one_connection()
    {
        await using var cache = new SecondLevelCache();
        var connectionString = new NpgsqlConnectionStringBuilder(Tap.ConnectionString) { MaxPoolSize = 1 }.ConnectionString;
        using var hold = Tap.HoldAnswerTo("FROM products");
        var counts = new int[20];

        var statements = await Tap.DuringAsync(async () =>
        {
            var reads = Enumerable.Range(0, 20).Select(i => i % 2 == 0
                ? Task.Factory.StartNew(() => counts[i] = Read(), TaskCreationOptions.LongRunning)
                : Task.Run(async () => counts[i] = await ReadAsync())).ToList();
            await hold.Reached;
            hold.Release();
            await Task.WhenAll(reads);
        });

        // Those without await do not wait for one with await, but for each other.
        Assert.InRange(statements.Count, 1, 2);
        Assert.All(counts, c => Assert.Equal(40, c));

        int Read()
        {
            using var db = Open(cache, connectionString: connectionString);
            return db.Products.Cacheable().Count();
        }

        async Task<int> ReadAsync()
        {
            await using var db = Open(cache, connectionString: connectionString);
            return await db.Products.Cacheable().CountAsync();
        }
    }

    [Fact]
    public async Task Concurrent_misses_with_other_parameters_each_execute()
    {
        await using var cache = new SecondLevelCache();
        Product[] results = [];

        var statements = await Tap.DuringAsync(async () => results = await Task.WhenAll(Enumerable.Range(0, 60).Select(async i =>
        {
            await using var db = Open(cache);
            var id = 1 + (i % 6);
            return await db.Products.Cacheable().SingleAsync(p => p.Id == id);
        })));

        Assert.Equal(6, statements.Count);
        Assert.Equal(Enumerable.Range(0, 60).Select(i => 1 + (i % 6)), results.Select(r => r.Id));
    }

    [Fact]
    public async Task An_error_of_the_one_that_executes_reaches_nobody_who_could_succeed()
    {
        await using var cache = new SecondLevelCache();
        await using var locked = await LockProductsAsync();
        var reads = Enumerable.Range(0, 10).Select(_ => CountAsync()).ToList();
        await UntilBlockedAsync();
        await Database.ExecuteAsync(
            "SELECT pg_cancel_backend(pid) FROM pg_locks WHERE NOT granted AND relation = 'products'::regclass");
        var failed = await Task.WhenAny(reads);
        var e = await Assert.ThrowsAsync<PostgresException>(() => failed);
        Assert.Equal(PostgresErrorCodes.QueryCanceled, e.SqlState);

        await locked.DisposeAsync();
        Assert.All(await Task.WhenAll(reads.Where(r => r != failed)), c => Assert.Equal(40, c));

        async Task<int> CountAsync()
        {
            await using var db = Open(cache);
            return await db.Products.Cacheable().CountAsync();
        }
    }

    [Fact]
    public async Task Cancelling_the_one_that_executes_does_not_fail_the_others()
    {
        await using var cache = new SecondLevelCache();
        await using var locked = await LockProductsAsync();
        using var cancellation = new CancellationTokenSource();
        var executions = await Tap.DuringAsync(async () =>
        {
            var first = CountAsync(cancellation.Token);
            await UntilBlockedAsync();
            var others = Enumerable.Range(0, 10).Select(_ => CountAsync(default)).ToList();

            await cancellation.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);
            Assert.All(others, o => Assert.False(o.IsCompleted));

            await locked.DisposeAsync();
            Assert.All(await Task.WhenAll(others), c => Assert.Equal(40, c));
        });

        // One of the others took over for all of them.
        Assert.Equal(2, executions.Count(s => s.Contains("FROM products", StringComparison.Ordinal)));

        async Task<int> CountAsync(CancellationToken token)
        {
            await using var db = Open(cache);
            return await db.Products.Cacheable().CountAsync(token);
        }
    }

    [Fact]
    public async Task Cancelling_one_that_waits_ends_it_at_once_and_nobody_else()
    {
        await using var cache = new SecondLevelCache();
        await using var locked = await LockProductsAsync();
        using var cancellation = new CancellationTokenSource();
        var first = CountAsync(default);
        await UntilBlockedAsync();
        var second = CountAsync(cancellation.Token);

        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => second);
        Assert.False(first.IsCompleted);

        await locked.DisposeAsync();
        Assert.Equal(40, await first);

        async Task<int> CountAsync(CancellationToken token)
        {
            await using var db = Open(cache);
            return await db.Products.Cacheable().CountAsync(token);
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Who_holds_a_connection_does_not_wait_for_one_who_needs_it(bool isAsync)
    {
        await using var cache = new SecondLevelCache();
        var connectionString = new NpgsqlConnectionStringBuilder(Tap.ConnectionString) { MaxPoolSize = 1 }.ConnectionString;
        await using var holder = Open(cache, connectionString: connectionString);
        await holder.Database.OpenConnectionAsync();
        await using var other = Open(cache, connectionString: connectionString);
        var waiting = other.Products.Cacheable().CountAsync();

        Assert.Equal(40, isAsync ? await holder.Products.Cacheable().CountAsync() : holder.Products.Cacheable().Count());
        await holder.Database.CloseConnectionAsync();
        Assert.Equal(40, await waiting);
    }

    [Fact]
    public async Task Concurrent_misses_of_a_result_too_large_to_keep_are_all_complete()
    {
        await using var cache = new SecondLevelCache(c => c.MaxEntryBytes(1024));
        var counts = await Task.WhenAll(Enumerable.Range(0, 30).Select(i => Task.Run(async () =>
        {
            await using var db = Open(cache);
            return i % 2 == 0 ? (await db.Products.Cacheable().ToListAsync()).Count : db.Products.Cacheable().ToList().Count;
        })));
        Assert.All(counts, c => Assert.Equal(40, c));
    }

    [Fact]
    public async Task A_cancelled_token_cancels_a_hit_as_it_cancels_a_query()
    {
        await using var cache = new SecondLevelCache();
        await MissAsync(cache, db => db.Products.Cacheable().CountAsync());
        await using var db = Open(cache);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => db.Products.Cacheable().CountAsync(new CancellationToken(true)));
    }

    [Fact]
    public async Task A_result_read_before_a_change_is_not_kept()
    {
        await using var cache = new SecondLevelCache();
        using var hold = Tap.HoldAnswerTo("FROM products AS p");
        var early = Task.Run(() => NameAsync());
        await hold.Reached;

        await using (var writer = Open(cache))
        {
            await writer.Products.Where(p => p.Id == 7).ExecuteUpdateAsync(s => s.SetProperty(p => p.Name, "later"));
        }

        // Who comes after the change does not join who came before it.
        Assert.Equal("later", await NameAsync());
        hold.Release();
        Assert.Equal("Product 7", await early);

        Assert.Equal("later", await HitAsync(NameAsync));
        Assert.True(cache.Statistics.StaleFillsPrevented > 0);

        async Task<string> NameAsync()
        {
            await using var db = Open(cache);
            return await db.Products.Where(p => p.Id == 7).Select(p => p.Name).Cacheable().SingleAsync();
        }
    }

    private async Task<NpgsqlConnection> LockProductsAsync()
    {
        var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(Tap.ConnectionString) { Pooling = false }.ConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand("BEGIN; LOCK TABLE products IN ACCESS EXCLUSIVE MODE", connection);
        await command.ExecuteNonQueryAsync();
        return connection;
    }

    private async Task UntilBlockedAsync()
    {
        await using var db = Open(null);
        while (!await db.Database.SqlQuery<bool>(
            $"SELECT EXISTS (SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'products'::regclass) AS \"Value\"").SingleAsync())
        {
            await Task.Yield();
        }
    }
}
