using System.Linq.Expressions;
using System.Reflection;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Query;

namespace EfSecondLevelCache.IntegrationTests.Consistency.Differential;

/// <summary>What a query's result should survive: any change of another row.</summary>
internal enum QueryShape
{
    PrimaryKey,
    ForeignKey,
    ReferenceInclude,
    CollectionInclude,

    /// <summary>Includes below includes, filtered ones, and such along a key whose equality can't be told from its values.</summary>
    OtherInclude,
    Other,
}

/// <summary>A query of one context.</summary>
/// <param name="Text">As LINQ writes it.</param>
/// <param name="IsOrdered">Its rows have a total order.</param>
internal sealed record RandomQuery(Func<string> Text, QueryShape Shape, bool IsOrdered, Func<Task<object?>> ExecuteAsync)
{
    private static readonly MethodInfo GenericListAsync
        = typeof(RandomQuery).GetMethod(nameof(ListAsync), BindingFlags.NonPublic | BindingFlags.Static)!;

    public static RandomQuery Rows(IAsyncQueryProvider provider, Expression expression, QueryShape shape, bool isOrdered, bool isAsync)
    {
        var row = expression.Type.GetGenericArguments()[0];
        return new RandomQuery(
            () => Print(expression), shape, isOrdered,
            () => (Task<object?>)GenericListAsync.MakeGenericMethod(row).Invoke(null, [provider, expression, isAsync])!);
    }

    public static RandomQuery Value(IAsyncQueryProvider provider, Expression expression, QueryShape shape)
        => new(
            () => Print(expression), shape, true,
            () => Task.FromResult(provider.Execute<object?>(Expression.Convert(expression, typeof(object)))));

    private static async Task<object?> ListAsync<T>(IAsyncQueryProvider provider, Expression expression, bool isAsync)
    {
        var query = provider.CreateQuery<T>(expression);
        return isAsync ? await query.ToListAsync() : query.ToList();
    }

    private static string Print(Expression expression) => new ExpressionPrinter().PrintExpression(expression);
}

/// <summary>A row of a result that has no class of its own.</summary>
internal sealed class Pair<TLeft, TRight>
{
    public TLeft Left { get; set; } = default!;

    public TRight Right { get; set; } = default!;
}
