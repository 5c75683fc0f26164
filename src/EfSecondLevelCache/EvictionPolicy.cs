namespace EfSecondLevelCache;

/// <summary>Which results make room for others when the cache is full. Dead results (expired, changed) always go first.</summary>
public enum EvictionPolicy
{
    /// <summary>
    /// Keeps what saves the database most time for its bytes: results that are asked for often and were expensive to read, small
    /// ones before large ones. A scan that reads each result once does not push them out. The default.
    /// </summary>
    Lfu,

    /// <summary>Keeps what was asked for last. Simple and well understood; one scan pushes everything out.</summary>
    Lru,

    /// <summary>
    /// Keeps what was asked for again soon after it came in, whatever its size and cost: three FIFO queues, as in the paper of
    /// that name. A scan does not push it out.
    /// </summary>
    S3Fifo,
}
