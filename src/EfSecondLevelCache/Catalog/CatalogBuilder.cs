using System.Data.Common;
using System.Globalization;
using EfSecondLevelCache.Sql;
using EfSecondLevelCache.Values;
using Microsoft.EntityFrameworkCore.Migrations;

namespace EfSecondLevelCache.Catalog;

/// <summary>Makes a catalog of the rows of <see cref="CatalogQueries"/>. A row that refers to what is not listed is passed over.</summary>
internal sealed class CatalogBuilder
{
    private readonly CatalogContent _content = new();
    private readonly Dictionary<uint, (string Schema, string Name, char Kind, uint BaseType, bool HasModifier)> _types = [];
    private readonly Dictionary<uint, ColumnType> _columnTypes = [];
    private readonly HashSet<uint> _nondeterministic = [];

    // Many tables have a column "Id" of type int4 in the first place; each partition has those of its root.
    private readonly Dictionary<Column, Column> _sharedColumns = [];

    private readonly Dictionary<uint, HookFunction> _hookFunctions = [];
    private readonly Dictionary<(uint Relation, uint Policy), (List<Relation> Relations, List<string> Impurities)> _definitions = [];
    private readonly HashSet<string> _impureFunctions = [];

    /// <summary>The user's functions, with the languages and texts of those that are VOLATILE.</summary>
    private readonly List<(UserFunction Function, string[] Languages, string[] Texts)> _functions = [];

    /// <summary>The statements in their order, each with what takes a row of its result.</summary>
    public IReadOnlyList<(string Sql, Action<DbDataReader> Add)> Parts { get; }

    public CatalogBuilder() => Parts =
    [
        (CatalogQueries.Fingerprint, row => _content.Fingerprint = ReadFingerprint(row)),
        (CatalogQueries.Relations, AddRelation),
        (CatalogQueries.Types, AddType),
        (CatalogQueries.NondeterministicCollations, row => _nondeterministic.Add(row.GetFieldValue<uint>(0))),
        (CatalogQueries.Columns, AddColumn),
        (CatalogQueries.Inheritance, AddInheritance),
        (CatalogQueries.PartitionKeys, AddPartitionKey),
        (CatalogQueries.ForeignKeys, AddForeignKey),
        (CatalogQueries.Functions, AddFunction),
        (CatalogQueries.HookFunctions, AddHookFunction),
        (CatalogQueries.Triggers, AddTrigger),
        (CatalogQueries.ExpressionFunctions, AddExpressionFunction),
        (CatalogQueries.Rules, AddRule),
        (CatalogQueries.Definitions, AddReference),
        (CatalogQueries.Policies, AddPolicy),
        (CatalogQueries.ViewOwners, row => _content.ViewOwners.Add(row.GetFieldValue<uint>(0), ReadRights(row, 1))),
    ];

    public static CatalogFingerprint ReadFingerprint(DbDataReader row) => new(row.GetString(0), ReadTimeline(row, 1));

    /// <summary>0: the server is a standby.</summary>
    public static uint ReadTimeline(DbDataReader row, int ordinal)
        => row.IsDBNull(ordinal) ? 0 : uint.Parse(row.GetString(ordinal), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);

    public static CatalogSession ReadSession(DbDataReader row)
        => new(row.GetString(0), ReadRights(row, 1), [.. row.GetFieldValue<string[]>(3)], [.. row.GetFieldValue<uint[]>(4)]);

    public DatabaseCatalog Build()
    {
        foreach (var ((id, policy), (relations, impurities)) in _definitions)
        {
            if (policy == 0 && _content.Relations.TryGetValue(id, out var view))
                _content.Definitions.Add(view, new Definition(relations, impurities));
        }

        // What one may do depends on all that it could call.
        foreach (var (function, languages, texts) in _functions)
        {
            var mayWrite = languages.Zip(texts).Any(
                volatileOne => HookFunction.Of(function.Name, isHarmless: false, volatileOne.First, volatileOne.Second, _impureFunctions).MayWriteInExpression);
            _content.Functions.Add(function with { MayWrite = mayWrite });
        }

        return new DatabaseCatalog(_content);
    }

    private static RoleRights ReadRights(DbDataReader row, int ordinal)
        => new(row.GetBoolean(ordinal), [.. row.GetFieldValue<uint[]>(ordinal + 1)]);

