using System.Linq.Expressions;
using System.Reflection;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Query;

namespace EfSecondLevelCache.IntegrationTests.Consistency.Differential;

/// <summary>
/// Random queries of the shapes that EF Core translates. The same draws make the same query, so that it can be made again in any context;
/// the shape and the values are drawn apart, so that queries of one shape come with several values.
/// </summary>
internal sealed class QueryGrammar(RandomSchema schema, RandomContext context, Random shape, Random values)
{
    private static readonly MethodInfo GenericFromSql
        = typeof(RelationalQueryableExtensions).GetMethod(nameof(RelationalQueryableExtensions.FromSqlRaw))!;

    private readonly bool _hasConstants = shape.Next(4) == 0;

    private IAsyncQueryProvider Provider => (IAsyncQueryProvider)context.Rows(schema.Tables[0].Class).Provider;

    public RandomQuery Draw() => shape.Next(24) switch
    {
        < 3 => DrawPrimaryKey(),
        < 6 => DrawForeignKey(),
        < 11 => DrawInclude(),
        < 14 => DrawRows(),
        14 => DrawPage(),
        15 or 16 => DrawProjection(),
        17 or 18 => DrawJoin(),
        19 => DrawGroups(),
        20 => DrawSetOperation(),
        21 => DrawRawSql(),
        _ => DrawValue(),
    };

    private RandomQuery DrawPrimaryKey()
    {
        var table = DrawTable();
        var kind = table.HasExactKey ? QueryShape.PrimaryKey : QueryShape.Other;
        if (shape.Next(4) == 0)
        {
            object[] key = DrawKey(table);
            var isAsync = Coin();
            return new RandomQuery(
                () => $"Find({table.Name}, {string.Join(", ", key)})", kind, true,
                async () => isAsync ? await context.FindAsync(table.Class, key) : context.Find(table.Class, key));
        }

        var rows = Where(Rows(table), row => And(HasKey(row, table), shape.Next(4) == 0 ? DrawCondition(row, table, 0) : null));
        return shape.Next(4) switch
        {
            0 => RandomQuery.Value(Provider, Call(nameof(Queryable.SingleOrDefault), rows), kind),
            1 => RandomQuery.Value(Provider, Call(nameof(Queryable.First), OrderByKey(rows, table)), kind),
            2 => List(Where(Rows(table), row => HasKeyAmong(row, table)), kind),
            _ => List(Tracked(rows, table), kind),
        };
    }

    private RandomQuery DrawForeignKey()
    {
        var foreignKey = Pick(schema.Tables.SelectMany(table => table.ForeignKeys));
        var rows = Where(
            Rows(foreignKey.From), row => And(HasForeignKey(row, foreignKey), shape.Next(4) == 0 ? DrawCondition(row, foreignKey.From, 0) : null));
        var kind = Array.TrueForAll(foreignKey.Columns, column => column.Kind.IsExact) ? QueryShape.ForeignKey : QueryShape.Other;
        return shape.Next(4) switch
        {
            0 => RandomQuery.Value(Provider, Call(nameof(Queryable.Count), rows), kind),
            1 => Ordered(Page(OrderByKey(rows, foreignKey.From)), kind),
            _ => List(Tracked(rows, foreignKey.From), kind),
        };
    }

    /// <summary>An Include of rows that a key picks.</summary>
    private RandomQuery DrawInclude()
    {
        var table = Pick(schema.Tables.Where(table => table.ForeignKeys.Count + table.References.Count > 0));
        var byForeignKey = table.ForeignKeys.Count > 0 && shape.Next(3) == 0 ? Pick(table.ForeignKeys) : null;
        var rows = Where(Rows(table), row => byForeignKey is null ? HasKey(row, table) : HasForeignKey(row, byForeignKey));
        var isExact = byForeignKey is null ? table.HasExactKey : Array.TrueForAll(byForeignKey.Columns, column => column.Kind.IsExact);
        var (included, kind) = Include(rows, table, isFiltered: shape.Next(6) == 0);
        if (shape.Next(3) == 0)
            (included, kind) = (Include(included, table, isFiltered: false).Rows, QueryShape.OtherInclude);
        if (shape.Next(3) == 0)
            included = CallEf(nameof(RelationalQueryableExtensions.AsSplitQuery), included, typeof(RelationalQueryableExtensions));
        return List(Tracked(included, table), isExact ? kind : QueryShape.OtherInclude);
    }

