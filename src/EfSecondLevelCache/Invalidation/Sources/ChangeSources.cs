using System.Collections.Concurrent;
using EfSecondLevelCache.Infrastructure;
using EfSecondLevelCache.Invalidation.Catalog;
using EfSecondLevelCache.Invalidation.Sources.Notifications;
using EfSecondLevelCache.Invalidation.Sources.Replication;
using Microsoft.EntityFrameworkCore.Storage;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace EfSecondLevelCache.Invalidation.Sources;

/// <summary>The change sources of a cache: one for each address of a database, started when a context of it is first used.</summary>
internal sealed class ChangeSources(SecondLevelCacheOptions options, Invalidator invalidator, DependencySlots slots) : IAsyncDisposable
{
    private readonly ConcurrentDictionary<(string? Host, int Port, string Database), Lazy<ChangeSource>> _sources = new();
    private volatile bool _stopped;

    public IEnumerable<ChangeSource> All => _sources.Values.Select(source => source.Value);

    /// <summary>Null: none is configured.</summary>
    public ChangeSource? For(KnownDatabase known, IRelationalConnection connection, ILogger logger)
    {
        if (options.ChangeSource is not { } configured || _stopped)
            return null;
        var settings = new NpgsqlConnectionStringBuilder(connection.ConnectionString);
        var source = _sources.GetOrAdd((settings.Host, settings.Port, known.Name), _ => new(() =>
        {
            var connections = DedicatedConnections.Like(connection, options.MaxSourceStaleness, configured.ConnectionString);
            return new ChangeSource(known.Name, options, connections, CreateStream, invalidator, slots, logger);

            ChangeStream CreateStream() => configured.Kind is ChangeSourceKind.Notifications
                ? new NotificationStream(connections)
                : new ReplicationStream(connections, configured.Publication);
        })).Value;
        source.Attach(known);
        return source;
    }

    public void Stop()
    {
        _stopped = true;
        foreach (var source in All)
            source.Stop();
    }

    public async ValueTask DisposeAsync()
    {
        _stopped = true;
        foreach (var source in All)
            await source.DisposeAsync().ConfigureAwait(false);
    }
}
