namespace EfSecondLevelCache;

/// <summary>Whether a change source can be relied on. Only while it is live is anything of its database served or kept.</summary>
public enum ChangeSourceState
{
    /// <summary>It has not been live yet.</summary>
    Starting,

    /// <summary>Every change is told.</summary>
    Live,

    /// <summary>It was live and is no more; what was cached has been removed, and it connects again by itself.</summary>
    Lost,
}