    /// <summary>Whole entities by any condition, by pages and with an Include now and then.</summary>
    private RandomQuery DrawRows()
    {
        var table = DrawTable();
        var rows = Where(Rows(table), row => DrawCondition(row, table, 2));
        if (table.DerivedClass is { } derived && shape.Next(4) == 0)
            return List(Expression.Call(typeof(Queryable), nameof(Queryable.OfType), [derived], rows), QueryShape.Other);
        return shape.Next(4) switch
        {
            0 => Ordered(Page(OrderByKey(rows, table)), QueryShape.Other),
            1 => List(Include(Page(OrderByKey(rows, table)), table, isFiltered: false).Rows, QueryShape.Other),
            // Which rows there are may be for what is included, and for what that refers to, to decide.
            2 => List(Include(Include(rows, table, isFiltered: false).Rows, table, isFiltered: shape.Next(4) == 0).Rows, QueryShape.Other),
            _ => List(Tracked(rows, table), QueryShape.Other),
        };
    }

    private RandomQuery DrawPage()
    {
        var table = DrawTable();
        return Ordered(Page(OrderByKey(Rows(table), table)), QueryShape.Other);
    }

    private RandomQuery DrawProjection()
    {
        var table = DrawTable();
        var rows = shape.Next(3) switch
        {
            0 => Rows(table),
            1 => Where(Rows(table), row => HasKey(row, table)),
            _ => Where(Rows(table), row => DrawCondition(row, table, 1)),
        };
        if (shape.Next(3) == 0)
        {
            var column = Pick(table.Columns.Where(c => c.Kind.IsExact).DefaultIfEmpty(table.Key[0]));
            var projected = Select(rows, row => Expression.Property(row, column.Name));
            return List(column.Kind.IsExact && Coin() ? Call(nameof(Queryable.Distinct), projected) : projected, QueryShape.Other);
        }

        return List(Select(rows, row => Pair(Expression.Property(row, table.Key[0].Name), DrawSubquery(row, table))), QueryShape.Other);
    }

    /// <summary>A scalar or a list in a projection.</summary>
    private Expression DrawSubquery(Expression row, Table table)
    {
        if (table.References.Where(reference => !reference.IsUnique).ToArray() is { Length: > 0 } collections && shape.Next(4) > 0)
        {
            var reference = Pick(collections);
            var children = AsQueryable(Expression.Property(row, reference.Inverse));
            var column = Pick(reference.From.Columns);
            switch (shape.Next(6))
            {
                case 0:
                    return Call(nameof(Queryable.Count), children);
                case 5 when reference.From.ForeignKeys.Count > 0:
                    var behind = Pick(reference.From.ForeignKeys);
                    var pairs = Select(children, child => Pair(
                        Nullable(Expression.Property(child, column.Name)),
                        Nullable(Expression.Property(Expression.Property(child, behind.Navigation), Pick(behind.To.Columns).Name))));
                    return Expression.Call(typeof(Enumerable), nameof(Enumerable.ToList), [ElementOf(pairs)], pairs);
                case 1:
                    var filtered = Where(children, child => DrawCondition(child, reference.From, 0));
                    return Expression.Call(typeof(Enumerable), nameof(Enumerable.ToList), [reference.From.Class], filtered);
                case 2:
                    var first = Call(nameof(Queryable.Take), OrderByKey(children, reference.From), Expression.Constant(1));
                    return Expression.Call(typeof(Enumerable), nameof(Enumerable.ToList), [reference.From.Class], first);
                case 3 when column.Kind is { IsOrdered: true, IsExact: true }:
                    return CallWith(nameof(Queryable.Max), children, child => Nullable(Expression.Property(child, column.Name)));
                default:
                    var all = Select(OrderByKey(children, reference.From), child => Nullable(Expression.Property(child, column.Name)));
                    return Call(nameof(Queryable.FirstOrDefault), all);
            }
        }

        if (table.ForeignKeys.Count > 0 && Coin())
        {
            var foreignKey = Pick(table.ForeignKeys);
            return Nullable(Expression.Property(Expression.Property(row, foreignKey.Navigation), Pick(foreignKey.To.Columns).Name));
        }

        var other = DrawTable();
        return Call(nameof(Queryable.Count), Where(Rows(other), o => DrawComparison(o, row, other, table) ?? DrawCondition(o, other, 0)));
    }

