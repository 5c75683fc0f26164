namespace EfSecondLevelCache.Threading;

/// <summary>
/// The one entry for work that outlives the call that begins it. Such work has nothing of its caller: no activity, no ambient transaction, no other
/// async local. What changes or other nodes depend on has a thread of its own, because the application may keep those of the pool for itself.
/// </summary>
internal static class BackgroundWork
{
    /// <summary>Until it is disposed, what is begun has nothing of this caller: timers, tasks, connections, registrations of tokens.</summary>
    public static NoContext WithoutContext() => new();

    /// <summary>Runs on a thread of its own, which may wait synchronously.</summary>
    /// <param name="name">Of the thread, for people.</param>
    /// <param name="work">What it does.</param>
    /// <returns>Ends with it, and has its fault.</returns>
    public static Task RunOnThread(string name, Action work)
    {
        var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var thread = new Thread(() =>
        {
            try
            {
                work();
                ended.SetResult();
            }
            catch (Exception fault)
            {
                ended.SetException(fault);
            }
        })
        {
            IsBackground = true,
            Name = $"EfSecondLevelCache {name}",
        };
        thread.UnsafeStart();
        return ended.Task;
    }

    /// <summary>Runs on the pool.</summary>
    public static Task RunOnPool(Func<Task> work)
    {
        using (WithoutContext())
            return Task.Run(work);
    }

    /// <summary>Runs again and again, on the pool: for what may be late.</summary>
    public static ITimer Repeat(TimeProvider time, TimeSpan period, Action<ITimer> work)
    {
        using (WithoutContext())
        {
            var timer = new PoolTimer(work);
            timer.Start(time, period, period);
            return timer;
        }
    }

    /// <summary>Runs once, on the pool: for what may be late.</summary>
    public static ITimer Delay(TimeProvider time, TimeSpan delay, Action<ITimer> work)
    {
        using (WithoutContext())
        {
            var timer = new PoolTimer(work);
            timer.Start(time, delay, Timeout.InfiniteTimeSpan);
            return timer;
        }
    }

    /// <summary>Runs again and again and must not be late: on a thread of its own, unless somebody else makes the time.</summary>
    /// <param name="name">Of the thread, for people.</param>
    /// <param name="time">Of the cache.</param>
    /// <param name="period">Between two runs.</param>
    /// <param name="work">Short; it does not fail.</param>
    public static IAsyncDisposable RepeatOnThread(string name, TimeProvider time, TimeSpan period, Action work)
        => time == TimeProvider.System ? new ThreadTimer(name, period, work) : Repeat(time, period, _ => work());

    /// <summary>A fault that nobody catches ends the process; the next run may do better.</summary>
    private static void Attempt(Action work)
    {
        try
        {
            work();
        }
        catch (Exception)
        {
        }
    }

    /// <summary>Ends a suppression of the flow of the execution context, where this one began it.</summary>
    public readonly struct NoContext : IDisposable
    {
        private readonly bool _hasBegun;

        public NoContext()
        {
            _hasBegun = !ExecutionContext.IsFlowSuppressed();
            if (_hasBegun)
                ExecutionContext.SuppressFlow();
        }

        public void Dispose()
        {
            if (_hasBegun)
                ExecutionContext.RestoreFlow();
        }
    }

    /// <summary>A timer that its work can end, and that lives although nobody holds it.</summary>
    private sealed class PoolTimer(Action<ITimer> work) : ITimer
    {
        private ITimer? _timer;

        public void Start(TimeProvider time, TimeSpan due, TimeSpan period)
            => _timer = time.CreateTimer(static state => ((PoolTimer)state!).Run(), this, due, period);

        public bool Change(TimeSpan dueTime, TimeSpan period) => _timer?.Change(dueTime, period) ?? false;

        public void Dispose() => _timer?.Dispose();

        public ValueTask DisposeAsync() => _timer?.DisposeAsync() ?? default;

        private void Run() => Attempt(() => work(this));
    }

    private sealed class ThreadTimer : IAsyncDisposable
    {
        private readonly ManualResetEventSlim _stop = new();
        private readonly Task _running;

        public ThreadTimer(string name, TimeSpan period, Action work)
            => _running = RunOnThread(name, () =>
            {
                while (!_stop.Wait(period))
                    Attempt(work);
            });

        public async ValueTask DisposeAsync()
        {
            _stop.Set();
            await _running.ConfigureAwait(false);
        }
    }
}
