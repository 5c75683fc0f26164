namespace EfSecondLevelCache;

/// <summary>Why a query is not cached, and what would change that.</summary>
/// <param name="Reason">The kind of reason; statistics are counted by it.</param>
/// <param name="Detail">What was found, for example <c>the function now()</c>.</param>
/// <param name="Remedy">The way out.</param>
public sealed record QueryCacheRefusal(RefusalReason Reason, string Detail, string Remedy)
{
    /// <summary>A sentence with all three.</summary>
    public override string ToString() => $"{Reason}: {Detail}. {Remedy}";
}
