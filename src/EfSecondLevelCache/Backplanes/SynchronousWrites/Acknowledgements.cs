namespace EfSecondLevelCache.Backplanes.SynchronousWrites;

/// <summary>Waits until other nodes say that they have processed what this one published.</summary>
internal sealed class Acknowledgements(ChangeBroadcast broadcast, TimeSpan patience)
{
    /// <summary>Whether the holder of a lease has answered a question of this node, or is this node.</summary>
    /// <param name="row">The lease.</param>
    /// <param name="stamp">Of the question.</param>
    public bool Has(NodeLeaseRow row, long stamp) => row.Node == broadcast.Incarnation || broadcast.HasAcknowledged(row.Node, stamp);

    /// <summary>False: not all of them answered before patience ended.</summary>
    public Task<bool> WaitAsync(IReadOnlyCollection<NodeLeaseRow> rows, long stamp)
        => WaitAsync(() => rows.All(row => Has(row, stamp)), patience);

    /// <summary>Waits for another condition, which is asked again after each answer and at the end.</summary>
    public async Task<bool> WaitAsync(Func<bool> condition, TimeSpan atMost)
    {
        var start = TimeProvider.System.GetTimestamp();
        while (true)
        {
            var next = broadcast.NextAcknowledgement;
            if (condition())
                return true;
            var left = atMost - TimeProvider.System.GetElapsedTime(start);
            if (left <= TimeSpan.Zero)
                return false;
            await next.WaitAsync(left).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
