using System.Data;
using System.Data.Common;
using Npgsql;

namespace EfSecondLevelCache.Catalog;

/// <summary>Reads PostgreSQL's catalog. Rights are not needed; where they were taken away from everybody, reading fails.</summary>
internal static class CatalogReader
{
    /// <summary>Ahead of each statement, for people who look at what a server does.</summary>
    public const string Mark = "/* EfSecondLevelCache: catalog */ ";

    /// <summary>
    /// Reads all of it in one snapshot, and asynchronously in one round trip. Synchronously each statement goes by itself: Npgsql sends what
    /// comes behind the first of a command from the thread pool, which may be full of those who wait for this.
    /// </summary>
    /// <param name="async">Whether to wait asynchronously; if not, the task returned is complete.</param>
    /// <param name="open">A connection that is open, and in no transaction.</param>
    /// <param name="cancellationToken">For the asynchronous reads.</param>
    /// <param name="commandTimeout">How long an answer may take, in seconds; null: as long as the connection says.</param>
    public static async ValueTask<DatabaseCatalog> ReadAsync(
        bool async, DbConnection open, CancellationToken cancellationToken, int? commandTimeout = null)
    {
        var builder = new CatalogBuilder();
        try
        {
            await ExecuteAsync(async, open, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", builder.Parts, "COMMIT", commandTimeout, cancellationToken)
                .ConfigureAwait(false);
        }
        catch when (open.State is ConnectionState.Open)
        {
            await ExecuteAsync(async, open, "ROLLBACK", [], "", commandTimeout, CancellationToken.None).ConfigureAwait(false);
            throw;
        }

        return builder.Build();
    }

    /// <summary>Whether a catalog is still what the database says: compare with its fingerprint.</summary>
    /// <inheritdoc cref="ReadAsync"/>
    public static async ValueTask<CatalogFingerprint> ReadFingerprintAsync(
        bool async, DbConnection open, CancellationToken cancellationToken, int? commandTimeout = null)
    {
        var fingerprint = default(CatalogFingerprint);
        await ExecuteAsync(
            async,
            open,
            "",
            [(CatalogQueries.Fingerprint, row => fingerprint = CatalogBuilder.ReadFingerprint(row))],
            "",
            commandTimeout,
            cancellationToken).ConfigureAwait(false);
        return fingerprint;
    }

    /// <summary>Reads who the session is and where it looks for names.</summary>
    /// <inheritdoc cref="ReadAsync"/>
    public static async ValueTask<CatalogSession> ReadSessionAsync(
        bool async, DbConnection open, CancellationToken cancellationToken, int? commandTimeout = null)
    {
        CatalogSession? session = null;
        await ExecuteAsync(
            async, open, "", [(CatalogQueries.Session, row => session = CatalogBuilder.ReadSession(row))], "", commandTimeout, cancellationToken)
            .ConfigureAwait(false);
        return session is null
            ? throw new InvalidOperationException("The session's user is not listed in pg_roles.")
            : session with { ServerVersion = (open as NpgsqlConnection)?.PostgreSqlVersion.Major ?? 0 };
    }

    private static async ValueTask ExecuteAsync(
        bool async,
        DbConnection open,
        string before,
        IReadOnlyList<(string Sql, Action<DbDataReader> Add)> parts,
        string after,
        int? commandTimeout,
        CancellationToken cancellationToken)
    {
        if (async)
        {
            string[] statements = [before, .. parts.Select(part => part.Sql), after];
            await SendAsync(async, open, statements, parts, commandTimeout, cancellationToken).ConfigureAwait(false);
            return;
        }

        await SendAsync(async, open, [before], [], commandTimeout, cancellationToken).ConfigureAwait(false);
        foreach (var part in parts)
            await SendAsync(async, open, [part.Sql], [part], commandTimeout, cancellationToken).ConfigureAwait(false);
        await SendAsync(async, open, [after], [], commandTimeout, cancellationToken).ConfigureAwait(false);
    }

    private static async ValueTask SendAsync(
        bool async,
        DbConnection open,
        IEnumerable<string> statements,
        IReadOnlyList<(string Sql, Action<DbDataReader> Add)> parts,
        int? commandTimeout,
        CancellationToken cancellationToken)
    {
        using var command = open.CreateCommand();
        if (commandTimeout is { } seconds)
            command.CommandTimeout = seconds;
        command.CommandText = string.Join(";\n", statements.Where(statement => statement.Length > 0).Select(statement => Mark + statement));
        if (command.CommandText.Length == 0)
            return;
        var rows = async ? await command.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false) : command.ExecuteReader();
        try
        {
            foreach (var part in parts)
            {
                while (async ? await rows.ReadAsync(cancellationToken).ConfigureAwait(false) : rows.Read())
                    part.Add(rows);
                if (async)
                    await rows.NextResultAsync(cancellationToken).ConfigureAwait(false);
                else
                    rows.NextResult();
            }
        }
        finally
        {
            if (async)
                await rows.DisposeAsync().ConfigureAwait(false);
            else
                rows.Dispose();
        }
    }
}
