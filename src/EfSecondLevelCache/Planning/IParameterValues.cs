using System.Data.Common;
using EfSecondLevelCache.Keys;
using EfSecondLevelCache.Values;

namespace EfSecondLevelCache.Planning;

/// <summary>Where a door has its parameter values; a struct, so that a look-up allocates nothing for it.</summary>
internal interface IParameterValues
{
    /// <summary>Writes the values as the database will see them; the type of the first that has no exact form, else null.</summary>
    /// <param name="key">What they are written to.</param>
    /// <param name="plan">Of the command.</param>
    /// <param name="rules">What the application says of types.</param>
    Type? Write(ref KeyWriter key, QueryPlan plan, ValueList<TypeRule> rules);

    /// <summary>The value of a query parameter that need not be in the SQL.</summary>
    object? ValueOf(string name);

    /// <summary>The token in a query parameter; null: it is not known here.</summary>
    ChangeToken? TokenOf(string name);

    /// <summary>The parameters of the compiled query; null where only what became of them is known.</summary>
    IReadOnlyDictionary<string, object?>? OfQuery { get; }
}

/// <summary>The values of a compiled query, ahead of EF Core's value converters.</summary>
internal readonly struct QueryParameterValues(IReadOnlyDictionary<string, object?>? values) : IParameterValues
{
    public Type? Write(ref KeyWriter key, QueryPlan plan, ValueList<TypeRule> rules) => plan.Parameters.Write(ref key, values, rules);

    public object? ValueOf(string name) => values?[name];

    public ChangeToken? TokenOf(string name) => (ChangeToken?)values?[name];

    public IReadOnlyDictionary<string, object?>? OfQuery => values;
}

/// <summary>The values of a command that is about to be executed.</summary>
internal readonly struct CommandParameterValues(DbParameterCollection parameters) : IParameterValues
{
    public Type? Write(ref KeyWriter key, QueryPlan plan, ValueList<TypeRule> rules) => plan.Parameters.WriteExecuted(ref key, parameters, rules);

    public IReadOnlyDictionary<string, object?>? OfQuery => null;

    public ChangeToken? TokenOf(string name) => null;

    public object? ValueOf(string name)
        => throw new InvalidOperationException($"the value of VaryBy ({name}) does not reach a command that another builder made");
}
