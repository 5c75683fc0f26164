namespace EfSecondLevelCache.IntegrationTests.Support;

/// <summary>An answer of the server that the client waits for; see <see cref="WireTap.HoldAnswerTo"/>.</summary>
public sealed class AnswerHold : IDisposable
{
    private readonly TaskCompletionSource _reached = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _released = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Func<string, bool> _isOf;

    internal AnswerHold(Func<string, bool> isOf) => _isOf = isOf;

    /// <summary>Completes when the server has executed the statement and its answer is held.</summary>
    public Task Reached => _reached.Task;

    public void Release() => _released.TrySetResult();

    public void Dispose() => Release();

    internal bool IsOf(string statement) => _isOf(statement);

    internal Task UntilReleasedAsync()
    {
        _reached.TrySetResult();
        return _released.Task;
    }
}
