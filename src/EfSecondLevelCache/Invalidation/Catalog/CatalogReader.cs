using System.Data;
using System.Data.Common;

namespace EfSecondLevelCache.Invalidation.Catalog;

/// <summary>Reads PostgreSQL's catalog. Rights are not needed; where they were taken away from everybody, reading fails.</summary>
internal static class CatalogReader
{
    /// <summary>Reads all of it, in one snapshot and one round trip, and one more to end the transaction.</summary>
    /// <param name="async">Whether to wait asynchronously; if not, the task returned is complete.</param>
    /// <param name="open">A connection that is open, and in no transaction.</param>
    /// <param name="cancellationToken">For the asynchronous reads.</param>
    public static async ValueTask<DatabaseCatalog> ReadAsync(bool async, DbConnection open, CancellationToken cancellationToken)
    {
        var transaction = async
            ? await open.BeginTransactionAsync(IsolationLevel.RepeatableRead, cancellationToken).ConfigureAwait(false)
            : open.BeginTransaction(IsolationLevel.RepeatableRead);
        try
        {
            var builder = new CatalogBuilder();
            await ExecuteAsync(async, open, transaction, builder.Parts, cancellationToken).ConfigureAwait(false);
            if (async)
                await transaction.CommitAsync(cancellationToken).ConfigureAwait(false);
            else
                transaction.Commit();
            return builder.Build();
        }
        finally
        {
            if (async)
                await transaction.DisposeAsync().ConfigureAwait(false);
            else
                transaction.Dispose();
        }
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
            null,
            [(CatalogQueries.Fingerprint, row => fingerprint = CatalogBuilder.ReadFingerprint(row))],
            cancellationToken).ConfigureAwait(false);
        return fingerprint;
    }

    /// <summary>Reads who the session is and where it looks for names.</summary>
    /// <inheritdoc cref="ReadAsync"/>
    public static async ValueTask<CatalogSession> ReadSessionAsync(bool async, DbConnection open, CancellationToken cancellationToken)
    {
        CatalogSession? session = null;
        await ExecuteAsync(
            async, open, null, [(CatalogQueries.Session, row => session = CatalogBuilder.ReadSession(row))], cancellationToken)
            .ConfigureAwait(false);
        return session ?? throw new InvalidOperationException("The session's user is not listed in pg_roles.");
    }

    private static async ValueTask ExecuteAsync(
        bool async,
        DbConnection open,
        DbTransaction? transaction,
        IReadOnlyList<(string Sql, Action<DbDataReader> Add)> parts,
        CancellationToken cancellationToken)
    {
        using var command = open.CreateCommand();
        command.CommandText = string.Join(";\n", parts.Select(part => part.Sql));
        command.Transaction = transaction;
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
