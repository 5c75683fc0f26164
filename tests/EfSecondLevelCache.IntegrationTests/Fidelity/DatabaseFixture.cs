using Npgsql;

namespace EfSecondLevelCache.IntegrationTests.Fidelity;

/// <summary>A database with the extensions and the enum that the fidelity tests use.</summary>
public abstract class DatabaseFixture : IAsyncLifetime
{
    private NpgsqlDataSource? _dataSource;

    public NpgsqlDataSource DataSource => _dataSource!;

    /// <summary>Of a user who may create extensions, in a database that nobody else uses.</summary>
    protected abstract string ConnectionString { get; }

    public async ValueTask InitializeAsync()
    {
        await using (var plain = NpgsqlDataSource.Create(ConnectionString))
        {
            await using var command = plain.CreateCommand(
                """
                CREATE EXTENSION IF NOT EXISTS hstore;
                CREATE EXTENSION IF NOT EXISTS citext;
                CREATE EXTENSION IF NOT EXISTS ltree;
                CREATE EXTENSION IF NOT EXISTS cube;
                DO $$ BEGIN CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy'); EXCEPTION WHEN duplicate_object THEN END $$;
                """);
            await command.ExecuteNonQueryAsync();
        }

        var builder = new NpgsqlDataSourceBuilder(ConnectionString);
        builder.MapEnum<Mood>();
        _dataSource = builder.Build();
    }

    public async ValueTask DisposeAsync()
    {
        if (_dataSource is not null)
            await _dataSource.DisposeAsync();
        GC.SuppressFinalize(this);
    }
}

/// <summary>The database that the environment names.</summary>
public sealed class FidelityDatabase : DatabaseFixture
{
    private const string Variable = "EFSLC_TEST_CONNECTION";

    protected override string ConnectionString => Environment.GetEnvironmentVariable(Variable)
        ?? throw new InvalidOperationException(
            $"{Variable} is not set: set it to the connection string of a PostgreSQL database that tests may write to.");
}

public enum Mood
{
    Sad,
    Ok,
    Happy,
}

[CollectionDefinition(nameof(FidelityCollection))]
public sealed class FidelityCollection : ICollectionFixture<FidelityDatabase>;
