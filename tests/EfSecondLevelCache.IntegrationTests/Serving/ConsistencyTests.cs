using System.Transactions;
using EfSecondLevelCache.IntegrationTests.Support;
using Microsoft.EntityFrameworkCore;

namespace EfSecondLevelCache.IntegrationTests.Serving;

/// <summary>Readers and writers at once: when a writer's call has returned, no reader gets anything older.</summary>
public sealed class ConsistencyTests(ShopDatabase database) : ShopTests(database)
{
    private static readonly int Writes = FullRun.Is ? 150 : 60;
    private const int Readers = 6;

    public static TheoryData<string> Writers => [.. WritersByName.Keys];

    private static Dictionary<string, Func<ShopContext, Task>> WritersByName { get; } = new()
    {
        ["SaveChanges"] = async db =>
        {
            (await db.Orders.SingleAsync(o => o.Id == 1)).Quantity++;
            db.SaveChanges();
        },
        ["SaveChangesAsync"] = async db =>
        {
            (await db.Orders.SingleAsync(o => o.Id == 1)).Quantity++;
            await db.SaveChangesAsync();
        },
        ["ExecuteUpdate"] = db => IncrementAsync(db),
        ["ExecuteSql"] = db => db.Database.ExecuteSqlAsync($"""UPDATE orders SET "Quantity" = "Quantity" + 1 WHERE "Id" = 1"""),
        ["transaction"] = async db =>
        {
            await using var transaction = await db.Database.BeginTransactionAsync();
            await IncrementAsync(db);
            await transaction.CommitAsync();
        },
        ["transaction after one that was rolled back"] = async db =>
        {
            await using (await db.Database.BeginTransactionAsync())
                await IncrementAsync(db);
            await using var transaction = await db.Database.BeginTransactionAsync();
            await IncrementAsync(db);
            transaction.Commit();
        },
        ["ambient transaction"] = async db =>
        {
            using var scope = new TransactionScope(
                TransactionScopeOption.Required,
                new TransactionOptions { IsolationLevel = IsolationLevel.ReadCommitted },
                TransactionScopeAsyncFlowOption.Enabled);
            await IncrementAsync(db);
            scope.Complete();
        },
        ["raw transaction"] = async db =>
        {
            await db.Database.OpenConnectionAsync();
            await db.Database.ExecuteSqlRawAsync("BEGIN");
            await IncrementAsync(db);
            await db.Database.ExecuteSqlRawAsync("COMMIT");
            await db.Database.CloseConnectionAsync();
        },
    };

    [Theory]
    [MemberData(nameof(Writers))]
    public async Task No_reader_goes_behind_a_commit(string writer)
    {
        await using var cache = new SecondLevelCache();
        var committed = await MissAsync(cache, db => db.Orders.Where(o => o.Id == 1).Select(o => o.Quantity).SingleAsync());
        var end = committed + Writes;
        var writing = Task.Run(async () =>
        {
            for (var i = 0; i < Writes; i++)
            {
                await using var db = Open(cache);
                await WritersByName[writer](db);
                Interlocked.Increment(ref committed);
            }
        });

        var reading = Enumerable.Range(0, Readers).Select(reader => Task.Run(async () =>
        {
            int read;
            do
            {
                var least = Volatile.Read(ref committed);
                await using var db = Open(cache);
                var query = db.Orders.Where(o => o.Id == 1).Cacheable();
                read = (reader % 2 == 0 ? await query.SingleAsync() : query.Single()).Quantity;
                Assert.InRange(read, least, end);
            }
            while (read < end && !writing.IsFaulted);
        })).ToList();

        await writing;
        await Task.WhenAll(reading);
        Assert.True(cache.Statistics.Hits > 0);
    }

    private static Task<int> IncrementAsync(ShopContext db)
        => db.Orders.Where(o => o.Id == 1).ExecuteUpdateAsync(s => s.SetProperty(o => o.Quantity, o => o.Quantity + 1));
}
