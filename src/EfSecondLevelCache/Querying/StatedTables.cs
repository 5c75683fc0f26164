namespace EfSecondLevelCache.Querying;

/// <summary>
/// Checks the tables that DependsOn names and the model does not know: the database must, or a typing error would leave results without
/// anything that removes them.
/// </summary>
internal static class StatedTables
{
    /// <exception cref="InvalidOperationException">The database does not know a table.</exception>
    public static async ValueTask CheckAsync(bool async, MissedQuery query, CancellationToken cancellationToken)
    {
        foreach (var table in query.Policy.UnknownToModel)
        {
            if (Resolves())
                continue;
            // It may be younger than what is known of the database.
            query.Session.Known.Outdated();
            await query.Session.RefreshKnownAsync(async, query.StartedAt, cancellationToken).ConfigureAwait(false);
            if (!Resolves())
            {
                throw new InvalidOperationException(
                    $"DependsOn(\"{table}\"): neither the model nor the database '{query.Key.Scope.Database}' has such a table. "
                    + "Give the table's name in its exact case, or \"schema.table\".");
            }

            // Where the catalog can't be read, every change of the database removes the result.
            bool Resolves() => query.Session.Known.View is not { } view || view.Resolve(table) is not null;
        }
    }
}
