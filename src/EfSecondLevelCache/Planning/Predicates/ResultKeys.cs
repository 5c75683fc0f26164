using System.Linq.Expressions;
using EfSecondLevelCache.Values;
using Microsoft.EntityFrameworkCore.Query.SqlExpressions;

namespace EfSecondLevelCache.Planning.Predicates;

/// <summary>
/// Finds the joined tables whose rows are known by values in the result, as in an Include: <c>posts LEFT JOIN authors ON author_id =
/// authors.id</c> with author_id among the columns. While no row of the posts changes, no other author can enter.
/// </summary>
/// <remarks>
/// <para>
/// What is shown for one table at a time, all others being as they are: call a combination what the FROM clause has joined before the table
/// comes. Which combinations there are does not depend on the table. If each one that could be in the result is there, whatever the rows of the
/// table are, then the values by which it looks for them are in the result too, and a row with other values is found by none. So each combination
/// has to outlive the table: the join keeps those that find nothing (or a foreign key sees to it that each finds its row), no condition and no
/// inner join looks at the table or at what was found through it, and no LIMIT sorts by that.
/// </para>
/// <para>
/// Several such tables follow one after the other, in the order of the joins: after the first has changed, the combinations of the second are
/// what they were.
/// </para>
/// <para>
/// A collection is a subquery where references are included behind it: <c>orders LEFT JOIN (lines JOIN products) s ON orders.id = s.order_id</c>.
/// Seen from the orders, the lines are those of the orders in the result. Seen from inside, a line and its order are a combination, and its
/// product is the one whose key it shows.
/// </para>
/// </remarks>
internal sealed class ResultKeys
{
    private readonly Dictionary<TableExpression, ResultKey> _found = new(ReferenceEqualityComparer.Instance);
    private readonly HashSet<ComparedColumn> _compared;

    private ResultKeys(HashSet<ComparedColumn> compared) => _compared = compared;

    /// <param name="query">The query.</param>
    /// <param name="compared">Takes the columns whose values must compare as the model says.</param>
    public static Dictionary<TableExpression, ResultKey> Find(SelectExpression query, HashSet<ComparedColumn> compared)
    {
        var keys = new ResultKeys(compared);
        var level = ResultLevel.Of(query, compared);
        keys.Search(level);
        if (level.IsPlain && query is { Limit: null, Offset: null, Having: null, GroupBy.Count: 0 })
        {
            foreach (var subquery in Subqueries.In(query.Projection))
                keys.AddCorrelated(level, level.Scope, subquery, []);
        }

        return keys._found;
    }

    private void Search(ResultLevel level)
    {
        if (!level.IsPlain)
            return;
        for (var i = 0; i < level.Tables.Length; i++)
        {
            if (i > 0)
                AddJoined(level, i);
            if (level.Tables[i].Table is SelectExpression subquery)
                Search(level.Inside(subquery, i, _compared));
        }
    }

    /// <summary>The tables of a join.</summary>
    private void AddJoined(ResultLevel level, int position)
    {
        var joined = level.Tables[position];
        var references = new List<Reference>();
        if (!AreAllShown(level, position, references))
            return;
        if (joined is { Kind: JoinKind.Left, On: null, Table: SelectExpression lateral })
            AddCorrelated(level, level.Scope, lateral, references);

        var reference = ReferenceOf(level, joined);
        if (joined.Kind is JoinKind.Inner && reference is null)
            return;
        var restsOnReference = joined.Kind is JoinKind.Inner;
        var columns = new List<(TableExpression Table, ResultKeyColumn Column)>();
        foreach (var (own, other) in Equalities.In(joined.On, own => own.TableAlias == joined.Alias))
        {
            if (FamilyOf(level.Scope, own, other) is not { } family || ResultLevel.SourceOf(joined.Table, own.Name) is not var (table, column))
                continue;
            var ordinal = level.OrdinalOf(new QueryColumn(other.TableAlias, other.Name));
            // What refers is not in the result, but what it finds is, and it always finds something.
            if (ordinal < 0 && reference is not null)
            {
                ordinal = level.OrdinalOf(new QueryColumn(own.TableAlias, own.Name));
                restsOnReference |= ordinal >= 0;
            }

            if (ordinal >= 0)
                columns.Add((table, new ResultKeyColumn(column, family, ordinal)));
        }

        Add(columns, restsOnReference ? [reference!, .. references] : references);
    }

