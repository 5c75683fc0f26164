using EfSecondLevelCache.Values;
using Microsoft.EntityFrameworkCore.Storage;
using Npgsql;
using Npgsql.EntityFrameworkCore.PostgreSQL.Storage.Internal;

namespace EfSecondLevelCache.ChangeSources;

/// <summary>Makes the connections that the cache has for itself, in no pool.</summary>
internal sealed class DedicatedConnections
{
    private readonly Func<NpgsqlConnection> _like;
    private readonly Lazy<string> _connectionString;

    /// <param name="like">Makes one with the credentials.</param>
    /// <param name="settings">Read when the first connection is made, by who can bear a fault; that is not kept.</param>
    /// <param name="commandTimeout">How long an answer may take.</param>
    private DedicatedConnections(Func<NpgsqlConnection> like, Func<NpgsqlConnectionStringBuilder> settings, TimeSpan commandTimeout)
    {
        _like = like;
        _connectionString = new Lazy<string>(() => Dedicate(settings(), commandTimeout), LazyThreadSafetyMode.PublicationOnly);
    }

    private static string Dedicate(NpgsqlConnectionStringBuilder settings, TimeSpan commandTimeout)
    {
        settings.ApplicationName = "EfSecondLevelCache";
        settings.Pooling = false;
        settings.Multiplexing = false;
        settings.Enlist = false;
        settings.KeepAlive = 0;
        settings.TcpKeepAlive = true;
        settings.CommandTimeout = Math.Max(1, (int)Math.Ceiling(commandTimeout.TotalSeconds));
        // A server that does not answer need not be asked to cancel either.
        settings.CancellationTimeout = -1;
        // Dates as ISO, whatever the database's or the user's setting is. Nobody need wait for a standby to have a heartbeat.
        settings.Options = "-c DateStyle=ISO -c TimeZone=UTC -c bytea_output=hex -c synchronous_commit=local";
        return settings.ConnectionString;
    }

    /// <summary>Connections to the context's database, with the credentials that the context has at that moment.</summary>
    /// <param name="connection">Of a context.</param>
    /// <param name="commandTimeout">How long an answer may take.</param>
    /// <param name="given">A server that goes over the context's own, but for the database; null: there is none.</param>
    public static DedicatedConnections Like(IRelationalConnection connection, TimeSpan commandTimeout, GivenDatabase? given = null)
    {
        var own = connection.ConnectionString!;
        if (given?.Source is { } other)
            return new DedicatedConnections(other.CreateConnection, ReadSettings, commandTimeout);
        if ((connection as INpgsqlRelationalConnection)?.DataSource is NpgsqlDataSource source)
            return new DedicatedConnections(source.CreateConnection, ReadSettings, commandTimeout);
        // The context's connection ends with the context. Somebody may have put another one in front of it.
        var like = connection.DbConnection is NpgsqlConnection npgsql ? npgsql.CloneWith(own) : new NpgsqlConnection(own);
        return new DedicatedConnections(() => like, ReadSettings, commandTimeout);

        NpgsqlConnectionStringBuilder ReadSettings() => new(given?.ConnectionString ?? own)
        {
            Database = new NpgsqlConnectionStringBuilder(own) is { Database: var database, Username: var user } ? database ?? user : null,
        };
    }

    /// <summary>Connections of no context.</summary>
    /// <param name="given">Where they lead, with the password where one is needed.</param>
    /// <param name="commandTimeout">How long an answer may take.</param>
    public static DedicatedConnections To(GivenDatabase given, TimeSpan commandTimeout)
        => new(given.CreateConnection, () => new NpgsqlConnectionStringBuilder(given.ConnectionString), commandTimeout);

    /// <summary>
    /// On a thread that may wait. It is opened asynchronously all the same: a data source may have nothing but an asynchronous way to its password.
    /// </summary>
    public NpgsqlConnection Open(CancellationToken cancellationToken) => OpenAsync(cancellationToken).GetAwaiter().GetResult();

    public async Task<NpgsqlConnection> OpenAsync(CancellationToken cancellationToken)
    {
        var connection = await _like().CloneWithAsync(_connectionString.Value, cancellationToken).ConfigureAwait(false);
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

    /// <summary>The connection string with the password, for what takes nothing else.</summary>
    public async ValueTask<string> ConnectionStringAsync(CancellationToken cancellationToken)
    {
        var connection = await _like().CloneWithAsync(_connectionString.Value, cancellationToken).ConfigureAwait(false);
        await using var closing = connection.ConfigureAwait(false);
        return connection.ConnectionString;
    }
}
