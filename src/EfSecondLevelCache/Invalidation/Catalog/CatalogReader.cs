using System.Data;
using System.Data.Common;
using Npgsql;

namespace EfSecondLevelCache.Invalidation.Catalog;

/// <summary>Reads PostgreSQL's catalog. Rights are not needed; where they were taken away from everybody, reading fails.</summary>
internal static class CatalogReader
{
    /// <summary>Ahead of each statement, for people who look at what a server does.</summary>
    public const string Mark = "/* EfSecondLevelCache: catalog */ ";

    /// <summary>Reads all of it, in one snapshot and one round trip.</summary>
    /// <param name="async">Whether to wait asynchronously; if not, the task returned is complete.</param>
    /// <param name="open">A connection that is open, and in no transaction.</param>
    /// <param name="cancellationToken">For the asynchronous reads.</param>
    public static async ValueTask<DatabaseCatalog> ReadAsync(bool async, DbConnection open, CancellationToken cancellationToken)
    {
        var builder = new CatalogBuilder();
        try
        {
            await ExecuteAsync(async, open, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", builder.Parts, "COMMIT", cancellationToken)
                .ConfigureAwait(false);
        }
        catch when (open.State is ConnectionState.Open)
        {
            await ExecuteAsync(async, open, "ROLLBACK", [], "", CancellationToken.None).ConfigureAwait(false);
            throw;
        }

        return builder.Build();
    }

    /// <summary>Whether a catalog is still what the database says: compare with its fingerprint.</summary>
    /// <inheritdoc cref="ReadAsync"/>
    public static async ValueTask<CatalogFingerprint> ReadFingerprintAsync(
        bool async, DbConnection open, CancellationToken cancellationToken)
    {
        var fingerprint = default(CatalogFingerprint);
        await ExecuteAsync(
            async,
            open,
            "",
            [(CatalogQueries.Fingerprint, row => fingerprint = CatalogBuilder.ReadFingerprint(row))],
            "",
            cancellationToken).ConfigureAwait(false);
        return fingerprint;
    }

    /// <summary>Reads who the session is and where it looks for names.</summary>
    /// <inheritdoc cref="ReadAsync"/>
    public static async ValueTask<CatalogSession> ReadSessionAsync(bool async, DbConnection open, CancellationToken cancellationToken)
    {
        CatalogSession? session = null;
        await ExecuteAsync(
            async, open, "", [(CatalogQueries.Session, row => session = CatalogBuilder.ReadSession(row))], "", cancellationToken)
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
        CancellationToken cancellationToken)
    {
        using var command = open.CreateCommand();
        string[] statements = [before, .. parts.Select(part => part.Sql), after];
        command.CommandText = string.Join(";\n", statements.Where(statement => statement.Length > 0).Select(statement => Mark + statement));
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
