using System.Transactions;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace EfSecondLevelCache.IntegrationTests.Serving;

/// <summary>Inside a transaction the cache is passed by; its end decides what others see.</summary>
public sealed class TransactionTests(ShopDatabase database) : ShopTests(database)
{
    [Fact]
    public async Task Inside_a_transaction_the_cache_is_passed_by()
    {
        await using var cache = new SecondLevelCache();
        await MissAsync(cache, CountAsync);
        await using (var db = Open(cache))
        {
            await using var transaction = await db.Database.BeginTransactionAsync();
            await MissAsync(() => CountAsync(db));
            await MissAsync(() => CountAsync(db));
            await MissAsync(() => db.Categories.Cacheable().CountAsync());
            await transaction.CommitAsync();
            await HitAsync(() => CountAsync(db));
        }

        // What was read inside was not kept.
        await MissAsync(cache, db => db.Categories.Cacheable().CountAsync());
        Assert.Equal(3, cache.Statistics.RefusalsByReason[RefusalReason.InTransaction]);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Others_see_a_change_when_it_is_committed(bool isAsync)
    {
        await using var cache = new SecondLevelCache();
        var before = await MissAsync(cache, CountAsync);
        await using var writer = Open(cache);
        await using (var transaction = await writer.Database.BeginTransactionAsync())
        {
            writer.Add(new Order { ProductId = 1 });
            await writer.SaveChangesAsync();
            Assert.Equal(before + 1, await CountAsync(writer));

            // Uncommitted rows leave the transaction in no way, neither now nor later.
            Assert.Equal(before, await CountAsync(Open(cache)));
            await writer.Orders.Where(o => o.Id == 1).ExecuteUpdateAsync(s => s.SetProperty(o => o.Quantity, 99));
            Assert.Equal(before, await CountAsync(Open(cache)));

            if (isAsync)
                await transaction.CommitAsync();
            else
                transaction.Commit();
        }

        Assert.Equal(before + 1, await MissAsync(cache, CountAsync));
        await HitAsync(cache, CountAsync);
        await HitAsync(() => CountAsync(writer));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_rollback_leaks_nothing(bool explicitly)
    {
        await using var cache = new SecondLevelCache();
        var before = await MissAsync(cache, CountAsync);
        await using (var writer = Open(cache))
        {
            await using var transaction = await writer.Database.BeginTransactionAsync();
            writer.Add(new Order { ProductId = 1 });
            await writer.SaveChangesAsync();
            Assert.Equal(before + 1, await CountAsync(writer));
            Assert.Equal(before + 1, (await writer.Orders.Cacheable().ToListAsync()).Count);
            if (explicitly)
                await transaction.RollbackAsync();
        }

        await using var db = Open(cache);
        Assert.Equal(before, await CountAsync(db));
        Assert.Equal(before, (await db.Orders.Cacheable().ToListAsync()).Count);
    }

    [Fact]
    public async Task A_rollback_to_a_savepoint_leaks_nothing()
    {
        await using var cache = new SecondLevelCache();
        var before = await MissAsync(cache, CountAsync);
        await using (var writer = Open(cache))
        {
            await using var transaction = await writer.Database.BeginTransactionAsync();
            writer.Add(new Order { ProductId = 1 });
            await writer.SaveChangesAsync();
            await transaction.CreateSavepointAsync("here");
            writer.Add(new Order { ProductId = 2 });
            await writer.SaveChangesAsync();
            Assert.Equal(before + 2, await CountAsync(writer));
            await transaction.RollbackToSavepointAsync("here");
            Assert.Equal(before + 1, await CountAsync(writer));
            await transaction.CommitAsync();
        }

        Assert.Equal(before + 1, await MissAsync(cache, CountAsync));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task An_ambient_transaction_is_a_transaction(bool completes)
    {
        await using var cache = new SecondLevelCache();
        var before = await MissAsync(cache, CountAsync);
        using (var scope = new TransactionScope(TransactionScopeAsyncFlowOption.Enabled))
        {
            await using var db = Open(cache);
            await MissAsync(() => CountAsync(db));
            db.Add(new Order { ProductId = 1 });
            await db.SaveChangesAsync();
            Assert.Equal(before + 1, await CountAsync(db));
            using (new TransactionScope(TransactionScopeOption.Suppress, TransactionScopeAsyncFlowOption.Enabled))
                Assert.Equal(before, await CountAsync(Open(cache)));
            if (completes)
                scope.Complete();
        }

        Assert.Equal(completes ? before + 1 : before, await CountAsync(Open(cache)));
        await HitAsync(cache, CountAsync);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_transaction_that_was_enlisted_in_is_a_transaction(bool completes)
    {
        await using var cache = new SecondLevelCache();
        var before = await MissAsync(cache, CountAsync);
        using (var transaction = new CommittableTransaction())
        {
            await using var db = Open(cache);
            await db.Database.OpenConnectionAsync();
            db.Database.EnlistTransaction(transaction);
            db.Add(new Order { ProductId = 1 });
            await db.SaveChangesAsync();
            Assert.Equal(before + 1, await MissAsync(() => CountAsync(db)));
            Assert.Equal(before, await CountAsync(Open(cache)));
            if (completes)
                transaction.Commit();
            else
                transaction.Rollback();
        }

        Assert.Equal(completes ? before + 1 : before, await CountAsync(Open(cache)));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_transaction_made_outside_of_EF_Core_is_a_transaction(bool commits)
    {
        await using var cache = new SecondLevelCache();
        var before = await MissAsync(cache, CountAsync);
        await using (var connection = new NpgsqlConnection(Tap.ConnectionString))
        {
            await connection.OpenAsync();
            await using var transaction = await connection.BeginTransactionAsync();
            await using var db = new ShopContext(
                new DbContextOptionsBuilder<ShopContext>().UseNpgsql(connection).AddSecondLevelCache(cache).Options);
            await db.Database.UseTransactionAsync(transaction);
            db.Add(new Order { ProductId = 1 });
            await db.SaveChangesAsync();
            Assert.Equal(before + 1, await MissAsync(() => CountAsync(db)));
            Assert.Equal(before, await CountAsync(Open(cache)));
            if (commits)
                await transaction.CommitAsync();
            else
                await transaction.RollbackAsync();
        }

        Assert.Equal(commits ? before + 1 : before, await CountAsync(Open(cache)));
    }

    [Theory]
    [InlineData("COMMIT", 1)]
    [InlineData("ROLLBACK", 0)]
    public async Task A_transaction_in_raw_SQL_is_a_transaction(string end, int added)
    {
        await using var cache = new SecondLevelCache();
        var before = await MissAsync(cache, CountAsync);
        await using (var db = Open(cache))
        {
            await db.Database.OpenConnectionAsync();
            await db.Database.ExecuteSqlRawAsync("BEGIN");
            await db.Database.ExecuteSqlAsync($"""INSERT INTO orders ("ProductId", "Quantity") VALUES (1, 1)""");
            Assert.Equal(before + 1, await CountAsync(db));
            Assert.Equal(before, await CountAsync(Open(cache)));
            await db.Database.ExecuteSqlRawAsync(end);
            Assert.Equal(before + added, await CountAsync(db));
        }

        Assert.Equal(before + added, await CountAsync(Open(cache)));
    }

    [Fact]
    public async Task A_read_that_meets_the_commit_keeps_no_older_rows()
    {
        await using var cache = new SecondLevelCache();
        await using var writer = Open(cache);
        await using var transaction = await writer.Database.BeginTransactionAsync();
        writer.Add(new Order { ProductId = 1 });
        await writer.SaveChangesAsync();

        // The read took its snapshot before the commit and gets its answer after it.
        using var hold = Tap.HoldAnswerTo("FROM orders");
        var early = Task.Run(() => CountAsync(Open(cache)));
        await hold.Reached;
        await transaction.CommitAsync();
        hold.Release();
        var old = await early;

        Assert.Equal(old + 1, await CountAsync(Open(cache)));
        await HitAsync(cache, CountAsync);
    }

    [Fact]
    public async Task Retries_of_a_transaction_keep_the_rules()
    {
        await using var cache = new SecondLevelCache();
        var before = await MissAsync(cache, CountAsync);
        await using var db = Open(cache, o => o.UseNpgsql(Tap.ConnectionString, npgsql => npgsql.EnableRetryOnFailure()));
        await db.Database.CreateExecutionStrategy().ExecuteInTransactionAsync(
            async () =>
            {
                db.Add(new Order { ProductId = 3 });
                await db.SaveChangesAsync();
                Assert.Equal(before + 1, await CountAsync(db));
            },
            () => Task.FromResult(false));
        Assert.Equal(before + 1, await CountAsync(Open(cache)));
    }

    private static Task<int> CountAsync(ShopContext db) => db.Orders.Cacheable().CountAsync();
}
