namespace EfSecondLevelCache.Benchmarks.Queries;

/// <summary>A question that is answered by timing the same thing done in several ways.</summary>
internal interface IComparison
{
    Task SetUpAsync();

    /// <summary>Known after <see cref="SetUpAsync"/>.</summary>
    IReadOnlyList<(string Name, Func<Task> ExecuteAsync)> Ways { get; }
}