    private void AddRelation(DbDataReader row)
    {
        var isTemporary = row.GetBoolean(4);
        var isSystem = row.GetBoolean(5);
        var kind = row.GetChar(3) switch
        {
            _ when isTemporary => RelationKind.Temporary,
            _ when isSystem => RelationKind.System,
            'p' => RelationKind.PartitionedTable,
            'v' => RelationKind.View,
            'm' => RelationKind.MaterializedView,
            'f' => RelationKind.ForeignTable,
            'S' => RelationKind.Sequence,
            _ => RelationKind.Table,
        };
        var id = row.GetFieldValue<uint>(0);
        _content.Relations.Add(id, new Relation(id, new TableName(row.GetString(1), row.GetString(2)), kind, row.GetFieldValue<uint>(6))
        {
            RowSecurity = !row.GetBoolean(7) ? RowSecurityMode.Disabled
                : row.GetBoolean(8) ? RowSecurityMode.Forced
                : RowSecurityMode.Enabled,
            IsSecurityInvoker = row.GetBoolean(9),
        });
    }

    private void AddType(DbDataReader row)
        => _types.Add(
            row.GetFieldValue<uint>(0),
            (row.GetString(1), row.GetString(2), row.GetChar(3), row.GetFieldValue<uint>(4), row.GetBoolean(5)));

    private void AddColumn(DbDataReader row)
    {
        if (RelationAt(row, 0) is not { } table)
            return;
        var type = TypeOf(row.GetFieldValue<uint>(3));
        var column = new Column(
            row.GetString(1),
            row.GetInt16(2),
            type,
            !_nondeterministic.Contains(row.GetFieldValue<uint>(4)),
            row.GetChar(5) switch
            {
                'g' => ColumnDefault.Generated,
                'i' => ColumnDefault.Identity,
                'd' => ColumnDefault.Expression,
                _ => ColumnDefault.Null,
            },
            row.GetBoolean(6) || type.HasModifier);
        if (!_sharedColumns.TryGetValue(column, out var shared))
            _sharedColumns.Add(column, shared = column);
        if (!_content.Columns.TryGetValue(table, out var columns))
            _content.Columns.Add(table, columns = []);
        columns.Add(shared);
    }

    private ColumnType TypeOf(uint id)
    {
        if (_columnTypes.TryGetValue(id, out var known))
            return known;
        var type = !_types.TryGetValue(id, out var listed) ? ColumnType.Unlisted
            : listed.Kind == 'd' ? Over(TypeOf(listed.BaseType), listed.HasModifier)
            : new ColumnType(listed.Schema, listed.Name, listed.Kind switch
            {
                'e' => ColumnTypeKind.Enum,
                'r' or 'm' => ColumnTypeKind.Range,
                _ => ColumnTypeKind.Base,
            });
        _columnTypes.Add(id, type);
        return type;

        static ColumnType Over(ColumnType based, bool hasModifier) => hasModifier ? based with { HasModifier = true } : based;
    }

    private void AddInheritance(DbDataReader row)
    {
        if (RelationAt(row, 0) is { } child && RelationAt(row, 1) is { } parent)
            _content.Inheritance.Add((child, parent));
    }

    private void AddPartitionKey(DbDataReader row)
    {
        var numbers = row.GetFieldValue<short[]>(1);
        if (RelationAt(row, 0) is { } table && !numbers.Contains((short)0))
            _content.PartitionKeys.Add(table, ColumnSet.Of(ColumnNames(table, numbers)));
    }

    private void AddForeignKey(DbDataReader row)
    {
        if (RelationAt(row, 1) is not { } table || RelationAt(row, 3) is not { } principal)
            return;
        _content.ForeignKeys.Add(new ForeignKey(
            row.GetString(0),
            table,
            ColumnNames(table, row.GetFieldValue<short[]>(2)),
            principal,
            ColumnNames(principal, row.GetFieldValue<short[]>(4)),
            ActionOf(row.GetChar(5)),
            ActionOf(row.GetChar(6)),
            row.GetBoolean(7)));
    }

    private static ReferentialAction ActionOf(char action) => action switch
    {
        'r' => ReferentialAction.Restrict,
        'c' => ReferentialAction.Cascade,
        'n' => ReferentialAction.SetNull,
        'd' => ReferentialAction.SetDefault,
        _ => ReferentialAction.NoAction,
    };

    private void AddFunction(DbDataReader row)
    {
        var volatility = (DeclaredVolatility)(row.GetInt32(2) - 1);
        _functions.Add((
            new UserFunction(row.GetString(0), row.GetString(1), volatility, row.GetFieldValue<string[]>(3), row.GetBoolean(4), MayWrite: false),
            row.GetFieldValue<string[]>(5),
            row.GetFieldValue<string[]>(6)));
        if (volatility != DeclaredVolatility.Immutable)
            _impureFunctions.Add(row.GetString(1));
    }

