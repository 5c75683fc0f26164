using System.Collections.Concurrent;
using System.Data.Common;
using EfSecondLevelCache.Catalog;
using EfSecondLevelCache.IntegrationTests.Serving;
using EfSecondLevelCache.IntegrationTests.Support;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;

namespace EfSecondLevelCache.IntegrationTests.Compatibility;

/// <summary>Who waits for the work of another one does so for as long as it would wait for its own, and then goes alone.</summary>
public sealed class WaitingTests(ShopDatabase database) : ShopTests(database)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(false, false)]
    public async Task A_query_that_has_waited_for_its_own_command_timeout_goes_alone(bool leaderIsAsync, bool followerIsAsync)
    {
        await using var cache = new SecondLevelCache();
        using var hold = Tap.HoldAnswerTo("FROM products");
        var leader = CountAsync(cache, leaderIsAsync);
        await hold.Reached;

        Assert.Equal(40, await CountAsync(cache, followerIsAsync, commandTimeout: 1).WaitAsync(Patience));

        Assert.False(leader.IsCompleted);
        hold.Release();
        Assert.Equal(40, await leader);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task The_command_timeout_of_the_connection_string_counts_where_the_context_has_none(bool isAsync)
    {
        await using var cache = new SecondLevelCache();
        using var hold = Tap.HoldAnswerTo("FROM products");
        var leader = CountAsync(cache, isAsync);
        await hold.Reached;

        Assert.Equal(40, await CountAsync(cache, isAsync, connectionString: $"{Tap.ConnectionString};Command Timeout=1").WaitAsync(Patience));

        hold.Release();
        await leader;
    }

    [Fact]
    public async Task Who_comes_after_one_that_gave_up_does_not_wait_for_the_same_execution()
    {
        // Nothing is kept, so that each goes to the database.
        await using var cache = new SecondLevelCache(c => c.MaxEntryBytes(1024));
        using var hold = Tap.HoldAnswerTo("FROM products");
        var leader = ListAsync(default);
        await hold.Reached;
        Assert.Equal(40, await ListAsync(1).WaitAsync(Patience));

        Assert.Equal(40, await ListAsync(default).WaitAsync(Patience));

        hold.Release();
        Assert.Equal(40, await leader);

        async Task<int> ListAsync(int? commandTimeout)
        {
            await using var db = Open(cache);
            db.Database.SetCommandTimeout(commandTimeout);
            return (await db.Products.Cacheable().ToListAsync()).Count;
        }
    }

    [Fact]
    public async Task Queries_without_await_do_not_wait_for_one_with_await_but_for_each_other()
    {
        await using var cache = new SecondLevelCache();
        using var held = Tap.HoldAnswerTo("FROM products");
        using var heldToo = Tap.HoldAnswerTo("FROM products");
        var leader = CountAsync(cache, isAsync: true);
        await held.Reached;

        var statements = await Tap.DuringAsync(async () =>
        {
            var others = Enumerable.Range(0, 20).Select(_ => CountAsync(cache, isAsync: false)).ToList();
            await heldToo.Reached.WaitAsync(Patience);
            heldToo.Release();
            Assert.All(await Task.WhenAll(others).WaitAsync(Patience), count => Assert.Equal(40, count));
        });

        Assert.Single(statements);
        Assert.False(leader.IsCompleted);
        held.Release();
        Assert.Equal(40, await leader);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_query_does_not_wait_for_ever_for_the_catalog_that_another_one_reads(bool isAsync)
    {
        await using var cache = new SecondLevelCache();
        using var hold = Tap.HoldAnswerTo(statement => statement.StartsWith(CatalogReader.Mark, StringComparison.Ordinal));
        var leader = CountAsync(cache, isAsync);
        await hold.Reached;

        Assert.Equal(40, await CountAsync(cache, isAsync, commandTimeout: 1).WaitAsync(Patience));
        // Who comes later does not even begin to wait for it.
        await MissAsync(cache, db => db.Categories.Cacheable().CountAsync()).WaitAsync(Patience);

        Assert.False(leader.IsCompleted);
        hold.Release();
        Assert.Equal(40, await leader);
    }

    [Fact]
    public async Task A_query_without_await_does_not_wait_for_the_catalog_that_one_with_await_reads()
    {
        await using var cache = new SecondLevelCache();
        using var hold = Tap.HoldAnswerTo(statement => statement.StartsWith(CatalogReader.Mark, StringComparison.Ordinal));
        var leader = CountAsync(cache, isAsync: true);
        await hold.Reached;

        Assert.Equal(40, await CountAsync(cache, isAsync: false).WaitAsync(Patience));

        hold.Release();
        Assert.Equal(40, await leader);
    }

    [Fact]
    public async Task A_cancelled_wait_throws_what_a_cancelled_query_throws()
    {
        await using var cache = new SecondLevelCache();
        using var hold = Tap.HoldAnswerTo("FROM products");
        var leader = CountAsync(cache, isAsync: true);
        await hold.Reached;
        using var cancellation = new CancellationTokenSource();
        await using var db = Open(cache);
        var follower = db.Products.Cacheable().CountAsync(cancellation.Token);
        await Task.Delay(100);
        Assert.False(follower.IsCompleted);

        await cancellation.CancelAsync();

        await Assert.ThrowsAsync<OperationCanceledException>(() => follower.WaitAsync(Patience));
        hold.Release();
        await leader;
    }

    /// <summary>A timeout policy in an interceptor throws the same as a cancelled token: in turn they would take a second each.</summary>
    [Fact]
    public async Task A_query_that_an_interceptor_ends_is_not_tried_by_one_after_the_other()
    {
        const int Callers = 20;
        await using var cache = new SecondLevelCache();
        var policy = new TimeoutPolicy();
        var queries = Enumerable.Range(0, Callers).Select(async _ =>
        {
            await using var db = Open(cache, options => options.AddInterceptors(policy));
            return await db.Products.Cacheable().CountAsync();
        }).ToList();
        await policy.Reached.Task.WaitAsync(Patience);

        policy.Fail();

        foreach (var query in queries)
            await Assert.ThrowsAsync<OperationCanceledException>(() => query.WaitAsync(Patience));
        Assert.True(policy.MostAtOnce > Callers / 2, $"{policy.MostAtOnce} at once");
    }

    private Task<int> CountAsync(SecondLevelCache cache, bool isAsync, int? commandTimeout = null, string? connectionString = null)
    {
        return isAsync ? Task.Run(ReadAsync) : Task.Factory.StartNew(Read, TaskCreationOptions.LongRunning);

        int Read()
        {
            using var db = Open(cache, connectionString: connectionString);
            db.Database.SetCommandTimeout(commandTimeout);
            return db.Products.Cacheable().Count();
        }

        async Task<int> ReadAsync()
        {
            await using var db = Open(cache, connectionString: connectionString);
            db.Database.SetCommandTimeout(commandTimeout);
            return await db.Products.Cacheable().CountAsync();
        }
    }

    /// <summary>Ends the first command when it is told, and the others some time after they came, though nobody has cancelled them.</summary>
    private sealed class TimeoutPolicy : DbCommandInterceptor
    {
        private readonly TaskCompletionSource _failing = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int _first = 1;
        private int _running;

        public TaskCompletionSource Reached { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public int MostAtOnce { get; private set; }

        public void Fail() => _failing.SetResult();

        public override async ValueTask<InterceptionResult<DbDataReader>> ReaderExecutingAsync(
            DbCommand command, CommandEventData eventData, InterceptionResult<DbDataReader> result, CancellationToken cancellationToken = default)
        {
            if (Interlocked.Exchange(ref _first, 0) == 1)
            {
                Reached.SetResult();
                await _failing.Task;
                throw new OperationCanceledException();
            }

            lock (_failing)
                MostAtOnce = Math.Max(MostAtOnce, ++_running);
            await Task.Delay(2000, CancellationToken.None);
            lock (_failing)
                _running--;
            throw new OperationCanceledException();
        }
    }
}
