using Dapper;
using EfSecondLevelCache.CompatibilityTests.Harness;
using EfSecondLevelCache.CompatibilityTests.Shop;
using EfSecondLevelCache.IntegrationTests.Support;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage;
using Npgsql;

namespace EfSecondLevelCache.CompatibilityTests.Libraries;

/// <summary>Dapper on EF Core's connection. What it writes goes past EF Core: without a change source the application reads it past the cache.</summary>
public sealed class DapperTests(PostgresServer server) : ScenarioTests<DapperTests>(server), IScenarios
{
    private const string CountUp = """UPDATE "Counters" SET "Value" = "Value" + 1 WHERE "Id" = @id""";

    public static Scenarios All { get; } = new Scenarios<ShopContext>("shop", ShopContext.SeedAsync)
    {
        {
            "queries beside EF Core's on one connection", async app =>
            {
                await using var db = app.Open<ShopContext>();
                var connection = db.Database.GetDbConnection();
                for (var i = 0; i < 2; i++)
                {
                    app.Saw("EF Core", await app.Cached(db.Products.Select(p => p.Name).OrderBy(n => n)).ToListAsync());
                    app.Saw("Dapper", await connection.QueryAsync<string>("""SELECT "Name" FROM "Products" ORDER BY 1"""));
                    app.Saw("state", connection.State);
                    app.Saw("several", await ManyAsync(connection));
                }
            }
        },
        {
            "writes inside of EF Core's transaction", async app =>
            {
                await using var db = app.Open<ShopContext>();
                app.Saw("categories", await app.Cached(db.Categories.AsNoTracking().OrderBy(c => c.Id)).ToListAsync());
                app.Saw("categories", await app.Cached(db.Categories.AsNoTracking().OrderBy(c => c.Id)).ToListAsync());
                await using (var transaction = await db.Database.BeginTransactionAsync())
                {
                    app.Saw("rows", await db.Database.GetDbConnection().ExecuteAsync(CountUp, new { id = 1 }, transaction.GetDbTransaction()));
                    app.Saw("inside", await app.Cached(db.Counters.AsNoTracking().OrderBy(c => c.Id)).ToListAsync());
                    await db.Counters.Where(c => c.Id == 2).ExecuteUpdateAsync(s => s.SetProperty(c => c.Value, c => c.Value + 1));
                    app.Saw("Dapper sees it", await db.Database.GetDbConnection().QueryAsync<int>("""SELECT "Value" FROM "Counters" ORDER BY "Id" """, transaction: transaction.GetDbTransaction()));
                    await transaction.CommitAsync();
                }

                app.Saw("afterwards", await db.Counters.NotCacheable().AsNoTracking().OrderBy(c => c.Id).ToListAsync());
            }
        },
        {
            "EF Core inside of Dapper's transaction", Expect.NoHits, async app =>
            {
                await using var connection = new NpgsqlConnection(app.ConnectionString);
                await connection.OpenAsync();
                await using var transaction = await connection.BeginTransactionAsync();
                await connection.ExecuteAsync(CountUp, new { id = 1 }, transaction);
                await using var db = app.Open<ShopContext>();
                db.Database.SetDbConnection(connection);
                await db.Database.UseTransactionAsync(transaction);
                app.Saw("sees it", await app.Cached(db.Counters.AsNoTracking().OrderBy(c => c.Id)).ToListAsync());
                db.Add(new Tag { Name = "new" });
                app.Saw("rows", await db.SaveChangesAsync());
                await transaction.RollbackAsync();
                await db.Database.UseTransactionAsync(null);
                app.Saw("tags", await app.Cached(db.Tags).CountAsync());
                app.Saw("state", connection.State);
            }
        },
        {
            "a session that SQL changes", Expect.NoHits, async app =>
            {
                await using var db = app.Open<ShopContext>();
                await db.Database.OpenConnectionAsync();
                await db.Database.ExecuteSqlRawAsync("SET search_path = pg_catalog");
                await app.FailsAsync("no such table", () => app.Cached(db.Products).CountAsync());
                await db.Database.CloseConnectionAsync();
                app.Saw("and again", await app.Cached(db.Products).CountAsync());
            }
        },
    };

    private static async Task<int> ManyAsync(System.Data.Common.DbConnection connection)
    {
        await using var grid = await connection.QueryMultipleAsync("""SELECT count(*)::int FROM "Tags"; SELECT count(*)::int FROM "Orders" """);
        return await grid.ReadSingleAsync<int>() + await grid.ReadSingleAsync<int>();
    }
}
