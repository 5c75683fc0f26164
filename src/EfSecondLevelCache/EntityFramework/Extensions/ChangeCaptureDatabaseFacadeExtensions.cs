using System.Diagnostics;
using EfSecondLevelCache;
using EfSecondLevelCache.Catalog;
using EfSecondLevelCache.ChangeSources.Notifications;
using EfSecondLevelCache.ChangeSources.Replication;
using EfSecondLevelCache.EntityFramework;
using EfSecondLevelCache.Planning;
using EfSecondLevelCache.Session;
using EfSecondLevelCache.Values;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Storage;

#pragma warning disable IDE0130
namespace Microsoft.EntityFrameworkCore;

/// <summary>Makes a database tell its change source of every write.</summary>
public static class ChangeCaptureDatabaseFacadeExtensions
{
    /// <summary>
    /// Installs what the configured change source needs for the tables of this model: triggers, or a publication. What is there is not touched, so it
    /// may be called at every start. The user must own the tables.
    /// </summary>
    /// <param name="database">Of a context whose cache has a change source.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="InvalidOperationException">The context has no second-level cache, or it has no change source.</exception>
    public static async Task EnsureChangeCaptureAsync(this DatabaseFacade database, CancellationToken cancellationToken = default)
    {
        var session = SessionOf(database, nameof(EnsureChangeCaptureAsync));
        var tables = await TablesOfAsync(session, cancellationToken).ConfigureAwait(false);
        await ExecuteAsync(session, Install(session, tables), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>The script that <see cref="EnsureChangeCaptureAsync"/> executes, for somebody else to execute.</summary>
    /// <param name="database">Of a context whose cache has a change source.</param>
    /// <exception cref="InvalidOperationException">The context has no second-level cache, or it has no change source.</exception>
    public static string GenerateChangeCaptureScript(this DatabaseFacade database)
    {
        var session = SessionOf(database, nameof(GenerateChangeCaptureScript));
        return Install(session, ModelTables.AllOf(session.Model));
    }

    /// <summary>Takes away what <see cref="EnsureChangeCaptureAsync"/> has installed, for all tables of the database.</summary>
    /// <param name="database">Of a context whose cache has a change source.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="InvalidOperationException">The context has no second-level cache, or it has no change source.</exception>
    public static Task RemoveChangeCaptureAsync(this DatabaseFacade database, CancellationToken cancellationToken = default)
    {
        var session = SessionOf(database, nameof(RemoveChangeCaptureAsync));
        var source = session.Cache!.Options.ChangeSource!;
        return ExecuteAsync(
            session,
            source.Kind is ChangeSourceKind.Notifications ? CaptureScript.RemoveAll : PublicationScript.Remove(source.Publication),
            cancellationToken);
    }

    private static string Install(CacheSession session, IReadOnlyCollection<TableName> tables)
        => session.Cache!.Options.ChangeSource is { Kind: ChangeSourceKind.LogicalReplication, Publication: var publication }
            ? PublicationScript.Install(publication, tables)
            : CaptureScript.Install(tables);

    private static CacheSession SessionOf(DatabaseFacade database, string caller)
    {
        ArgumentNullException.ThrowIfNull(database);
        var context = ((IDatabaseFacadeDependenciesAccessor)database).Context;
        return context.GetService<IDbContextOptions>().FindExtension<SecondLevelCacheOptionsExtension>() is not null
            && context.GetService<CacheSession>() is { Cache.Options.ChangeSource: not null } session
                ? session
                : throw new InvalidOperationException(
                    $"{caller}: {context.GetType().Name} has no change source. Configure one with "
                    + "AddSecondLevelCache(cache => cache.UseNotifications()) or UseLogicalReplication().");
    }

    /// <summary>Those that the model maps, and those behind the views that it maps.</summary>
    private static async Task<IReadOnlyCollection<TableName>> TablesOfAsync(CacheSession session, CancellationToken cancellationToken)
    {
        var tables = new HashSet<TableName>(ModelTables.AllOf(session.Model));
        var views = ModelTables.ViewsOf(session.Model);
        if (views.Count > 0 && session.FindKnown() is { } known)
        {
            await session.RefreshKnownAsync(async: true, Stopwatch.GetTimestamp(), cancellationToken).ConfigureAwait(false);
            foreach (var view in views)
            {
                if (known.View?.Resolve(view) is { } relation)
                {
                    tables.UnionWith(known.View.ReadsOf(relation).Relations
                        .Where(read => read.Kind is RelationKind.Table or RelationKind.PartitionedTable).Select(read => read.Name));
                }
            }
        }

        return tables;
    }

    private static async Task ExecuteAsync(CacheSession session, string script, CancellationToken cancellationToken)
    {
        await session.Connection.OpenAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            using var command = session.Connection.DbConnection.CreateCommand();
            command.CommandText = script;
            command.Transaction = session.Connection.CurrentTransaction?.GetDbTransaction();
            await command.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            await session.Connection.CloseAsync().ConfigureAwait(false);
        }

        session.FindKnown()?.Outdated();
        // So that queries are cached from now on, and not from the next heartbeat on.
        if (session.FindKnown()?.Source is { } source)
            await source.LookAgainAsync(cancellationToken).ConfigureAwait(false);
    }
}
