using System.Linq.Expressions;
using EfSecondLevelCache.Planning.Predicates;
using EfSecondLevelCache.Provider;
using EfSecondLevelCache.Results.Types;
using EfSecondLevelCache.Sql;
using EfSecondLevelCache.Values;
using Microsoft.EntityFrameworkCore.Metadata;
using Microsoft.EntityFrameworkCore.Query.SqlExpressions;
using Microsoft.EntityFrameworkCore.Storage;
using Npgsql.EntityFrameworkCore.PostgreSQL.Query.Expressions.Internal;

namespace EfSecondLevelCache.Planning;

/// <summary>Reads off the final expression of a query what its SQL reads and writes, and whether it may be cached.</summary>
internal sealed class QueryPlanner : ExpressionVisitor
{
    private readonly HashSet<TableName> _rawNames = [];
    private readonly HashSet<RawSqlFunction> _functions = [];
    private readonly HashSet<TableName> _writes = [];
    private readonly Dictionary<string, RelationalTypeMapping?> _parameters = [];
    private readonly bool _dependenciesAreStated;
    private WriteOperations _writeOperations;
    private TableRead? _writtenRows;
    private ColumnSet _writtenColumns = ColumnSet.All;
    private IReadOnlyCollection<ComparedColumn> _comparedColumns = [];
    private bool _writesUnknownTables;
    private bool _changesSession;
    private QueryCacheRefusal? _refusal;
    private TypeCopies _copies = TypeCopies.None;

    /// <param name="dependenciesAreStated">The query says DependsOn: what can't be looked into is then the user's word.</param>
    private QueryPlanner(bool dependenciesAreStated) => _dependenciesAreStated = dependenciesAreStated;

    public static QueryPlan Plan(
        Expression queryExpression,
        string commandText,
        IReadOnlyList<IRelationalParameter> parameters,
        TaggedPolicy? tagged,
        QueryCacheRefusal? refusal = null)
    {
        var planner = new QueryPlanner(tagged?.Policy.DependsOn.Count > 0) { _refusal = refusal };
        var columns = PlannedColumns.None;
        IReadOnlyList<TableRead> reads = [];
        try
        {
            planner.Visit(queryExpression);
            if (queryExpression is SelectExpression select)
                (columns, reads) = (planner.ColumnsOf(select), PredicateAnalyzer.Analyze(select, out planner._comparedColumns));
            else
                planner.Refuse(Refusals.Writes("it is an ExecuteUpdate or ExecuteDelete"));
        }
        catch (Exception fault)
        {
            // An expression that can't be analyzed is a query that is not cached, never one that fails.
            planner._refusal = Refusals.Fault(fault);
        }

        return new QueryPlan
        {
            CommandText = commandText,
            ContentHash = ContentHash.Of(commandText),
            Policy = tagged?.Policy,
            VaryByParameter = tagged?.VaryByParameter,
            NotOlderThanParameter = tagged?.NotOlderThanParameter,
            Reads = reads,
            ComparedColumns = planner._comparedColumns,
            RawNames = [.. planner._rawNames],
            Functions = [.. planner._functions],
            CallsUserFunctions = planner._functions.Any(function => function.Volatility is FunctionVolatility.Unknown),
            Writes = [.. planner._writes],
            WritesUnknownTables = planner._writesUnknownTables,
            WriteOperations = planner._writeOperations,
            WrittenRows = planner._writtenRows,
            WrittenColumns = planner._writtenColumns,
            ChangesSession = planner._changesSession,
            Columns = columns,
            Parameters = planner.ParametersOf(parameters),
            Refusal = planner._refusal,
        };
    }

    protected override Expression VisitExtension(Expression node)
    {
        switch (node)
        {
            case SqlParameterExpression parameter:
                AddParameter(parameter);
                return node;
            case TableExpression table:
                AddTable(table.Table);
                return node;
            case FromSqlExpression raw:
                AddRawSql(raw.Sql);
                return node;
            case SqlFragmentExpression fragment:
                AddFragment(fragment.Sql);
                return node;
            case SqlFunctionExpression function:
                AddFunction(RawSqlFunction.Of(function));
                break;
            case TableValuedFunctionExpression function:
                AddFunction(RawSqlFunction.Of(function));
                break;
            case PgDeleteExpression delete:
                // Its own VisitChildren passes over its tables.
                AddWrite(delete.Table, WriteOperations.Delete);
                foreach (var item in delete.FromItems)
                    Visit(item);
                if (delete.FromItems.Count == 0)
                    _writtenRows = PredicateAnalyzer.RowsWrittenIn(delete.Table, delete.Predicate, out _comparedColumns);
                break;
            case DeleteExpression delete:
                AddWrite(delete.Table, WriteOperations.Delete);
                break;
            case UpdateExpression update:
                AddWrite(update.Table, WriteOperations.Update);
                _writtenColumns = ColumnSet.Of(update.ColumnValueSetters.Select(setter => setter.Column.Name));
                if (update.SelectExpression is { Tables: [TableExpression], Limit: null, Offset: null } select)
                    _writtenRows = PredicateAnalyzer.RowsWrittenIn(update.Table, select.Predicate, out _comparedColumns);
                break;
            case SelectExpression or JoinExpressionBase or SetOperationBase or ValuesExpression:
                break;
            case TableExpressionBase unknown:
                Refuse(Refusals.UnknownTableKind(unknown.GetType()));
                break;
        }

        return base.VisitExtension(node);
    }

