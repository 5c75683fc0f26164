namespace EfSecondLevelCache.Sql;

/// <summary>A call of a function.</summary>
/// <param name="Name">As PostgreSQL compares it.</param>
/// <param name="Arguments">How many; 0 for one that is written without parentheses, as CURRENT_DATE is.</param>
internal readonly record struct RawSqlFunction(RawSqlName Name, int Arguments)
{
    public FunctionVolatility Volatility => BuiltInFunctions.VolatilityOf(Name.Schema, Name.Name, Arguments);

    public override string ToString() => $"{Name}()";
}
