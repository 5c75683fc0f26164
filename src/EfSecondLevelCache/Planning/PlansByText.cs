using System.Runtime.CompilerServices;

namespace EfSecondLevelCache.Planning;

/// <summary>
/// Finds the plan of a command that was not made by our builder, by the instance of its text: EF Core hands the instance of the compiled
/// query on to every DbCommand. Holds nothing alive.
/// </summary>
internal static class PlansByText
{
    private static readonly ConditionalWeakTable<string, QueryPlan> Plans = [];

    public static void Add(string commandText, QueryPlan plan) => Plans.AddOrUpdate(commandText, plan);

    public static QueryPlan? Find(string commandText) => Plans.TryGetValue(commandText, out var plan) ? plan : null;
}
