using Microsoft.EntityFrameworkCore.Query.SqlExpressions;

namespace EfSecondLevelCache.Planning.Predicates;

/// <summary>The names of the columns of a SELECT around it; those of a set operation have the names of its first source.</summary>
internal sealed class SelectOutput
{
    private readonly IReadOnlyList<ProjectionExpression> _names;

    private SelectOutput(string alias, IReadOnlyList<ProjectionExpression> names)
    {
        Alias = alias;
        _names = names;
    }

    public string Alias { get; }

    public static SelectOutput Of(SelectExpression subquery) => new(subquery.Alias ?? "", subquery.Projection);

    public static SelectOutput Of(SetOperationBase operation) => new(operation.Alias, operation.Source1.Projection);

    public QueryColumn Column(int index) => new(Alias, _names[index].Alias);

    /// <summary>-1 where there is none.</summary>
    public int IndexOf(string name)
    {
        for (var i = 0; i < _names.Count; i++)
        {
            if (_names[i].Alias == name)
                return i;
        }

        return -1;
    }
}
