using Microsoft.EntityFrameworkCore.Query.SqlExpressions;

namespace EfSecondLevelCache.Sql;

/// <summary>A call of a function.</summary>
/// <param name="Schema">Null where the text leaves it to the search path.</param>
/// <param name="Name">As PostgreSQL compares it.</param>
/// <param name="Arguments">How many; 0 for one that is written without parentheses, as CURRENT_DATE is.</param>
internal readonly record struct RawSqlFunction(string? Schema, string Name, int Arguments)
{
    public FunctionVolatility Volatility => BuiltInFunctions.VolatilityOf(Schema, Name, Arguments);

    public static RawSqlFunction Of(SqlFunctionExpression function)
        => Of(function.IsBuiltIn, function.Schema, function.Name, function.Arguments?.Count ?? 0);

    public static RawSqlFunction Of(TableValuedFunctionExpression function)
        => Of(function.IsBuiltIn, function.Schema, function.Name, function.Arguments.Count);

    public override string ToString() => Schema is null ? $"{Name}()" : $"{Schema}.{Name}()";

    /// <summary>
    /// EF Core writes the name of a built-in function as it is, so PostgreSQL reads it: it folds COALESCE and ST_Distance, takes the schema off
    /// <c>app.f</c>, and the quotes off <c>"F"</c>. Any other name is quoted where it must be.
    /// </summary>
    private static RawSqlFunction Of(bool isBuiltIn, string? schema, string name, int arguments)
    {
        schema = string.IsNullOrEmpty(schema) ? null : RawSqlWords.Cut(schema);
        if (!isBuiltIn || RawSqlWords.TryRead(name) is not { } words || !words.IsAnyName(0) || words.EndOfName(0) != words.Count - 1)
            return new(schema, RawSqlWords.Cut(name), arguments);
        var (own, folded) = words.NameOf(0, words.Count - 1);
        return new(own ?? schema, folded, arguments);
    }
}
