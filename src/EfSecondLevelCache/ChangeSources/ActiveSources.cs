using System.Collections.Concurrent;
using EfSecondLevelCache.Catalog;
using EfSecondLevelCache.Changes;
using EfSecondLevelCache.ChangeSources.Notifications;
using EfSecondLevelCache.ChangeSources.Replication;
using EfSecondLevelCache.Versions;
using Microsoft.EntityFrameworkCore.Storage;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace EfSecondLevelCache.ChangeSources;

/// <summary>The change sources of a cache: one for each address of a database, started when a context of it is first used.</summary>
internal sealed class ActiveSources(SecondLevelCacheOptions options, Invalidator invalidator, DependencySlots slots) : IAsyncDisposable
{
    private readonly Lock _lock = new();
    private readonly ConcurrentDictionary<(string? Host, int Port, string Database), ChangeSource> _sources = new();
    private volatile bool _stopped;

    public IEnumerable<ChangeSource> All => _sources.Values;

    /// <summary>It starts where there is none yet, and learns by itself whether it can connect. Null: none is configured.</summary>
    public ChangeSource? For(KnownDatabase known, IRelationalConnection connection, ILogger logger)
    {
        if (options.ChangeSource is not { } configured || _stopped)
            return null;
        var settings = new NpgsqlConnectionStringBuilder(connection.ConnectionString);
        var address = (settings.Host, settings.Port, known.Name);
        if (!_sources.TryGetValue(address, out var source))
        {
            lock (_lock)
            {
                if (_stopped)
                    return null;
                source = _sources.GetOrAdd(address, _ => Create(configured, known, connection, logger));
            }
        }

        source.Attach(known);
        return source;
    }

    public void Stop()
    {
        lock (_lock)
            _stopped = true;
        foreach (var source in All)
            source.Stop();
    }

    public async ValueTask DisposeAsync()
    {
        Stop();
        foreach (var source in All)
            await source.DisposeAsync().ConfigureAwait(false);
    }

    private ChangeSource Create(ChangeSourceOptions configured, KnownDatabase known, IRelationalConnection connection, ILogger logger)
    {
        var connections = DedicatedConnections.Like(connection, options.MaxSourceStaleness, configured.Server);
        return new ChangeSource(known.Name, options, connections, CreateStream, invalidator, slots, logger);

        ChangeStream CreateStream() => configured.Kind is ChangeSourceKind.Notifications
            ? new NotificationStream(connections)
            : new ReplicationStream(connections, configured.Publication);
    }
}
