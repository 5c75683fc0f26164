using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Storage;
using Npgsql;

namespace EfSecondLevelCache.Benchmarks.Queries;

/// <summary>The server that answers what no cache does, and its table.</summary>
internal static class BenchmarkServer
{
    public const string Schema = "second_level_cache_benchmark";
    public const int Rows = 100_000;

    public static string ConnectionString => Environment.GetEnvironmentVariable("ConnectionStrings__Demo")
        ?? throw new InvalidOperationException(
            "The environment variable ConnectionStrings__Demo is not set. Run eng/bench.sh, which starts a throw-away PostgreSQL server, "
            + "or give it a server's connection string; the benchmarks keep their rows in the schema " + Schema + ".");

    /// <summary>Makes the table, once: a benchmark process finds the rows of the one before it.</summary>
    public static async Task FillAsync()
    {
        await using var context = new Catalog(Options().Options);
        var table = Schema + ".\"Products\"";
        if (await context.Database.SqlQuery<bool>($"""SELECT to_regclass({table}) IS NOT NULL AS "Value" """).SingleAsync())
            return;

        await context.GetService<IRelationalDatabaseCreator>().CreateTablesAsync();
        await context.Database.ExecuteSqlRawAsync($"""
            INSERT INTO {Schema}."Products"
                ("Id", "Name", "Description", "CategoryId", "Price", "Stock", "IsListed", "ListedAt", "Sku")
            SELECT id, 'Product ' || id, 'A thing for every day, number ' || id || ' of its kind.', id % 5000, id % 1000 / 10.0,
                   id % 500, id % 7 <> 0, TIMESTAMPTZ '2024-01-01' + id * INTERVAL '1 minute', md5(id::text)::uuid
            FROM generate_series(1, {Rows}) AS id
            """);
        await context.Database.ExecuteSqlRawAsync($"""VACUUM (ANALYZE) {Schema}."Products" """);
    }

    public static async Task DropAsync()
    {
        await using var connection = new NpgsqlConnection(ConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand($"DROP SCHEMA IF EXISTS {Schema} CASCADE", connection);
        await command.ExecuteNonQueryAsync();
    }

    public static DbContextOptionsBuilder<Catalog> Options() => new DbContextOptionsBuilder<Catalog>().UseNpgsql(ConnectionString);
}
