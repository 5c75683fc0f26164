using System.Globalization;
using EfSecondLevelCache.Provider;
using Npgsql;

namespace EfSecondLevelCache.ChangeSources.Notifications;

/// <summary>
/// LISTEN on a connection that does nothing else. PostgreSQL delivers in the order of commits, and only what is visible by then to everybody, so a
/// query that is sent after a notification came sees what it tells of.
/// </summary>
internal sealed class NotificationStream(DedicatedConnections connections) : ChangeStream
{
    /// <summary>The channel of this stream alone: the others need not hear its heartbeats.</summary>
    private readonly string _heartbeats = $"{CaptureScript.Channel}_{Guid.NewGuid():N}";

    private NpgsqlConnection? _connection;
    private string? _position;
    private bool _isOutdated;

    public override string? Position => _position;

    public override bool IsOutdated => _isOutdated;

    public override string CapturedTablesSql => CaptureScript.CapturedTablesSql;

    public override string HeartbeatSql(long number)
        => string.Create(CultureInfo.InvariantCulture, $"SELECT 1 FROM pg_catalog.pg_notify('{_heartbeats}', '{number}')");

    public override void Open(NpgsqlConnection side, CancellationToken cancellationToken)
    {
        _connection = connections.Open(cancellationToken);
        foreach (var channel in (string[])[CaptureScript.Channel, _heartbeats])
        {
            using var command = new NpgsqlCommand($"LISTEN {channel}", _connection);
            command.ExecuteNonQuery();
        }

        using var question = new NpgsqlCommand(CaptureScript.IsOutdatedSql, side);
        _isOutdated = (bool)question.ExecuteScalar()!;
    }

    public override void Read(ChangeSource source, CancellationToken cancellationToken)
    {
        using var cut = cancellationToken.UnsafeRegister(_ => ProviderInternals.Cut(_connection!), null);
        _connection!.Notification += (_, notification) =>
        {
            if (notification.Channel == _heartbeats)
            {
                source.HeartbeatArrived(long.Parse(notification.Payload, CultureInfo.InvariantCulture));
            }
            else
            {
                var (xid, change) = NotificationPayload.Read(notification.Payload);
                _position = xid;
                source.Told(change is null ? null : [change.Value]);
            }
        };
        // Heartbeats come, so that the token is looked at where the connection can't be cut.
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            _connection.Wait();
        }
    }

    public override void Dispose() => _connection?.Dispose();
}
