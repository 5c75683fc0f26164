using System.Data.Common;
using System.Diagnostics.CodeAnalysis;

namespace EfSecondLevelCache.Results;

/// <summary>What came of reading a live reader to its end: a result, or why there is none.</summary>
internal readonly struct Capture
{
    private Capture(CaptureOutcome outcome, CachedResult? result, DbDataReader? passThrough, Exception? fault)
    {
        Outcome = outcome;
        Result = result;
        PassThrough = passThrough;
        Fault = fault;
    }

    public CaptureOutcome Outcome { get; }

    /// <summary>All rows. The live reader has been read to its end and is still the caller's to dispose.</summary>
    public CachedResult? Result { get; }

    /// <summary>A reader for who asked: what was read, then the rest from the live reader, which is disposed with it.</summary>
    public DbDataReader? PassThrough { get; }

    /// <summary>What reading a value threw. Who asked meets it too, at that value.</summary>
    public Exception? Fault { get; }

    [MemberNotNullWhen(true, nameof(Result))]
    [MemberNotNullWhen(false, nameof(PassThrough))]
    public bool IsComplete => Outcome == CaptureOutcome.Complete;

    public static Capture Complete(CachedResult result) => new(CaptureOutcome.Complete, result, null, null);

    public static Capture PassedThrough(CaptureOutcome outcome, DbDataReader reader, Exception? fault = null)
        => new(outcome, null, reader, fault);
}

/// <summary>How a capture ended.</summary>
internal enum CaptureOutcome
{
    Complete,

    /// <summary>It takes more than its share of memory.</summary>
    TooManyBytes,

    /// <summary>It has more rows than the query's policy allows.</summary>
    TooManyRows,

    /// <summary>A value could not be read as the type that EF Core reads.</summary>
    UnreadableValue,

    /// <summary>The command has more than one result set.</summary>
    MoreResultSets,

    /// <summary>The reader has another number of columns than the query.</summary>
    OtherColumns,
}