    /// <summary>The tables of a subquery that is computed for each row of a level, with a condition on a column of that row.</summary>
    private void AddCorrelated(ResultLevel level, FromScope outer, SelectExpression subquery, List<Reference> references)
    {
        var scope = new FromScope(subquery, outer, _compared);
        JoinedTable[] tables = [.. subquery.Tables.Select(JoinedTable.Of)];
        if (!Array.TrueForAll(tables, table => table.Kind is JoinKind.Inner or JoinKind.Left))
            return;
        var columns = new List<(TableExpression Table, ResultKeyColumn Column)>();
        foreach (var (own, other) in Equalities.In(subquery.Predicate, own => scope.Owns(own.TableAlias)))
        {
            if (FamilyOf(scope, own, other) is { } family
                && Array.Find(tables, table => table.Alias == own.TableAlias && table.Kind is JoinKind.Inner) is { } joined
                && ResultLevel.SourceOf(joined.Table, own.Name) is var (table, column)
                && level.OrdinalOf(new QueryColumn(other.TableAlias, other.Name)) is >= 0 and var ordinal)
            {
                columns.Add((table, new ResultKeyColumn(column, family, ordinal)));
            }
        }

        Add(columns, references);
        foreach (var inner in tables.Select(table => table.Table).OfType<SelectExpression>())
            AddCorrelated(level, scope, inner, references);
    }

    private void Add(List<(TableExpression Table, ResultKeyColumn Column)> columns, List<Reference> references)
    {
        foreach (var table in columns.GroupBy(column => column.Table, ReferenceEqualityComparer.Instance))
        {
            var key = table.Select(found => found.Column).DistinctBy(column => column.Column);
            _found.TryAdd(
                (TableExpression)table.Key!,
                new ResultKey([.. key.OrderBy(column => column.Column, StringComparer.Ordinal)], [.. references]));
        }
    }

    /// <summary>Whether what is joined before a table is in the result whatever the rows of the table are.</summary>
    /// <param name="level">The SELECT that joins it.</param>
    /// <param name="position">Of the table there.</param>
    /// <param name="references">Takes the references that have to be enforced for that.</param>
    private static bool AreAllShown(ResultLevel level, int position, List<Reference> references)
    {
        var reach = new Reach(level.Tables[position].Alias);
        if (!KeepsRows(level, position, reach, references))
            return false;
        for (; level.Parent is { } parent; level = parent)
        {
            reach = new Reach(level.Select, reach);
            if (!parent.IsPlain || reach.IsIn(parent.Tables[level.Position].On) || !KeepsRows(parent, level.Position, reach, references))
                return false;
        }

        return true;
    }

    /// <summary>Whether nothing of a SELECT behind a table drops rows for what the table found.</summary>
    private static bool KeepsRows(ResultLevel level, int position, Reach reach, List<Reference> references)
    {
        if (level.Select is not { Offset: null, Having: null, GroupBy.Count: 0 } select || (select.IsDistinct && select.Limit is not null))
            return false;
        foreach (var later in level.Tables.Skip(position + 1))
        {
            if (!reach.IsIn(later.On) && !reach.IsIn(later.Table))
                continue;
            if (later.Kind is not JoinKind.Left)
            {
                if (reach.IsIn(later.Table) || ReferenceOf(level, later) is not { } reference)
                    return false;
                references.Add(reference);
            }

            reach.Add(later.Alias);
        }

        return !reach.IsIn(select.Predicate) && (select.Limit is null || !select.Orderings.Any(ordering => reach.IsIn(ordering.Expression)));
    }