    private RandomQuery DrawJoin()
    {
        var foreignKey = Pick(schema.Tables.SelectMany(table => table.ForeignKeys));
        var (dependents, principals) = (Filtered(foreignKey.From), Filtered(foreignKey.To));
        var (dependent, principal) = (Column(foreignKey.Columns[0]), Column(foreignKey.PrincipalColumns[0]));
        var joined = shape.Next(7) switch
        {
            0 => Join(nameof(Queryable.Join), dependents, principals, dependent, principal),
            1 => Join(nameof(Queryable.LeftJoin), dependents, principals, dependent, principal),
            2 => Join(nameof(Queryable.LeftJoin), principals, dependents, principal, dependent),
            3 => Join(nameof(Queryable.RightJoin), dependents, principals, dependent, principal),
            4 => SelectMany(principals, row => Call(
                nameof(Queryable.DefaultIfEmpty),
                Where(Rows(foreignKey.From), d => And(
                    Equal(dependent(d), principal(row)),
                    // What ON says of the side that a left join keeps.
                    shape.Next(3) == 0 ? DrawCondition(row, foreignKey.To, 0) : null)))),
            5 => SelectMany(principals, row => Call(
                nameof(Queryable.Take),
                OrderByKey(Where(Rows(foreignKey.From), d => Equal(dependent(d), principal(row))), foreignKey.From),
                Expression.Constant(2))),
            _ => Where(
                SelectMany(dependents, _ => Rows(foreignKey.To)),
                pair => DrawComparison(Expression.Property(pair, "Left"), Expression.Property(pair, "Right"), foreignKey.From, foreignKey.To)
                    ?? Equal(dependent(Expression.Property(pair, "Left")), principal(Expression.Property(pair, "Right")))),
        };
        return List(joined, QueryShape.Other);

        static Func<Expression, Expression> Column(Column column) => row => Nullable(Expression.Property(row, column.Name));

        Expression Filtered(Table table) => shape.Next(4) switch
        {
            0 => Where(Rows(table), row => HasKey(row, table)),
            1 => Where(Rows(table), row => DrawCondition(row, table, 0)),
            _ => Rows(table),
        };
    }

    private RandomQuery DrawGroups()
    {
        var table = DrawTable();
        var by = Pick(table.Columns.Concat(table.ForeignKeyColumns).Where(column => column.Kind.IsExact).DefaultIfEmpty(table.Key[0]));
        if (!by.Kind.IsExact)
            return DrawRows();
        var rows = Coin() ? Rows(table) : Where(Rows(table), row => DrawCondition(row, table, 1));
        var groups = CallWith(nameof(Queryable.GroupBy), rows, row => Expression.Property(row, by.Name));
        if (shape.Next(3) == 0)
            groups = Where(groups, group => Expression.GreaterThan(Call(nameof(Queryable.Count), AsQueryable(group)), Operand(1, typeof(int))));
        return List(
            Select(groups, group => Pair(Expression.Property(group, "Key"), DrawAggregate(AsQueryable(group), table))), QueryShape.Other);
    }

    private RandomQuery DrawSetOperation()
    {
        var table = DrawTable();
        var first = Where(Rows(table), row => DrawCondition(row, table, 1));
        var second = Where(Rows(table), row => DrawCondition(row, table, 1));
        if (Coin() && table.Columns.FirstOrDefault(column => column.Kind.IsExact) is { } column)
        {
            first = Select(first, row => Expression.Property(row, column.Name));
            second = Select(second, row => Expression.Property(row, column.Name));
        }

        var operation = Pick([nameof(Queryable.Union), nameof(Queryable.Concat), nameof(Queryable.Except), nameof(Queryable.Intersect)]);
        var both = Call(operation, first, second);
        return shape.Next(4) == 0 ? RandomQuery.Value(Provider, Call(nameof(Queryable.Count), both), QueryShape.Other) : List(both, QueryShape.Other);
    }

    private RandomQuery DrawRawSql()
    {
        var table = Pick(schema.Tables);
        if (table.IsTpt)
            return DrawRows();
        object[] arguments = [context.Rows(table.Class), $"SELECT * FROM {table.Name}", Array.Empty<object>()];
        var rows = ((IQueryable)GenericFromSql.MakeGenericMethod(table.Class).Invoke(null, arguments)!).Expression;
        return List(shape.Next(3) == 0 ? rows : Where(rows, row => DrawCondition(row, table, 0)), QueryShape.Other);
    }

