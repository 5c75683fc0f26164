namespace EfSecondLevelCache;

/// <summary>How a cache learns what others write.</summary>
public enum ChangeSourceKind
{
    /// <summary>Triggers that notify, and a connection that listens (<c>UseNotifications</c>).</summary>
    Notifications,

    /// <summary>The write-ahead log, decoded by the server (<c>UseLogicalReplication</c>).</summary>
    LogicalReplication,
}
