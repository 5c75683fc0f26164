using Microsoft.EntityFrameworkCore.Query.SqlExpressions;

namespace EfSecondLevelCache.Planning.Predicates;

/// <summary>
/// The FROM clause of a SELECT: which conditions of its joins hold for every row that it makes, and which only where an outer join found a
/// match. Joins stand from left to right, each between all that came before and one more table.
/// </summary>
internal sealed class JoinTree
{
    private readonly JoinedTable[] _tables;
    private readonly List<NullableSide> _nullableSides = [];

    /// <summary>They hold for every row.</summary>
    private RowConditions _always = RowConditions.None;

    /// <param name="tables">Of the SELECT.</param>
    /// <param name="reader">Reads the join predicates.</param>
    /// <param name="guarantees">What holds for every row of a table, of a subquery for instance.</param>
    public JoinTree(IReadOnlyList<TableExpressionBase> tables, ConditionReader reader, Func<TableExpressionBase, RowConditions> guarantees)
    {
        _tables = [.. tables.Select(JoinedTable.Of)];
        for (var i = 0; i < _tables.Length; i++)
            Join(_tables.AsSpan(0, i), _tables[i], reader.ImpliedBy(_tables[i].On), guarantees(_tables[i].Table));
    }

    public IReadOnlyList<JoinedTable> Tables => _tables;

    /// <summary>What is known of the rows that the FROM clause makes and that matter.</summary>
    /// <param name="conditions">What is known of them from elsewhere.</param>
    public RowConditions Complete(RowConditions conditions) => WithMatches(conditions.And(_always));

    /// <summary>What is known of the rows of one table that matter.</summary>
    /// <param name="table">Of this tree.</param>
    /// <param name="conditions">What is known of the rows that the FROM clause makes, complete.</param>
    public RowConditions For(JoinedTable table, RowConditions conditions)
    {
        if (table.IsOpaque)
            return RowConditions.None;
        foreach (var side in table.NullableSides)
            conditions = Inside(side, conditions);
        return conditions;
    }

    private void Join(ReadOnlySpan<JoinedTable> left, JoinedTable right, RowConditions on, RowConditions guaranteed)
    {
        switch (right.Kind)
        {
            case JoinKind.Inner:
                _always = _always.And(on).And(guaranteed);
                break;
            case JoinKind.Left:
                right.NullableSides.Add(MakeNullable([right], on.And(guaranteed)));
                break;
            case JoinKind.Right:
                var side = MakeNullable(left, on.And(_always));
                foreach (var table in left)
                    table.NullableSides.Insert(0, side);
                _always = guaranteed;
                break;
            default:
                right.IsOpaque = true;
                foreach (var table in left)
                    table.IsOpaque = true;
                _nullableSides.Clear();
                _always = RowConditions.None;
                break;
        }
    }

    private NullableSide MakeNullable(ReadOnlySpan<JoinedTable> tables, RowConditions matched)
    {
        var aliases = new HashSet<string>();
        foreach (var table in tables)
            aliases.Add(table.Alias);
        var side = new NullableSide(aliases, matched);
        _nullableSides.Add(side);
        return side;
    }

    /// <summary>
    /// A row of a nullable side matters only by matching a row of the other side, which it keeps from standing alone. So what is known of
    /// the other side holds, and what a match takes. What is asked of this side after the join does not: it is asked of missing rows too.
    /// </summary>
    private RowConditions Inside(NullableSide side, RowConditions conditions)
        => conditions.Require(side.Aliases) ? conditions : WithMatches(conditions.Without(side.Aliases).And(side.Matched));

    /// <summary>Where a nullable side can't be missing, what its match took holds too.</summary>
    private RowConditions WithMatches(RowConditions conditions)
    {
        var open = new List<NullableSide>(_nullableSides);
        while (open.Find(side => conditions.Require(side.Aliases)) is { } required)
        {
            conditions = conditions.And(required.Matched);
            open.Remove(required);
        }

        return conditions;
    }
}
