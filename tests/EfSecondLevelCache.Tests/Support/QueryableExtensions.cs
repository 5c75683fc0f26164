using EfSecondLevelCache.Planning;
using Microsoft.EntityFrameworkCore;

namespace EfSecondLevelCache.Tests.Support;

internal static class QueryableExtensions
{
    /// <summary>The plan of a query, which is compiled for it and not executed.</summary>
    public static QueryPlan Plan<T>(this IQueryable<T> query)
    {
        using var command = query.CreateDbCommand();
        return PlansByText.Find(command.CommandText)!;
    }
}
