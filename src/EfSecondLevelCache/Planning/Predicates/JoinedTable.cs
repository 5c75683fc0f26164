using Microsoft.EntityFrameworkCore.Query.SqlExpressions;

namespace EfSecondLevelCache.Planning.Predicates;

/// <summary>How a table is joined to those that stand before it in the FROM clause.</summary>
internal enum JoinKind
{
    /// <summary>Also a cross join, CROSS APPLY, and the first table.</summary>
    Inner,

    /// <summary>Also OUTER APPLY.</summary>
    Left,

    Right,

    /// <summary>FULL JOIN, and what is not known here.</summary>
    Other,
}

/// <summary>What an outer join may leave missing.</summary>
/// <param name="Aliases">They are missing together.</param>
/// <param name="Matched">Holds where they are not missing.</param>
internal sealed record NullableSide(IReadOnlySet<string> Aliases, RowConditions Matched);

/// <summary>A table or subquery of a FROM clause.</summary>
/// <param name="kind">How it is joined.</param>
/// <param name="table">Without the join around it.</param>
/// <param name="on">The join predicate; null: there is none.</param>
internal sealed class JoinedTable(JoinKind kind, TableExpressionBase table, SqlExpression? on)
{
    public JoinKind Kind => kind;

    public TableExpressionBase Table => table;

    public SqlExpression? On => on;

    public string Alias => table.Alias ?? "";

    /// <summary>The nullable sides in which it stands, the widest first.</summary>
    public List<NullableSide> NullableSides { get; } = [];

    /// <summary>It stands in a join of which nothing is known.</summary>
    public bool IsOpaque { get; set; }

    public static JoinedTable Of(TableExpressionBase table) => table switch
    {
        InnerJoinExpression join => new(JoinKind.Inner, join.Table, join.JoinPredicate),
        CrossJoinExpression or CrossApplyExpression => new(JoinKind.Inner, ((JoinExpressionBase)table).Table, on: null),
        LeftJoinExpression join => new(JoinKind.Left, join.Table, join.JoinPredicate),
        OuterApplyExpression apply => new(JoinKind.Left, apply.Table, on: null),
        RightJoinExpression join => new(JoinKind.Right, join.Table, join.JoinPredicate),
        PredicateJoinExpressionBase join => new(JoinKind.Other, join.Table, join.JoinPredicate),
        JoinExpressionBase join => new(JoinKind.Other, join.Table, on: null),
        _ => new(JoinKind.Inner, table, on: null),
    };
}