    private RandomQuery DrawValue()
    {
        var table = DrawTable();
        var rows = Where(Rows(table), row => DrawCondition(row, table, 1));
        return RandomQuery.Value(Provider, shape.Next(5) switch
        {
            0 => Call(nameof(Queryable.Any), rows),
            1 => CallWith(nameof(Queryable.All), Rows(table), row => DrawCondition(row, table, 1)),
            2 => Call(nameof(Queryable.LongCount), rows),
            3 => Call(nameof(Queryable.Last), OrderByKey(rows, table)),
            _ => DrawAggregate(rows, table),
        }, QueryShape.Other);
    }

    private Expression DrawAggregate(Expression rows, Table table)
    {
        var column = Pick(table.Columns);
        if (column.Kind.IsSummable && Coin())
            return CallWith(Coin() ? nameof(Queryable.Sum) : nameof(Queryable.Average), rows, row => Nullable(Expression.Property(row, column.Name)));
        if (column.Kind is { IsOrdered: true, IsExact: true })
            return CallWith(Coin() ? nameof(Queryable.Max) : nameof(Queryable.Min), rows, row => Nullable(Expression.Property(row, column.Name)));
        return Call(nameof(Queryable.Count), rows);
    }

    private Expression DrawCondition(Expression row, Table table, int depth)
    {
        switch (depth == 0 ? shape.Next(6) : shape.Next(15))
        {
            case 6 or 7:
                return Expression.AndAlso(DrawCondition(row, table, depth - 1), DrawCondition(row, table, depth - 1));
            case 8:
                return Expression.OrElse(DrawCondition(row, table, depth - 1), DrawCondition(row, table, depth - 1));
            case 9:
                return Expression.Not(DrawCondition(row, table, depth - 1));
            case 10 or 11 when table.ForeignKeys.Count > 0:
                var foreignKey = Pick(table.ForeignKeys);
                var parent = Expression.Property(row, foreignKey.Navigation);
                return shape.Next(4) == 0
                    ? Expression.Equal(parent, Expression.Constant(null, parent.Type))
                    : DrawCondition(parent, foreignKey.To, depth - 1);
            case 12 or 13 when table.References.Any(reference => !reference.IsUnique):
                return DrawQuantifier(row, Pick(table.References.Where(reference => !reference.IsUnique)), depth);
            case 14:
                var other = DrawTable();
                var others = Where(Rows(other), o => And(DrawCondition(o, other, 0), DrawComparison(o, row, other, table))!);
                return Coin() ? Call(nameof(Queryable.Any), others) : Expression.Not(Call(nameof(Queryable.Any), others));
            default:
                var (member, column) = Pick(MembersOf(row, table));
                return DrawTest(member, column);
        }
    }

    private Expression DrawQuantifier(Expression row, ForeignKey reference, int depth)
    {
        var children = AsQueryable(Expression.Property(row, reference.Inverse));
        return shape.Next(5) switch
        {
            0 => CallWith(nameof(Queryable.All), children, child => DrawCondition(child, reference.From, depth - 1)),
            1 => Expression.Not(Call(nameof(Queryable.Any), Where(children, child => DrawCondition(child, reference.From, depth - 1)))),
            2 => Expression.GreaterThan(Call(nameof(Queryable.Count), children), Operand(values.Next(3), typeof(int))),
            3 => Call(
                nameof(Queryable.Contains),
                Select(
                    Where(Rows(reference.From), c => DrawCondition(c, reference.From, 0)),
                    c => Nullable(Expression.Property(c, reference.Columns[0].Name))),
                Nullable(Expression.Property(row, reference.PrincipalColumns[0].Name))),
            _ => Call(nameof(Queryable.Any), Where(children, child => DrawCondition(child, reference.From, depth - 1))),
        };
    }

