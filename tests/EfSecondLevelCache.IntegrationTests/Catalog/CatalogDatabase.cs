using EfSecondLevelCache.Catalog;
using EfSecondLevelCache.IntegrationTests.Support;
using EfSecondLevelCache.Values;
using Npgsql;

namespace EfSecondLevelCache.IntegrationTests.Catalog;

/// <summary>A database of its own for a class of tests, with what its SQL makes. <c>{role}</c> stands for a prefix of roles.</summary>
public abstract class CatalogDatabase(PostgresServer server, string sql) : IAsyncLifetime
{
    private readonly List<string> _roles = [];
    private PostgresDatabase _database = null!;

    public async ValueTask InitializeAsync()
    {
        _database = await server.CreateDatabaseAsync();
        await ExecuteAsync(sql);
    }

    public async ValueTask DisposeAsync()
    {
        await _database.DisposeAsync();
        foreach (var role in _roles)
            await server.ExecuteAsync($"DROP ROLE {role}");
        GC.SuppressFinalize(this);
    }

    /// <summary>Opens a session, and executes SQL in it.</summary>
    public async Task<NpgsqlConnection> OpenAsync(string sql = "")
    {
        var unpooled = new NpgsqlConnectionStringBuilder(_database.ConnectionString) { Pooling = false };
        var connection = new NpgsqlConnection(unpooled.ConnectionString);
        await connection.OpenAsync();
        if (sql.Length > 0)
            await ExecuteAsync(connection, sql);
        return connection;
    }

    public async Task ExecuteAsync(string sql)
    {
        await using var connection = await OpenAsync();
        await ExecuteAsync(connection, sql);
    }

    public async Task ExecuteAsync(NpgsqlConnection connection, string sql)
    {
        const string Create = "CREATE ROLE {role}";
        for (var at = sql.IndexOf(Create, StringComparison.Ordinal); at >= 0; at = sql.IndexOf(Create, at + 1, StringComparison.Ordinal))
            _roles.Add(_database.Name + sql[(at + Create.Length)..].Split(' ', ';', '\n')[0]);
        await using var command = new NpgsqlCommand(sql.Replace("{role}", _database.Name, StringComparison.Ordinal), connection);
        await command.ExecuteNonQueryAsync();
    }

    public async Task<T> ScalarAsync<T>(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql.Replace("{role}", _database.Name, StringComparison.Ordinal), connection);
        return (T)(await command.ExecuteScalarAsync())!;
    }

    /// <summary>The catalog, as a session sees it that has executed some SQL before.</summary>
    internal async Task<SeenCatalog> ReadAsync(string sql = "")
    {
        await using var connection = await OpenAsync(sql);
        return await ReadAsync(connection);
    }

    internal static async Task<SeenCatalog> ReadAsync(NpgsqlConnection connection) => new(
        await CatalogReader.ReadAsync(async: true, connection, CancellationToken.None),
        await CatalogReader.ReadSessionAsync(async: true, connection, CancellationToken.None));
}

/// <summary>A catalog and a session that looks into it, with names for short.</summary>
internal sealed record SeenCatalog(DatabaseCatalog Catalog, CatalogSession Session)
{
    public Relation this[string name] => Find(name) ?? throw new KeyNotFoundException(name);

    public Relation? Find(string name) => Catalog.Resolve(TableName.Parse(name), Session);

    /// <summary>The names of relations, without the schema public.</summary>
    public static IEnumerable<string> Names(IEnumerable<Relation> relations)
        => relations
            .Select(relation => relation.Name.Schema == "public" ? relation.Name.Name : relation.Name.ToString())
            .Order(StringComparer.Ordinal);

    public IEnumerable<string> Reads(string name) => Names(Catalog.ReadsOf(this[name], Session).Relations);

    public IEnumerable<string> Impurities(string name) => Catalog.ReadsOf(this[name], Session).Impurities;

    public IEnumerable<string> Family(string name) => Names(Catalog.FamilyOf(this[name]));

    public WriteReach Reach(string name, WriteOperations operations, params string[]? updated)
        => Catalog.ReachOf(this[name], operations, updated is { Length: > 0 } ? ColumnSet.Of(updated) : null);

    public IEnumerable<string> Reached(string name, WriteOperations operations, params string[]? updated)
        => Names(Reach(name, operations, updated).Relations);
}
