namespace EfSecondLevelCache;

/// <summary>Whether a backplane carries messages.</summary>
public enum BackplaneState
{
    /// <summary>It has not been connected yet.</summary>
    Starting,

    /// <summary>Messages of all known nodes arrive.</summary>
    Live,

    /// <summary>It was connected and is no longer, or a node can't be reached. It goes on trying.</summary>
    Lost,
}