    /// <summary>Of one column with values.</summary>
    private Expression DrawTest(Expression member, Column column)
    {
        switch (shape.Next(8))
        {
            case 0 when column.IsNullable:
                var isNull = Expression.Equal(member, Expression.Constant(null, member.Type));
                return Coin() ? isNull : Expression.Not(isNull);
            case 1 when column.Kind.IsOrdered:
                return Expression.MakeBinary(
                    Coin() ? ExpressionType.LessThan : ExpressionType.GreaterThanOrEqual, member, Operand(column.Pick(values), member.Type));
            case 2:
                return Expression.NotEqual(member, Operand(column.Pick(values), member.Type));
            case 3:
                var list = Array.CreateInstance(member.Type, 1 + values.Next(3));
                for (var i = 0; i < list.Length; i++)
                    list.SetValue(column.Pick(values), i);
                var contains = Expression.Call(typeof(Enumerable), nameof(Enumerable.Contains), [member.Type], Operand(list, list.GetType()), member);
                return shape.Next(4) == 0 ? Expression.Not(contains) : contains;
            case 4 when column.IsNullable:
                var fallback = Expression.Coalesce(member, Expression.Constant(column.Kind.Values[0], column.Kind.Type));
                return Expression.Equal(fallback, Operand(column.Kind.Values[values.Next(column.Kind.Values.Length)], column.Kind.Type));
            case 5 when member.Type == typeof(bool):
                return member;
            case 5 when member.Type == typeof(string):
                return Expression.Call(member, nameof(string.StartsWith), null, Operand(column.Kind.Values[^2], typeof(string)));
            default:
                return Expression.Equal(member, Operand(column.Pick(values), member.Type));
        }
    }

    /// <summary>Of a column of each; null where no two are of one type.</summary>
    private Expression? DrawComparison(Expression left, Expression right, Table leftTable, Table rightTable)
    {
        var pairs = from l in leftTable.Columns.Concat(leftTable.Key).Concat(leftTable.ForeignKeyColumns)
                    from r in rightTable.Columns.Concat(rightTable.Key).Concat(rightTable.ForeignKeyColumns)
                    where l.Kind == r.Kind
                    select (l, r);
        var all = pairs.ToArray();
        if (all.Length == 0)
            return null;
        var (mine, theirs) = Pick(all);
        return Equal(Nullable(Expression.Property(left, mine.Name)), Nullable(Expression.Property(right, theirs.Name)));
    }

    private static IEnumerable<(Expression, Column)> MembersOf(Expression row, Table table)
    {
        var own = table.Key.Concat(table.Columns).Concat(table.Columns).Concat(table.ForeignKeyColumns);
        foreach (var column in table.Alternate is { } alternate ? own.Append(alternate) : own)
            yield return (Expression.Property(row, column.Name), column);
        foreach (var column in table.OwnedColumns)
            yield return (Expression.Property(Expression.Property(row, RandomContext.Owned), column.Name), column);
        foreach (var column in table.PartColumns)
            yield return (Expression.Property(Expression.Property(row, RandomContext.Part), column.Name), column);
        foreach (var column in table.DerivedColumns)
            yield return (Expression.Property(Expression.Convert(row, table.DerivedClass!), column.Name), column);
    }

    private (Expression Rows, QueryShape Shape) Include(Expression rows, Table table, bool isFiltered)
    {
        var paths = PathsFrom(table).ToArray();
        if (paths.Length == 0)
            return (rows, QueryShape.Other);
        var path = Pick(paths);
        if (isFiltered && path.IsCollection)
            return (IncludeFiltered(rows, path), QueryShape.OtherInclude);
        var (text, isDeep, last) = (path.Name, false, path);
        for (var level = 0; level < 2 && shape.Next(3) == 0; level++)
        {
            // Not back to where it came from, which EF Core does not take.
            var deeper = PathsFrom(last.To).Where(next => next.Along != last.Along || next.Name == last.Name).ToArray();
            if (deeper.Length == 0)
                break;
            last = Pick(deeper);
            (text, isDeep) = ($"{text}.{last.Name}", true);
        }

        var isPlain = !isDeep && !path.Along.ToAlternate && Array.TrueForAll(path.Along.Columns, column => column.Kind.IsExact);
        return (
            Expression.Call(
                typeof(EntityFrameworkQueryableExtensions), nameof(EntityFrameworkQueryableExtensions.Include), [table.Class],
                rows, Expression.Constant(text)),
            !isPlain ? QueryShape.OtherInclude : path.IsCollection ? QueryShape.CollectionInclude : QueryShape.ReferenceInclude);
    }

