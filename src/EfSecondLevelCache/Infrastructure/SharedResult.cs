using System.Diagnostics;

namespace EfSecondLevelCache.Infrastructure;

/// <summary>
/// The end of work that others wait for, on threads or with await. Who waits on a thread is woken by whoever ends the work; a task wakes several of them
/// by a thread of the pool, which those who wait may have used up.
/// </summary>
internal sealed class SharedResult<T>
{
    private readonly TaskCompletionSource<T> _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly object _waiting = new();

    public Task<T> Task => _completion.Task;

    /// <summary>The first call counts.</summary>
    public void Set(T result)
    {
        if (!_completion.TrySetResult(result))
            return;
        lock (_waiting)
            Monitor.PulseAll(_waiting);
    }

    /// <summary>False: it has not ended in time.</summary>
    public bool Wait(TimeSpan atMost)
    {
        var began = Stopwatch.GetTimestamp();
        lock (_waiting)
        {
            while (!Task.IsCompleted)
            {
                var left = atMost - Stopwatch.GetElapsedTime(began);
                if (left <= TimeSpan.Zero)
                    return false;
                Monitor.Wait(_waiting, left);
            }
        }

        return true;
    }
}
