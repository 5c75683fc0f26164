using EfSecondLevelCache.IntegrationTests.Support;
using Npgsql;

namespace EfSecondLevelCache.IntegrationTests.Serving.Chinook;

/// <summary>A copy of the Chinook sample database, behind a tap.</summary>
public sealed class ChinookDatabase(PostgresServer server) : IAsyncDisposable
{
    private readonly SemaphoreSlim _gate = new(1);
    private PostgresDatabase? _database;
    private WireTap? _tap;

    public WireTap Tap => _tap ?? throw new InvalidOperationException("The database is made by LoadAsync.");

    /// <summary>Asked by each test, because only a test can be skipped.</summary>
    public async Task LoadAsync()
    {
        var script = SharedData.Find("chinook", "Chinook_PostgreSql.sql");
        await _gate.WaitAsync();
        try
        {
            _database ??= await server.CreateDatabaseAsync("chinook", connectionString => SeedAsync(connectionString, script));
            _tap ??= new WireTap(_database.ConnectionString);
        }
        finally
        {
            _gate.Release();
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_tap is not null)
            await _tap.DisposeAsync();
        if (_database is not null)
            await _database.DisposeAsync();
        _gate.Dispose();
    }

    private static async Task SeedAsync(string connectionString, string script)
    {
        // What stands before it makes a database and connects to it, which we have done.
        const string Connected = "\\c chinook;";
        var text = await File.ReadAllTextAsync(script);
        await using var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(
            text[(text.IndexOf(Connected, StringComparison.Ordinal) + Connected.Length)..] + "; ANALYZE", connection);
        await command.ExecuteNonQueryAsync();
    }
}
