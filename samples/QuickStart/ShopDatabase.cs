using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Storage;
using Npgsql;
using NpgsqlTypes;

namespace QuickStart;

/// <summary>Fills the shop by binary COPY, always with the same rows, and removes it.</summary>
internal sealed class ShopDatabase(DbContextOptions<Shop> options, ShopSize size) : IAsyncDisposable
{
    private static readonly string[] Adjectives = ["Small", "Sturdy", "Quiet", "Light", "Heavy", "Plain", "Woven", "Oiled", "Blue"];
    private static readonly string[] Nouns = ["Lamp", "Chair", "Kettle", "Blanket", "Notebook", "Knife", "Basket", "Clock", "Shelf", "Mug"];
    private static readonly DateTime Epoch = new(2024, 1, 1, 0, 0, 0, DateTimeKind.Utc);

    /// <returns>How many rows there are.</returns>
    public async Task<int> FillAsync(Action<double, string> progress, CancellationToken cancellationToken)
    {
        await using var shop = new Shop(options);
        await DropAsync(shop, cancellationToken);
        await shop.GetService<IRelationalDatabaseCreator>().CreateTablesAsync(cancellationToken);

        await shop.Database.OpenConnectionAsync(cancellationToken);
        var connection = (NpgsqlConnection)shop.Database.GetDbConnection();
        var rows = size.Categories + size.Products + size.OrderLines;
        var copied = 0;

        await CopyAsync(connection, """ "Categories" ("Id", "Name") """, size.Categories, (row, category) =>
        {
            row.Write(category, NpgsqlDbType.Integer);
            row.Write($"Category {category}", NpgsqlDbType.Text);
        });

        await CopyAsync(connection,
            """ "Products" ("Id", "Name", "Description", "Price", "Stock", "ListedAt", "CategoryId") """, size.Products, (row, product) =>
            {
                row.Write(product, NpgsqlDbType.Integer);
                row.Write($"{Adjectives[product % Adjectives.Length]} {Nouns[product / 10 % Nouns.Length]} {product}", NpgsqlDbType.Text);
                row.Write($"A thing for every day, number {product} of its kind, made to last.", NpgsqlDbType.Text);
                row.Write(PriceOf(product), NpgsqlDbType.Numeric);
                row.Write(product * 31 % 500, NpgsqlDbType.Integer);
                row.Write(Epoch.AddMinutes(product), NpgsqlDbType.TimestampTz);
                row.Write(size.CategoryOf(product), NpgsqlDbType.Integer);
            });

        var random = new Random(1);
        await CopyAsync(connection,
            """ "OrderLines" ("Id", "ProductId", "Quantity", "UnitPrice", "OrderedAt") """, size.OrderLines, (row, line) =>
            {
                var product = 1 + random.Next(size.Products);
                row.Write(line, NpgsqlDbType.Integer);
                row.Write(product, NpgsqlDbType.Integer);
                row.Write(1 + random.Next(5), NpgsqlDbType.Integer);
                row.Write(PriceOf(product), NpgsqlDbType.Numeric);
                row.Write(Epoch.AddSeconds(line), NpgsqlDbType.TimestampTz);
            });

        // So that the queries meet the database at its best, and nothing works in the background while they are timed.
        await shop.Database.ExecuteSqlRawAsync($"""
            VACUUM (ANALYZE) {Shop.Schema}."Categories", {Shop.Schema}."Products", {Shop.Schema}."OrderLines"
            """, cancellationToken);
        return rows;

        async Task CopyAsync(NpgsqlConnection connection, string target, int count, Action<NpgsqlBinaryImporter, int> write)
        {
            await using var importer = await connection.BeginBinaryImportAsync(
                $"COPY {Shop.Schema}.{target.Trim()} FROM STDIN (FORMAT BINARY)", cancellationToken);
            importer.Timeout = TimeSpan.FromMinutes(10);
            for (var id = 1; id <= count; id++)
            {
                importer.StartRow();
                write(importer, id);
                if (++copied % 10_000 == 0)
                {
                    cancellationToken.ThrowIfCancellationRequested();
                    progress((double)copied / rows, $"{copied:N0} rows");
                }
            }

            await importer.CompleteAsync(cancellationToken);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await using var shop = new Shop(options);
        await DropAsync(shop, CancellationToken.None);
    }

    private static decimal PriceOf(int product) => 1 + product * 37 % 20_000 / 100m;

    private static Task DropAsync(Shop shop, CancellationToken cancellationToken)
        => shop.Database.ExecuteSqlRawAsync($"DROP SCHEMA IF EXISTS {Shop.Schema} CASCADE", cancellationToken);
}