    private Expression IncludeFiltered(Expression rows, Path path)
    {
        var row = Parameter(rows);
        var child = Expression.Parameter(path.To.Class, "c");
        var filtered = Expression.Call(
            typeof(Enumerable), nameof(Enumerable.Where), [path.To.Class],
            Expression.Property(row, path.Name), Expression.Lambda(DrawCondition(child, path.To, 0), child));
        return Expression.Call(
            typeof(EntityFrameworkQueryableExtensions), nameof(EntityFrameworkQueryableExtensions.Include), [row.Type, filtered.Type],
            rows, Expression.Quote(Expression.Lambda(filtered, row)));
    }

    private static IEnumerable<Path> PathsFrom(Table table)
        => table.ForeignKeys.Select(foreignKey => new Path(foreignKey.Navigation, foreignKey.To, foreignKey, false))
            .Concat(table.References.Select(reference => new Path(reference.Inverse, reference.From, reference, !reference.IsUnique)));

    private Expression HasKey(Expression row, Table table) => HasValues(row, table.Key, DrawKey(table));

    private Expression HasKeyAmong(Expression row, Table table)
    {
        if (table.Key is not [var column])
            return HasKey(row, table);
        var keys = Array.CreateInstance(column.Type, 1 + values.Next(3));
        for (var i = 0; i < keys.Length; i++)
            keys.SetValue(DrawKey(table)[0], i);
        return Expression.Call(
            typeof(Enumerable), nameof(Enumerable.Contains), [column.Type], Operand(keys, keys.GetType()), Expression.Property(row, column.Name));
    }

    private Expression HasForeignKey(Expression row, ForeignKey foreignKey)
    {
        var key = foreignKey.PrincipalKeyAt(values.Next(Table.Rows));
        // A column of the principal that is its key is the foreign key's own column.
        return !foreignKey.ToAlternate && shape.Next(4) == 0
            ? HasValues(Expression.Property(row, foreignKey.Navigation), foreignKey.To.Key, key)
            : HasValues(row, foreignKey.Columns, key);
    }

    private Expression HasValues(Expression row, Column[] columns, object[] key)
        => columns
            .Select((column, i) => (Member: Expression.Property(row, column.Name), Value: column.Kind.Respell(key[i], values)))
            .Select(test => (Expression)Expression.Equal(test.Member, Operand(test.Value, test.Member.Type)))
            .Aggregate(Expression.AndAlso);

    /// <summary>A few of them are of no row.</summary>
    private object[] DrawKey(Table table) => table.KeyAt(values.Next(Table.Rows + 2));

    private Expression Tracked(Expression rows, Table table)
        => shape.Next(4) switch
        {
            0 => CallEf(nameof(EntityFrameworkQueryableExtensions.AsNoTracking), rows),
            1 => CallEf(nameof(EntityFrameworkQueryableExtensions.AsNoTrackingWithIdentityResolution), rows),
            2 => OrderByKey(rows, table),
            _ => rows,
        };

    private Expression Page(Expression ordered)
    {
        if (Coin())
            ordered = Call(nameof(Queryable.Skip), ordered, Operand(values.Next(3), typeof(int)));
        return Call(nameof(Queryable.Take), ordered, Operand(1 + values.Next(5), typeof(int)));
    }

    /// <summary>A total order: by any column, and then by the key.</summary>
    private Expression OrderByKey(Expression rows, Table table)
    {
        var first = table.Columns[shape.Next(table.Columns.Length)];
        var ordered = Coin() ? null : CallWith(nameof(Queryable.OrderByDescending), rows, row => Expression.Property(row, first.Name));
        foreach (var column in table.Key)
        {
            var method = ordered is null ? nameof(Queryable.OrderBy) : nameof(Queryable.ThenBy);
            ordered = CallWith(method, ordered ?? rows, row => Expression.Property(row, column.Name));
        }

        return ordered!;
    }

    private Expression Rows(Table table) => context.Rows(table.Class).Expression;

    private RandomQuery List(Expression rows, QueryShape kind) => RandomQuery.Rows(Provider, rows, kind, isOrdered: false, Coin());

    private RandomQuery Ordered(Expression rows, QueryShape kind) => RandomQuery.Rows(Provider, rows, kind, isOrdered: true, Coin());

    /// <summary>A constant now and then (another query for each), else a parameter of the query as a captured variable makes one.</summary>
    private Expression Operand(object? value, Type type)
    {
        if (_hasConstants && Coin())
            return Expression.Constant(value, type);
        var captured = Activator.CreateInstance(typeof(Captured<>).MakeGenericType(type));
        captured!.GetType().GetField(nameof(Captured<int>.Value))!.SetValue(captured, value);
        return Expression.Field(Expression.Constant(captured), nameof(Captured<int>.Value));
    }

