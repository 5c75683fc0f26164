namespace EfSecondLevelCache.Querying;

/// <summary>
/// Whether it pays to keep the results of a query shape. One whose results go stale more often than they are served costs memory and the work of
/// keeping them, and gives nothing: it is passed by, except for a sample that finds out when that has changed.
/// </summary>
internal sealed class ShapeWorth
{
    /// <summary>So many results have to go stale before it is judged at all.</summary>
    public const int Patience = 256;

    /// <summary>One in so many executions of a shape that does not pay is kept all the same.</summary>
    public const int Sample = 16;

    private int _hits;
    private int _wasted;
    private int _passedBy;

    /// <summary>Not exact under contention, as it need not be.</summary>
    public void Hit() => _hits++;

    public void Invalidated()
    {
        // The past counts half as much each time, so that a change of the load is noticed.
        if (++_wasted >= 2 * Patience)
        {
            _wasted /= 2;
            _hits /= 2;
        }
    }

    public bool Pays() => _wasted < Patience || _hits > _wasted || ++_passedBy % Sample == 0;
}
