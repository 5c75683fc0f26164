using System.Data.Common;
using System.Threading.Tasks.Sources;
using EfSecondLevelCache.Querying;
using EfSecondLevelCache.Results;

namespace EfSecondLevelCache.EntityFramework.Queries;

/// <summary>
/// The door of one intercepted command. EF Core executes it between two calls of the interceptor: the flow of the query stops where it asks for that,
/// and goes on, on the thread that has executed it, when it is done.
/// </summary>
internal sealed class InterceptedExecution(DbCommand command, bool isReadByName) : IQueryDoor<DbDataReader?>, IValueTaskSource<LiveResult>
{
    private readonly TaskCompletionSource _asked = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private ManualResetValueTaskSourceCore<LiveResult> _executed = new() { RunContinuationsAsynchronously = false };

    /// <summary>The flow; null where it leaves the command as it is.</summary>
    public Task<DbDataReader?> Answer { get; set; } = Task.FromResult<DbDataReader?>(null);

    /// <summary>Ends where the flow stops to have the command executed.</summary>
    public Task IsAsked => _asked.Task;

    /// <summary>EF Core has executed the command. Synchronously the flow has ended when this returns.</summary>
    public void Executed(DbDataReader live) => GoOn(() => _executed.SetResult(new LiveResult(command, live, isReadByName)));

    /// <summary>It has failed, which EF Core tells the caller.</summary>
    /// <param name="fault">Null: it was cancelled.</param>
    public void Failed(Exception? fault)
    {
        GoOn(() => _executed.SetException(fault ?? new OperationCanceledException()));
        _ = Answer.ContinueWith(static answer => _ = answer.Exception, TaskScheduler.Default);
    }

    public DbDataReader Serve(CachedResult result)
    {
        var reader = new CachedDataReader();
        reader.Reset(result);
        return reader;
    }

    public ValueTask<DbDataReader?> ExecuteUncachedAsync(bool async, CancellationToken cancellationToken) => default;

    public async ValueTask<LiveResult> ExecuteAsync(bool async, MissedQuery query, CancellationToken cancellationToken)
    {
        if (query.AsksForSnapshot)
            await query.AskForSnapshotAsync(async, command.Connection!, cancellationToken).ConfigureAwait(false);
        _asked.SetResult();
        return await new ValueTask<LiveResult>(this, _executed.Version).ConfigureAwait(false);
    }

    public ValueTask<DbDataReader?> GoOnAsync(bool async, LiveResult live, DbDataReader reader, CancellationToken cancellationToken) => new(reader);

    public async ValueTask ReleaseAsync(bool async, LiveResult live)
    {
        if (live is not { Reader: { } reader, IsHandedOn: false })
            return;
        if (async)
            await reader.DisposeAsync().ConfigureAwait(false);
        else
            reader.Dispose();
    }

    /// <summary>Goes on on this thread: under a context of the application's it would go on in the thread pool.</summary>
    private static void GoOn(Action complete)
    {
        var context = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(null);
        try
        {
            complete();
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(context);
        }
    }

    LiveResult IValueTaskSource<LiveResult>.GetResult(short token) => _executed.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource<LiveResult>.GetStatus(short token) => _executed.GetStatus(token);

    void IValueTaskSource<LiveResult>.OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags)
        => _executed.OnCompleted(continuation, state, token, flags);
}
