using EfSecondLevelCache.IntegrationTests.Support;
using Npgsql;

namespace EfSecondLevelCache.IntegrationTests.Fidelity;

/// <summary>A database with the extensions and the enum that the fidelity tests use.</summary>
public sealed class FidelityDatabase(PostgresServer server) : IAsyncLifetime
{
    private PostgresDatabase _database = null!;
    private NpgsqlDataSource _dataSource = null!;

    public NpgsqlDataSource DataSource => _dataSource;

    public async ValueTask InitializeAsync()
    {
        _database = await server.CreateDatabaseAsync();
        await _database.ExecuteAsync(
            """
            CREATE EXTENSION IF NOT EXISTS hstore;
            CREATE EXTENSION IF NOT EXISTS citext;
            CREATE EXTENSION IF NOT EXISTS ltree;
            CREATE EXTENSION IF NOT EXISTS cube;
            CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
            """);

        var builder = new NpgsqlDataSourceBuilder(_database.ConnectionString);
        builder.MapEnum<Mood>();
        _dataSource = builder.Build();
    }

    public async ValueTask DisposeAsync()
    {
        await _dataSource.DisposeAsync();
        await _database.DisposeAsync();
    }
}

public enum Mood
{
    Sad,
    Ok,
    Happy,
}

[CollectionDefinition(nameof(FidelityCollection))]
public sealed class FidelityCollection : ICollectionFixture<FidelityDatabase>;
