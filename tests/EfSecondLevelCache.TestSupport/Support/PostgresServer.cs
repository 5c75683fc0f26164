using System.Collections.Concurrent;
using DotNet.Testcontainers.Builders;
using Npgsql;
using Testcontainers.PostgreSql;

namespace EfSecondLevelCache.IntegrationTests.Support;

/// <summary>
/// The PostgreSQL server of a test run: the one of <c>EFSLC_TEST_CONNECTION</c>, else a private cluster from the binaries on this
/// machine, else a container.
/// </summary>
public sealed class PostgresServer : IAsyncLifetime
{
    private const string ConnectionVariable = "EFSLC_TEST_CONNECTION";

    private readonly ConcurrentDictionary<string, Lazy<Task<string>>> _templates = new();
    private readonly string _prefix = $"efslc_{Guid.NewGuid():N}"[..14];
    private IAsyncDisposable? _own;
    private int _databases;

    /// <summary>Of a user who may create databases, to a database that exists.</summary>
    public string ConnectionString { get; private set; } = "";

    /// <summary>A server that somebody else has started.</summary>
    internal static PostgresServer At(string connectionString) => new() { ConnectionString = connectionString };

    public async ValueTask InitializeAsync()
    {
        (ConnectionString, _own) = await FindAsync();
        await ExecuteAsync("SELECT 1");
    }

    /// <summary>
    /// Makes an empty database, or a copy of a template that is made by <paramref name="seed"/> when it is first asked for.
    /// </summary>
    /// <param name="template">Any name, the same for everybody who wants the same rows.</param>
    /// <param name="seed">Takes a connection string of the template, and leaves no connection open.</param>
    public async Task<PostgresDatabase> CreateDatabaseAsync(string? template = null, Func<string, Task>? seed = null)
    {
        var source = template is null
            ? "template1"
            : await _templates.GetOrAdd(template, _ => new(() => CreateTemplateAsync(template, seed!))).Value;
        var name = $"{_prefix}_{Interlocked.Increment(ref _databases)}";
        await ExecuteAsync($"CREATE DATABASE {name} TEMPLATE {source}");
        return new PostgresDatabase(this, name);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var template in _templates.Values.Where(t => t is { IsValueCreated: true, Value.IsCompletedSuccessfully: true }))
            await ExecuteAsync($"DROP DATABASE {await template.Value} WITH (FORCE)");
        if (_own is not null)
            await _own.DisposeAsync();
    }

    internal string ConnectionStringTo(string database)
        => new NpgsqlConnectionStringBuilder(ConnectionString) { Database = database }.ConnectionString;

    internal async Task ExecuteAsync(string sql)
    {
        await using var connection = new NpgsqlConnection(ConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }

    private static async Task<(string ConnectionString, IAsyncDisposable? Own)> FindAsync()
    {
        if (Environment.GetEnvironmentVariable(ConnectionVariable) is { Length: > 0 } given)
            return (given, null);

        if (PrivateCluster.FindBinaries() is { } binaries)
        {
            var cluster = await PrivateCluster.StartAsync(binaries);
            return (cluster.ConnectionString, cluster);
        }

        return await StartContainerAsync();
    }

    private static async Task<(string ConnectionString, IAsyncDisposable Own)> StartContainerAsync()
    {
        try
        {
            var container = new PostgreSqlBuilder("postgres:17")
                .WithCommand([.. ServerSettings.ForTests.SelectMany(setting => (string[])["-c", $"{setting.Key}={setting.Value}"])])
                .Build();
            await container.StartAsync();
            return (container.GetConnectionString(), container);
        }
        catch (DockerUnavailableException fault)
        {
            throw new InvalidOperationException(
                "These tests need PostgreSQL 15 or newer, and this machine has neither its server binaries (looked on PATH and in "
                + "/usr/lib/postgresql/*/bin) nor a Docker engine that answers. Install it with `apt-get install postgresql`, or set "
                + $"{ConnectionVariable} to a connection string of a user who may create databases.",
                fault);
        }
    }

    private async Task<string> CreateTemplateAsync(string template, Func<string, Task> seed)
    {
        var name = $"{_prefix}_{template}";
        await ExecuteAsync($"CREATE DATABASE {name}");

        // A pooled connection would stay, and CREATE DATABASE copies no template that somebody is connected to.
        await seed(new NpgsqlConnectionStringBuilder(ConnectionStringTo(name)) { Pooling = false }.ConnectionString);
        return name;
    }
}