    private void AddHookFunction(DbDataReader row)
        => _hookFunctions.Add(row.GetFieldValue<uint>(0), HookFunction.Of(
            $"{row.GetString(1)}.{row.GetString(2)}",
            isHarmless: row.GetBoolean(3),
            language: row.GetString(4),
            text: row.GetString(5),
            _impureFunctions));

    private void AddTrigger(DbDataReader row)
    {
        if (RelationAt(row, 0) is not { } table || !_hookFunctions.TryGetValue(row.GetFieldValue<uint>(2), out var function))
            return;

        // The bits of tgtype, from PostgreSQL's trigger.h.
        const int Row = 1, Before = 2, Insert = 4, Delete = 8, Update = 16, Truncate = 32;
        var type = row.GetInt16(3);
        var operations = ((type & Insert) != 0 ? WriteOperations.Insert : 0)
            | ((type & Delete) != 0 ? WriteOperations.Delete : 0)
            | ((type & Update) != 0 ? WriteOperations.Update : 0)
            | ((type & Truncate) != 0 ? WriteOperations.Truncate : 0);
        var columns = row.GetFieldValue<short[]>(4);
        var assigns = (type & (Row | Before)) == (Row | Before) && (operations & (WriteOperations.Insert | WriteOperations.Update)) != 0;
        _content.Hooks.Add(new WriteHook(
            table,
            $"the trigger {row.GetString(1)} of {table}, which calls {function.Name}()",
            function.Name,
            operations,
            columns.Length == 0 ? ColumnSet.All : ColumnSet.Of(ColumnNames(table, columns)),
            assigns ? function.Assigns : ColumnSet.None,
            function.MayWrite));
    }

    private void AddExpressionFunction(DbDataReader row)
    {
        if (RelationAt(row, 0) is { } table && _hookFunctions.TryGetValue(row.GetFieldValue<uint>(1), out var function)
            && function.MayWriteInExpression)
        {
            _content.Hooks.Add(new WriteHook(
                table,
                $"a default or check of {table}, which calls {function.Name}()",
                function.Name,
                WriteOperations.Insert | WriteOperations.Update,
                ColumnSet.All,
                ColumnSet.None,
                MayWrite: true));
        }
    }

    private void AddRule(DbDataReader row)
    {
        if (RelationAt(row, 0) is not { } relation)
            return;
        var operation = row.GetChar(2) switch
        {
            '2' => WriteOperations.Update,
            '3' => WriteOperations.Insert,
            _ => WriteOperations.Delete,
        };
        _content.Hooks.Add(new WriteHook(
            relation,
            $"the rule {row.GetString(1)} of {relation}",
            Function: null,
            operation,
            ColumnSet.All,
            ColumnSet.All,
            MayWrite: true));
    }

    private void AddReference(DbDataReader row)
    {
        var key = (row.GetFieldValue<uint>(0), row.GetFieldValue<uint>(1));
        if (!_definitions.TryGetValue(key, out var definition))
            _definitions.Add(key, definition = ([], []));
        switch (row.GetString(2))
        {
            case "r" when RelationAt(row, 3) is { } relation:
                definition.Relations.Add(relation);
                break;
            case "r":
                definition.Impurities.Add("reads a relation that is not listed");
                break;
            // Of PostgreSQL's own that are not IMMUTABLE, many depend on nothing but settings that are part of every key.
            case "f" when BuiltInFunctions.VolatilityOf(row.GetString(4), row.GetString(5), row.GetInt16(6)) != FunctionVolatility.Pure:
                definition.Impurities.Add($"calls {row.GetString(5)}()");
                break;
            case "u":
                definition.Impurities.Add($"calls {row.GetString(4)}.{row.GetString(5)}()");
                break;
            case "x":
                definition.Impurities.Add($"has {row.GetString(5)}");
                break;
        }
    }

    private void AddPolicy(DbDataReader row)
    {
        if (RelationAt(row, 1) is not { } table)
            return;
        var (relations, impurities) = _definitions.GetValueOrDefault((table.Id, row.GetFieldValue<uint>(0)), ([], []));
        _content.Policies.Add((table, new RowPolicy(
            row.GetString(2), row.IsDBNull(3) ? null : row.GetString(3), new Definition(relations, impurities))));
    }

    private Relation? RelationAt(DbDataReader row, int ordinal) => _content.Relations.GetValueOrDefault(row.GetFieldValue<uint>(ordinal));

    private string[] ColumnNames(Relation table, short[] numbers)
    {
        var columns = _content.Columns.GetValueOrDefault(table, []);
        return [.. numbers.Select(number => columns.Find(column => column.Number == number)?.Name ?? $"#{number}")];
    }
}
