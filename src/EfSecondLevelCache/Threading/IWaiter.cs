namespace EfSecondLevelCache.Threading;

/// <summary>Who may wait for the work of another one, within bounds of its own.</summary>
internal interface IWaiter
{
    /// <summary>Whether it may wait at all.</summary>
    /// <param name="async">How it would wait.</param>
    /// <param name="otherIsAsync">How the other one works.</param>
    bool MayWaitFor(bool async, bool otherIsAsync);

    /// <summary>Waits. False: the work has not ended within the bound.</summary>
    /// <param name="async">Whether to wait asynchronously; if not, the task returned is complete.</param>
    /// <param name="work">Of the other one; it does not fail.</param>
    /// <param name="since">The timestamp from which on the time counts: who waits for several waits no longer.</param>
    /// <param name="cancellationToken">Ends the wait with an exception.</param>
    ValueTask<bool> WaitForAsync(bool async, Task work, long since, CancellationToken cancellationToken);
}
