using System.Collections.Concurrent;

namespace EfSecondLevelCache.IntegrationTests.Consistency;

/// <summary>A row, whether it exists or not: a register in the sense of the literature on histories (Herlihy, Wing: linearizability).</summary>
internal readonly record struct Key(string Table, long Id)
{
    public override string ToString() => $"{Table} {Id}";
}

/// <summary>A row at one moment. No two writes of a history write the same value, so the value tells who wrote it.</summary>
internal sealed record Image(long Group, long Value)
{
    public override string ToString() => Group == 0 ? $"(value {Value})" : $"(group {Group}, value {Value})";
}

/// <summary>How a write ended, as far as its caller can know.</summary>
internal enum Outcome
{
    Committed,
    RolledBack,

    /// <summary>The database had ended it when the call returned, but the caller never heard how.</summary>
    Unheard,

    /// <summary>It may even end later.</summary>
    Unknown,
}

/// <summary>A call, or a transaction, that wrote.</summary>
/// <param name="How">For people.</param>
/// <param name="Values">What its statements wrote into the rows that they changed, one value each.</param>
/// <param name="Deletes">A delete writes no value: where there are no values, it is known by its row.</param>
/// <param name="Invoked">Stopwatch ticks, as all times of a history.</param>
/// <param name="Returned">From here on its changes are promised to be seen, if it was committed.</param>
/// <param name="Outcome">How it ended.</param>
/// <param name="Node">Where it was called.</param>
internal sealed record Write(string How, IReadOnlyList<long> Values, Key? Deletes, long Invoked, long Returned, Outcome Outcome, int Node = 0);

/// <summary>A call that read, and what its answer says of the rows.</summary>
/// <param name="How">For people.</param>
/// <param name="Invoked">It may see nothing older than what was promised by now.</param>
/// <param name="Returned">When it had its answer.</param>
/// <param name="Claims">What the answer says.</param>
/// <param name="Node">Where it was called.</param>
internal sealed record Read(string How, long Invoked, long Returned, IReadOnlyList<Claim> Claims, int Node = 0);

/// <summary>A transaction as the database's own log has it: the rows that it changed, with their new images; null: deleted.</summary>
internal sealed record Commit(IReadOnlyList<(Key Key, Image? Image)> Changes);

/// <summary>What happened, written down by those who did it.</summary>
internal sealed class History
{
    private long _value = 1_000;

    public ConcurrentQueue<Write> Writes { get; } = new();

    public ConcurrentQueue<Read> Reads { get; } = new();

    /// <summary>What a reader saw inside of a transaction and should not have: no other reader is needed to tell.</summary>
    public ConcurrentQueue<(long At, string What)> Contradictions { get; } = new();

    /// <summary>A value that nobody has written: they only increase.</summary>
    public long NextValue() => Interlocked.Increment(ref _value);
}