    private Table DrawTable() => Pick(schema.Tables);

    private T Pick<T>(IEnumerable<T> items)
    {
        T[] all = [.. items];
        return all[shape.Next(all.Length)];
    }

    private bool Coin() => shape.Next(2) == 0;

    private static Expression And(Expression condition, Expression? other) => other is null ? condition : Expression.AndAlso(condition, other);

    private static Expression Where(Expression rows, Func<Expression, Expression> condition) => CallWith(nameof(Queryable.Where), rows, condition);

    private static Expression Select(Expression rows, Func<Expression, Expression> result) => CallWith(nameof(Queryable.Select), rows, result);

    private static Expression Join(
        string join, Expression outer, Expression inner, Func<Expression, Expression> outerKey, Func<Expression, Expression> innerKey)
    {
        var (left, right) = (Parameter(outer), Parameter(inner));
        var (leftKey, rightKey) = (outerKey(left), innerKey(right));
        var pair = Pair(left, right);
        return Expression.Call(
            typeof(Queryable), join, [left.Type, right.Type, leftKey.Type, pair.Type], outer, inner,
            Expression.Quote(Expression.Lambda(leftKey, left)), Expression.Quote(Expression.Lambda(rightKey, right)),
            Expression.Quote(Expression.Lambda(pair, left, right)));
    }

    private static Expression SelectMany(Expression outer, Func<Expression, Expression> inner)
    {
        var left = Parameter(outer);
        var rows = inner(left);
        var right = Parameter(rows);
        var pair = Pair(left, right);
        var selector = Expression.Lambda(
            typeof(Func<,>).MakeGenericType(left.Type, typeof(IEnumerable<>).MakeGenericType(right.Type)), rows, left);
        return Expression.Call(
            typeof(Queryable), nameof(Queryable.SelectMany), [left.Type, right.Type, pair.Type], outer,
            Expression.Quote(selector), Expression.Quote(Expression.Lambda(pair, left, right)));
    }

    private static Expression Pair(Expression left, Expression right)
    {
        var pair = typeof(Pair<,>).MakeGenericType(left.Type, right.Type);
        return Expression.MemberInit(
            Expression.New(pair), Expression.Bind(pair.GetProperty("Left")!, left), Expression.Bind(pair.GetProperty("Right")!, right));
    }

    /// <summary>Calls an operator that takes a lambda of a row, and, where it is generic in that too, its result.</summary>
    private static Expression CallWith(string method, Expression rows, Func<Expression, Expression> body)
    {
        var row = Parameter(rows);
        var lambda = Expression.Lambda(body(row), row);
        Type[] types = method is nameof(Queryable.Where) or nameof(Queryable.All) or nameof(Queryable.Sum) or nameof(Queryable.Average)
            ? [row.Type]
            : [row.Type, lambda.ReturnType];
        return Expression.Call(typeof(Queryable), method, types, rows, Expression.Quote(lambda));
    }

    private static Expression Call(string method, Expression rows, params Expression[] arguments)
        => Expression.Call(typeof(Queryable), method, [ElementOf(rows)], [rows, .. arguments]);

    private static Expression CallEf(string method, Expression rows, Type? type = null)
        => Expression.Call(type ?? typeof(EntityFrameworkQueryableExtensions), method, [ElementOf(rows)], rows);

    private static Expression AsQueryable(Expression items) => Call(nameof(Queryable.AsQueryable), items);

    private static Expression Equal(Expression left, Expression right) => Expression.Equal(left, right);

    private static Expression Nullable(Expression value)
        => value.Type.IsValueType && System.Nullable.GetUnderlyingType(value.Type) is null
            ? Expression.Convert(value, typeof(Nullable<>).MakeGenericType(value.Type))
            : value;

    private static ParameterExpression Parameter(Expression rows) => Expression.Parameter(ElementOf(rows), "e");

    private static Type ElementOf(Expression rows)
        => rows.Type.GetInterfaces().Append(rows.Type)
            .First(type => type.IsGenericType && type.GetGenericTypeDefinition() == typeof(IEnumerable<>))
            .GetGenericArguments()[0];

    private sealed record Path(string Name, Table To, ForeignKey Along, bool IsCollection);

    private sealed class Captured<T>
    {
        public T Value = default!;
    }
}
