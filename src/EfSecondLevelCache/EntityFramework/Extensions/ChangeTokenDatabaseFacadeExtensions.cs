using EfSecondLevelCache;
using EfSecondLevelCache.ChangeSources;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Storage;

#pragma warning disable IDE0130
namespace Microsoft.EntityFrameworkCore;

/// <summary>Lets a reader on another node see what was written on this one.</summary>
public static class ChangeTokenDatabaseFacadeExtensions
{
    /// <summary>
    /// What this context's connection can see now, for <c>query.Cacheable(q => q.NotOlderThan(token))</c> on another node. To be called after
    /// SaveChanges or the commit; inside of a transaction that has written the token stands for its commit too. It takes a round trip, and no
    /// cache: the writer need not have one.
    /// </summary>
    /// <param name="database">Of a context that uses Npgsql.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="InvalidOperationException">The connection is to a standby.</exception>
    public static async Task<ChangeToken> GetChangeTokenAsync(this DatabaseFacade database, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(database);
        await database.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            using var command = database.GetDbConnection().CreateCommand();
            command.CommandText = ServerPosition.TokenSql;
            command.Transaction = database.CurrentTransaction?.GetDbTransaction();
            var rows = await command.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
            await using var closing = rows.ConfigureAwait(false);
            await rows.ReadAsync(cancellationToken).ConfigureAwait(false);
            return ServerPosition.ReadToken(rows);
        }
        finally
        {
            await database.CloseConnectionAsync().ConfigureAwait(false);
        }
    }
}
