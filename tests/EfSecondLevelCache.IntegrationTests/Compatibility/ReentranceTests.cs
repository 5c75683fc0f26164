using System.Data.Common;
using EfSecondLevelCache.IntegrationTests.Serving;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.Extensions.Logging;

namespace EfSecondLevelCache.IntegrationTests.Compatibility;

/// <summary>What the application does in the middle of a query (interceptors, loggers, delegates) may query too, and never waits for itself.</summary>
public sealed class ReentranceTests(ShopDatabase database) : ShopTests(database)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_command_interceptor_may_execute_the_query_that_it_intercepts(bool isAsync)
    {
        await using var cache = new SecondLevelCache();
        var inner = 0;
        var interceptor = new OnCommand(async () => inner = await CountAsync(cache, isAsync, configure: null));

        Assert.Equal(40, await CountAsync(cache, isAsync, options => options.AddInterceptors(interceptor)).WaitAsync(Patience));

        Assert.Equal(40, inner);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_command_interceptor_may_execute_it_several_times_in_parallel(bool isAsync)
    {
        await using var cache = new SecondLevelCache();
        int[] inner = [];
        var interceptor = new OnCommand(async () => inner = await Task.WhenAll(
            Enumerable.Range(0, 10).Select(_ => Task.Run(() => CountAsync(cache, isAsync, configure: null)))));

        Assert.Equal(40, await CountAsync(cache, isAsync, options => options.AddInterceptors(interceptor)).WaitAsync(Patience));

        Assert.Equal(Enumerable.Repeat(40, 10), inner);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_connection_interceptor_may_execute_the_query_for_which_the_connection_is_opened(bool isAsync)
    {
        await using var cache = new SecondLevelCache(c => c.UniformSessions());
        var inner = 0;
        // The first connection is opened for the catalog.
        var interceptor = new OnConnection(async () => inner = await CountAsync(cache, isAsync, configure: null));

        Assert.Equal(40, await CountAsync(cache, isAsync, options => options.AddInterceptors(interceptor)).WaitAsync(Patience));

        Assert.Equal(40, inner);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Two_queries_may_each_execute_the_other_one_from_an_interceptor(bool isAsync)
    {
        await using var cache = new SecondLevelCache();
        await MissAsync(cache, db => db.Categories.Cacheable().CountAsync());
        using var both = new Barrier(2);
        var first = new OnCommand(() => MeetAndRunAsync(() => PriceAsync(null)));
        var second = new OnCommand(() => MeetAndRunAsync(() => CountAsync(cache, isAsync, configure: null)));

        var count = Task.Run(() => CountAsync(cache, isAsync, options => options.AddInterceptors(first)));
        var price = Task.Run(() => PriceAsync(options => options.AddInterceptors(second)));

        Assert.Equal(40, await count.WaitAsync(Patience));
        Assert.Equal(820, await price.WaitAsync(Patience));

        async Task MeetAndRunAsync(Func<Task> run)
        {
            await Task.Factory.StartNew(() => both.SignalAndWait(Patience), TaskCreationOptions.LongRunning);
            await run();
        }

        async Task<decimal> PriceAsync(Action<DbContextOptionsBuilder>? configure)
        {
            await using var db = Open(cache, configure);
            var prices = db.Products.Select(p => p.Price).Cacheable();
            return isAsync ? (await prices.ToListAsync()).Sum() : prices.ToList().Sum();
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_logger_may_execute_the_query_that_it_is_told_of(bool isAsync)
    {
        await using var cache = new SecondLevelCache();
        var depth = 0;
        var logged = 0;
        void Configure(DbContextOptionsBuilder options) => options.LogTo((_, _) => true, _ =>
        {
            if (Interlocked.Increment(ref depth) == 1)
            {
                using var db = Open(cache);
                logged += db.Products.Cacheable().Count();
            }

            Interlocked.Decrement(ref depth);
        });

        Assert.Equal(40, await Task.Run(() => CountAsync(cache, isAsync, Configure)).WaitAsync(Patience));

        Assert.True(logged > 0);
    }

    /// <summary>It would call itself without end.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task VaryBy_may_execute_a_query_itself(bool isAsync)
    {
        await using var cache = new SecondLevelCache(c => c.CacheAllQueries().VaryBy(
            context => $"{((ShopContext)context).Categories.Count()} {((ShopContext)context).Orders.CountAsync().GetAwaiter().GetResult()}"));

        Assert.Equal(40, await CountAsync(cache, isAsync, configure: null));
        Assert.Equal(40, await CountAsync(cache, isAsync, configure: null));

        Assert.Equal(1, cache.Statistics.Hits);
        Assert.Equal([RefusalReason.SessionStateUnknown], cache.Statistics.RefusalsByReason.Keys);
    }

    [Fact]
    public async Task A_write_from_an_interceptor_does_not_wait_for_the_catalog_that_is_being_read()
    {
        await using var cache = new SecondLevelCache(c => c.UniformSessions());
        await MissAsync(cache, db => db.Categories.Cacheable().CountAsync());
        // From now on it has to be read again.
        await using (var db = Open(cache))
            await db.Database.ExecuteSqlAsync($"CREATE TABLE IF NOT EXISTS another (id int)");
        await using (var db = Open(cache))
            await db.Categories.Cacheable().CountAsync();
        var interceptor = new OnConnection(async () =>
        {
            await using var db = Open(cache);
            await db.Products.Where(p => p.Id == 1).ExecuteUpdateAsync(set => set.SetProperty(p => p.Price, 1));
        });

        Assert.Equal(40, await CountAsync(cache, isAsync: true, options => options.AddInterceptors(interceptor)).WaitAsync(Patience));
    }

    [Fact]
    public async Task What_was_started_in_the_middle_of_a_query_waits_for_others_again_when_that_has_ended()
    {
        await using var cache = new SecondLevelCache();
        var go = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Task<int>? background = null;
        var interceptor = new OnCommand(() =>
        {
            background = Task.Run(async () =>
            {
                await go.Task;
                return await CountAsync(cache, isAsync: true, configure: null);
            });
            return Task.CompletedTask;
        });
        await CountAsync(cache, isAsync: true, options => options.AddInterceptors(interceptor));
        await cache.ClearAsync();
        using var hold = Tap.HoldAnswerTo("FROM products");
        var leader = CountAsync(cache, isAsync: true, configure: null);
        await hold.Reached;

        go.SetResult();
        await Task.Delay(100);
        hold.Release();

        Assert.Equal(40, await background!.WaitAsync(Patience));
        await leader;
        Assert.Equal((2, 1), (cache.Statistics.Misses, cache.Statistics.Joined));
    }

    private async Task<int> CountAsync(SecondLevelCache cache, bool isAsync, Action<DbContextOptionsBuilder>? configure)
    {
        await using var db = Open(cache, configure);
        return isAsync ? await db.Products.Cacheable().CountAsync() : db.Products.Cacheable().Count();
    }

    private sealed class OnCommand(Func<Task> run) : DbCommandInterceptor
    {
        public override InterceptionResult<DbDataReader> ReaderExecuting(
            DbCommand command, CommandEventData eventData, InterceptionResult<DbDataReader> result)
        {
            run().GetAwaiter().GetResult();
            return result;
        }

        public override async ValueTask<InterceptionResult<DbDataReader>> ReaderExecutingAsync(
            DbCommand command, CommandEventData eventData, InterceptionResult<DbDataReader> result, CancellationToken cancellationToken = default)
        {
            await run();
            return result;
        }
    }

    private sealed class OnConnection(Func<Task> run) : DbConnectionInterceptor
    {
        public override InterceptionResult ConnectionOpening(DbConnection connection, ConnectionEventData eventData, InterceptionResult result)
        {
            run().GetAwaiter().GetResult();
            return result;
        }

        public override async ValueTask<InterceptionResult> ConnectionOpeningAsync(
            DbConnection connection, ConnectionEventData eventData, InterceptionResult result, CancellationToken cancellationToken = default)
        {
            await run();
            return result;
        }
    }
}