    private PlannedColumns ColumnsOf(SelectExpression select)
    {
        var names = new string[select.Projection.Count];
        var types = new Type[select.Projection.Count];
        var mapped = new List<(RelationalTypeMapping, ColumnExpression?)>();
        for (var i = 0; i < names.Length; i++)
        {
            var projection = select.Projection[i];
            names[i] = projection.Alias;
            if (projection.Expression.TypeMapping is not { } mapping)
            {
                Refuse(Refusals.ColumnType(projection.Alias, projection.Expression.Type));
                return PlannedColumns.None;
            }

            types[i] = mapping.GetDataReaderMethod().ReturnType;
            mapped.Add((mapping, projection.Expression as ColumnExpression));
        }

        return new PlannedColumns(names, types, _copies = TypeCopies.Of(mapped));
    }

    private void AddParameter(SqlParameterExpression parameter)
    {
        // The same value can be sent twice with different mappings; then the mapping of a name is not known from here.
        if (!_parameters.TryAdd(parameter.InvariantName, parameter.TypeMapping)
            && !ReferenceEquals(_parameters[parameter.InvariantName], parameter.TypeMapping))
        {
            var first = _parameters[parameter.InvariantName];
            if (first is null || parameter.TypeMapping is null || !first.Equals(parameter.TypeMapping))
                _parameters[parameter.InvariantName] = null;
        }
    }

    private PlannedParameters ParametersOf(IReadOnlyList<IRelationalParameter> parameters)
    {
        if (parameters.Count == 0)
            return PlannedParameters.None;

        var mappings = _parameters.Values.OfType<RelationalTypeMapping>().Concat(parameters.SelectMany(ProviderInternals.MappingsOf));
        var copies = _copies.And(TypeCopies.Of(mappings.Select(mapping => (mapping, (ColumnExpression?)null))));
        var mapped = new PlannedParameter[parameters.Count];
        for (var i = 0; i < mapped.Length; i++)
        {
            var name = parameters[i].InvariantName;
            if (!_parameters.TryGetValue(name, out var mapping) || mapping is null)
                return new PlannedParameters(parameters, mapped: null, copies);
            mapped[i] = PlannedParameter.Of(name, mapping);
        }

        return new PlannedParameters(parameters, mapped, copies);
    }

    private void AddTable(ITableBase table)
    {
        var name = new TableName(table.Schema, table.Name);
        if (SystemTables.Contains(name))
            Refuse(Refusals.SystemTable(name));
    }

    private void AddWrite(TableExpression table, WriteOperations operation)
    {
        _writes.Add(new TableName(table.Schema, table.Name));
        _writeOperations |= operation;
    }

    private void AddFunction(RawSqlFunction function)
    {
        _changesSession |= function.Name == "set_config";
        if (function.Volatility is FunctionVolatility.Moving)
            Refuse(Refusals.MovingFunction(new TableName(function.Schema, function.Name).ToString()));
        else
            _functions.Add(function);
    }

    private void AddRawSql(string sql)
    {
        var analysis = RawSqlAnalysis.Of(sql);
        _rawNames.UnionWith(analysis.Relations);
        _functions.UnionWith(analysis.Functions.Where(function => function.Volatility is not FunctionVolatility.Moving));
        _changesSession |= analysis.ChangesSession;
        // A query that calls a function of the user's is not taken for a write here: what that does the catalog tells.
        if (analysis.Has(RawSqlEffects.Writes))
        {
            _writeOperations = WriteOperations.Any;
            _writesUnknownTables |= analysis.WritesEverything;
            _writes.UnionWith(analysis.WrittenTables);
        }

        // Not knowing what it reads is no reason where the user states it; of functions the catalog may know.
        if (RawSqlRefusal.Of(analysis) is { Reason: not RefusalReason.UnknownFunction } refusal
            && !(_dependenciesAreStated && refusal.Reason is RefusalReason.UnreadableSql))
        {
            Refuse(refusal);
        }
    }

    /// <summary>SQL that EF Core's translators put in as it is: a keyword, a constant, a function without parentheses.</summary>
    private void AddFragment(string sql)
    {
        foreach (var function in RawSqlAnalysis.Of($"SELECT {sql}").Functions)
            AddFunction(function);
    }

    /// <summary>The first reason is the one that is told.</summary>
    private void Refuse(QueryCacheRefusal refusal) => _refusal ??= refusal;
}
