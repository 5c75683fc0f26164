namespace EfSecondLevelCache.Sql;

/// <summary>A call of a function.</summary>
/// <param name="Schema">Null where the text leaves it to the search path.</param>
/// <param name="Name">As PostgreSQL compares it.</param>
/// <param name="Arguments">How many; 0 for one that is written without parentheses, as CURRENT_DATE is.</param>
internal readonly record struct RawSqlFunction(string? Schema, string Name, int Arguments)
{
    public FunctionVolatility Volatility => BuiltInFunctions.VolatilityOf(Schema, Name, Arguments);

    public override string ToString() => Schema is null ? $"{Name}()" : $"{Schema}.{Name}()";
}
