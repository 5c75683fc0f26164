using Npgsql;

namespace QuickStart;

/// <summary>Where the demo's PostgreSQL server is.</summary>
internal static class Server
{
    private const string Setting = "ConnectionStrings__Demo";

    /// <exception cref="UsageException">None is named, or it does not answer.</exception>
    public static async Task<string> FindAsync(CancellationToken cancellationToken)
    {
        var connectionString = Environment.GetEnvironmentVariable(Setting);
        if (string.IsNullOrWhiteSpace(connectionString))
        {
            throw new UsageException($"""
                The environment variable {Setting} is not set. Either run eng/demo.sh, which starts a throw-away PostgreSQL server,
                or name a server of yours:
                  export {Setting}='Host=localhost;Username=postgres;Password=secret;Database=postgres'
                The demo makes a schema of its own there, {Shop.Schema}, and drops it when it ends.
                """);
        }

        try
        {
            await using var connection = new NpgsqlConnection(connectionString);
            await connection.OpenAsync(cancellationToken);
            return connectionString;
        }
        catch (Exception exception) when (exception is NpgsqlException or ArgumentException or TimeoutException)
        {
            throw new UsageException($"The server that {Setting} names can't be used: {exception.Message}\n"
                + "Put the connection string right, or unset the variable and run eng/demo.sh, which starts a server of its own.");
        }
    }
}