    /// <summary>
    /// The reference along which a join goes, and nothing else; null: there is none, or what it finds may be left out, or what refers may be missing.
    /// </summary>
    private static Reference? ReferenceOf(ResultLevel level, JoinedTable joined)
    {
        var equalities = Equalities.In(joined.On, own => own.TableAlias == joined.Alias).ToArray();
        if (equalities.Length == 0 || equalities.Length != Equalities.ConditionsIn(joined.On))
            return null;
        var origins = equalities.Select(equality => level.OriginOf(equality.Other)).ToArray();
        var principals = equalities.Select(equality => ResultLevel.WholeSourceOf(joined.Table, equality.Own.Name)).ToArray();
        if (origins[0] is not { } origin || principals[0] is not { } principal
            || origins.Any(other => other?.Path != origin.Path) || principals.Any(other => other?.Table != principal.Table))
        {
            return null;
        }

        return new Reference(
            NameOf(origin.Table), [.. origins.Select(column => column!.Value.Column)],
            NameOf(principal.Table), [.. principals.Select(column => column!.Value.Column)]);
    }

    private static TableName NameOf(TableExpression table) => new(table.Table.Schema, table.Table.Name);

    private static ComparisonFamily? FamilyOf(FromScope scope, ColumnExpression own, ColumnExpression other)
        => scope.FamilyOf(own) is { } family && scope.FamilyOf(other) == family ? family : null;

    /// <summary>The columns whose values depend on the rows of one table: its own, and those of what was found through it.</summary>
    private sealed class Reach
    {
        private readonly HashSet<string> _aliases = [];
        private readonly Func<ColumnExpression, bool> _isOfSubquery = _ => false;

        public Reach(string alias) => _aliases.Add(alias);

        /// <summary>Seen from around a subquery: a column that is computed there may depend on any of its tables, a row number on all.</summary>
        public Reach(SelectExpression subquery, Reach inside)
            => _isOfSubquery = column => column.TableAlias == subquery.Alias
                && (ResultLevel.ColumnOf(subquery, column.Name) is not { } shown || inside.Has(shown));

        public void Add(string alias) => _aliases.Add(alias);

        public bool IsIn(Expression? expression)
        {
            var search = new Search(this);
            search.Visit(expression);
            return search.Found;
        }

        private bool Has(ColumnExpression column) => _aliases.Contains(column.TableAlias) || _isOfSubquery(column);

        private sealed class Search(Reach reach) : ExpressionVisitor
        {
            public bool Found { get; private set; }

            protected override Expression VisitExtension(Expression node)
            {
                Found |= node is ColumnExpression column && reach.Has(column);
                return Found ? node : base.VisitExtension(node);
            }
        }
    }

    /// <summary>The equalities of two columns that a condition demands.</summary>
    private static class Equalities
    {
        public static IEnumerable<(ColumnExpression Own, ColumnExpression Other)> In(SqlExpression? condition, Func<ColumnExpression, bool> isOwn)
            => condition switch
            {
                SqlBinaryExpression { OperatorType: ExpressionType.AndAlso } and => In(and.Left, isOwn).Concat(In(and.Right, isOwn)),
                SqlBinaryExpression { OperatorType: ExpressionType.Equal, Left: ColumnExpression left, Right: ColumnExpression right }
                    when isOwn(left) != isOwn(right) => [isOwn(left) ? (left, right) : (right, left)],
                _ => [],
            };

        public static int ConditionsIn(SqlExpression? condition) => condition switch
        {
            null => 0,
            SqlBinaryExpression { OperatorType: ExpressionType.AndAlso } and => ConditionsIn(and.Left) + ConditionsIn(and.Right),
            _ => 1,
        };
    }

    /// <summary>The subqueries of expressions, without those inside of subqueries.</summary>
    private sealed class Subqueries : ExpressionVisitor
    {
        private readonly List<SelectExpression> _found = [];

        public static List<SelectExpression> In(IEnumerable<Expression> expressions)
        {
            var search = new Subqueries();
            foreach (var expression in expressions)
                search.Visit(expression);
            return search._found;
        }

        protected override Expression VisitExtension(Expression node)
        {
            if (node is not SelectExpression subquery)
                return base.VisitExtension(node);
            _found.Add(subquery);
            return node;
        }
    }
}
