namespace EfSecondLevelCache.Backplanes;

/// <summary>
/// The numbers of one sender's changes: 1, 2, 3 ... A missing one means that something may be stale; one that was there, or that a flush has
/// covered, is of no interest any more.
/// </summary>
internal sealed class MessageSequence
{
    public long Last { get; private set; }

    /// <param name="number">Of a change that has arrived.</param>
    public Arrival Arrived(long number)
    {
        if (number <= Last)
            return Arrival.Duplicate;
        var isNext = number == Last + 1;
        Last = number;
        return isNext ? Arrival.InOrder : Arrival.AfterGap;
    }

    /// <summary>Whether changes up to this number should have arrived and have not; they count as processed then: the caller flushes.</summary>
    public bool IsBehind(long number)
    {
        if (number <= Last)
            return false;
        Last = number;
        return true;
    }
}

/// <summary>How a message stands to those before it.</summary>
internal enum Arrival
{
    InOrder,
    Duplicate,
    AfterGap,
}
