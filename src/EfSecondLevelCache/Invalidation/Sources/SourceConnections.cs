using Microsoft.EntityFrameworkCore.Storage;
using Npgsql;
using Npgsql.EntityFrameworkCore.PostgreSQL.Storage.Internal;

namespace EfSecondLevelCache.Invalidation.Sources;

/// <summary>Makes the connections of a change source: its own, in no pool, with the credentials that the context has at that moment.</summary>
internal sealed class SourceConnections
{
    private readonly Func<NpgsqlConnection> _like;
    private readonly string _connectionString;

    /// <param name="connection">Of a context.</param>
    /// <param name="given">A connection string that goes over the context's own; null: there is none.</param>
    /// <param name="commandTimeout">How long an answer may take.</param>
    public SourceConnections(IRelationalConnection connection, string? given, TimeSpan commandTimeout)
    {
        var own = connection.ConnectionString!;
        var settings = new NpgsqlConnectionStringBuilder(given ?? own)
        {
            Database = new NpgsqlConnectionStringBuilder(own) is { Database: var database, Username: var user } ? database ?? user : null,
            ApplicationName = "EfSecondLevelCache",
            Pooling = false,
            Multiplexing = false,
            Enlist = false,
            KeepAlive = 0,
            TcpKeepAlive = true,
            CommandTimeout = Math.Max(1, (int)Math.Ceiling(commandTimeout.TotalSeconds)),
            // A server that does not answer need not be asked to cancel either.
            CancellationTimeout = -1,
            // Dates as ISO, whatever the database's or the user's setting is. Nobody need wait for a standby to have a heartbeat.
            Options = "-c DateStyle=ISO -c TimeZone=UTC -c bytea_output=hex -c synchronous_commit=local",
        };
        _connectionString = settings.ConnectionString;
        if ((connection as INpgsqlRelationalConnection)?.DataSource is NpgsqlDataSource source)
        {
            _like = source.CreateConnection;
        }
        else
        {
            // The context's connection ends with the context.
            var like = ((NpgsqlConnection)connection.DbConnection).CloneWith(own);
            _like = () => like;
        }
    }

    public async ValueTask<NpgsqlConnection> OpenAsync(CancellationToken cancellationToken)
    {
        var connection = await _like().CloneWithAsync(_connectionString, cancellationToken).ConfigureAwait(false);
        try
        {
            await connection.OpenAsync(cancellationToken).ConfigureAwait(false);
            return connection;
        }
        catch
        {
            await connection.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>With the password, for what takes a connection string only.</summary>
    public async ValueTask<string> ConnectionStringAsync(CancellationToken cancellationToken)
    {
        await using var connection = await _like().CloneWithAsync(_connectionString, cancellationToken).ConfigureAwait(false);
        return connection.ConnectionString;
    }
}
