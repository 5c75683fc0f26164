using Microsoft.EntityFrameworkCore.Storage;

namespace EfSecondLevelCache.Provider;

/// <summary>What EF Core's connections have twice, for code that works in both ways.</summary>
internal static class RelationalConnectionExtensions
{
    /// <summary>Opens the connection, or counts one more who uses it.</summary>
    /// <param name="connection">Of a context.</param>
    /// <param name="async">Whether to wait asynchronously; if not, the task returned is complete.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public static async ValueTask OpenAsync(this IRelationalConnection connection, bool async, CancellationToken cancellationToken)
    {
        if (async)
            await connection.OpenAsync(cancellationToken).ConfigureAwait(false);
        else
            connection.Open();
    }

    /// <summary>Ends the use that <see cref="OpenAsync"/> has begun.</summary>
    /// <param name="connection">Of a context.</param>
    /// <param name="async">Whether to wait asynchronously; if not, the task returned is complete.</param>
    public static async ValueTask CloseAsync(this IRelationalConnection connection, bool async)
    {
        if (async)
            await connection.CloseAsync().ConfigureAwait(false);
        else
            connection.Close();
    }
}
