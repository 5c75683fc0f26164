using EfSecondLevelCache.Catalog;
using EfSecondLevelCache.Planning.Predicates;
using EfSecondLevelCache.Results;
using EfSecondLevelCache.Sql;
using EfSecondLevelCache.Values;
using EfSecondLevelCache.Versions;

namespace EfSecondLevelCache.Planning;

/// <summary>
/// What the results of a plan depend on in one database, as one kind of session sees it: made once for each pair, then only read. Where the
/// catalog is not known, they depend on every change of the database.
/// </summary>
internal sealed class PlanDependencies
{
    private readonly QueryPlan _plan;
    private readonly DatabaseSlots _database;

    /// <summary>A plan that is not executed any more does not hold on to a catalog.</summary>
    private readonly WeakReference<CatalogView>? _view;

    private readonly HashSet<int> _always;
    private readonly List<KeyRead> _keys = [];
    private readonly List<ResultRead> _fromResult = [];
    private readonly List<TableRead> _described = [];
    private readonly List<string> _notes = [];
    private readonly bool _isVarying;
    private readonly bool _tellsRows;
    private readonly HashSet<Relation> _relations = [];
    private bool _hasUnknownTables;

    /// <param name="plan">The plan.</param>
    /// <param name="stated">The tables that DependsOn names.</param>
    /// <param name="tags">The slots of its tags.</param>
    /// <param name="needsTable">It is cached only if it reads a table.</param>
    /// <param name="isVarying">The key varies by something of the application's.</param>
    /// <param name="database">Where the results are read.</param>
    /// <param name="slots">Its version slots.</param>
    public PlanDependencies(
        QueryPlan plan,
        IReadOnlyList<TableName> stated,
        IEnumerable<int> tags,
        bool needsTable,
        bool isVarying,
        KnownDatabase database,
        DatabaseSlots slots)
    {
        (_plan, _database, _isVarying) = (plan, slots, isVarying);
        var known = database.View;
        _view = known is null ? null : new WeakReference<CatalogView>(known);
        _always = [VersionSlots.Everything, slots.UnknownTables, .. tags];
        if (known is not { } view)
        {
            _always.Add(slots.AnyTable);
            _described = [.. plan.Reads.Select(read => read with { Equalities = Chosen(read, read.Equalities) })];
            _notes = [.. stated.Select(table => table.ToString()), .. database.Fault is null ? (string[])[] : ["any table"]];
            Refusal = RefusalOfFunctions(view: null);
            _hasUnknownTables = true;
            return;
        }

        _tellsRows = plan.ComparedColumns.All(view.ComparesAsAssumed);
        foreach (var table in stated)
        {
            if (view.Resolve(table) is { } relation)
                AddRelation(table, relation, view);
            else
                AddUnknown(table);
        }

        foreach (var read in plan.Reads)
            Add(read, view);
        foreach (var name in plan.RawNames)
            AddRaw(name, view);
        Refusal ??= RefusalOfFunctions(view) ?? (needsTable && !_hasUnknownTables && _relations.Count == 0 ? Refusals.ReadsNoTable : null);
    }

    /// <summary>Why the database rules caching out; null: it does not.</summary>
    public QueryCacheRefusal? Refusal { get; private set; }

    /// <summary>The tables that the results are read from; null: not all of them are known.</summary>
    public IReadOnlyCollection<Relation>? Relations => _hasUnknownTables ? null : _relations;

    /// <summary>The dependencies in words, with the names of parameters.</summary>
    public IReadOnlyList<string> Description => field ??= Describe(parameterValues: null);

    private bool AreStated => _plan.Policy?.DependsOn.Count > 0;

    /// <summary>Whether this is what was made of the catalog as it is known now.</summary>
    public bool IsMadeOf(CatalogView? view)
        => view is null ? _view is null : _view?.TryGetTarget(out var known) == true && ReferenceEquals(known, view);

    /// <summary>The version slots that the result for these parameter values depends on.</summary>
    public int[] SlotsFor(IReadOnlyDictionary<string, object?>? parameterValues)
    {
        if (_keys.Count == 0)
            return [.. _always];
        var slots = new HashSet<int>(_always);
        foreach (var key in _keys)
            key.AddTo(slots, parameterValues);
        return [.. slots];
    }

    /// <summary>The slots with what the values of the result add.</summary>
    /// <param name="slots">What <see cref="SlotsFor(IReadOnlyDictionary{string, object?}?)"/> returned.</param>
    /// <param name="result">The result.</param>
    public int[] SlotsFor(int[] slots, CachedResult result)
    {
        if (_fromResult.Count == 0)
            return slots;
        var all = new HashSet<int>(slots);
        foreach (var read in _fromResult)
            read.AddTo(all, result);
        return [.. all];
    }

    /// <summary>The dependencies in words, for people: <c>posts[blog_id = 5]</c>.</summary>
    /// <param name="parameterValues">Null: the names of the parameters are shown.</param>
    public IReadOnlyList<string> Describe(IReadOnlyDictionary<string, object?>? parameterValues)
        => [.. _described.Select(read => read.Describe(parameterValues)).Concat(_notes).Distinct().Order(StringComparer.Ordinal)];

    private void Add(TableRead read, CatalogView view)
    {
        if (view.Resolve(read.Table) is not { } relation)
        {
            // It is younger than what is known of the database, or the query fails.
            _always.Add(_database.AnyTable);
            _notes.Add("any table");
            _hasUnknownTables = true;
        }
        else if (IsTable(relation) && read.KeyColumns.Count == 0 && FromResult(read, relation, view) is { } fromResult)
        {
            _fromResult.Add(fromResult);
            AddRows(read with { Equalities = [] }, relation, view);
        }
        else if (IsTable(relation) && KeyOf(read, relation) is { } key)
        {
            _keys.Add(key);
            AddRows(key.Read, relation, view);
        }
        else
        {
            AddRelation(read.Table, relation, view);
        }
    }

    /// <summary>A name in raw SQL that may be a relation, or a column, or anything else.</summary>
    private void AddRaw(TableName name, CatalogView view)
    {
        if (view.Resolve(name) is { } relation)
            AddRelation(name, relation, view);
        // t.f may stand for f(t).
        if (view.FunctionNamed(name with { Schema = null }) is { TakesRow: true, IsImmutable: false } && !AreStated)
            Refusal ??= Refusals.UnknownFunction(name.Name);
    }

    /// <summary>The whole of a table, or of what is behind a view.</summary>
    private void AddRelation(TableName name, Relation relation, CatalogView view)
    {
        var reads = view.ReadsOf(relation);
        Check(reads);
        if (!IsTable(relation))
            AddWhole(relation.Name, name.ToString());
        foreach (var behind in reads.Relations)
            AddWhole(behind.Name, behind.Equals(relation) ? name.ToString() : $"{behind} (behind {name})");
    }

    private void AddRows(TableRead read, Relation relation, CatalogView view)
    {
        var reads = view.ReadsOf(relation);
        Check(reads);
        _described.Add(read);
        foreach (var consulted in reads.Relations.Where(consulted => !consulted.Equals(relation)))
            AddWhole(consulted.Name, $"{consulted} (by policies of {read.Table})");
    }

    private void AddUnknown(TableName stated)
    {
        AddWhole(stated, stated.ToString());
        _hasUnknownTables = true;
    }

    private void AddWhole(TableName table, string note)
    {
        _always.Add(_database.Of(table).AnyRow);
        _notes.Add(note);
    }

    private static bool IsTable(Relation relation) => relation.Kind is RelationKind.Table or RelationKind.PartitionedTable;

    private void Check(RelationReads reads)
    {
        _relations.UnionWith(reads.Relations);
        if (reads.Relations.FirstOrDefault(relation => relation.Kind is RelationKind.System) is { } system)
            Refusal ??= Refusals.SystemTable(system.Name);
        if (reads.Relations.FirstOrDefault(relation => relation.Kind is RelationKind.Temporary) is { } temporary)
            Refusal ??= Refusals.TemporaryTable(temporary.Name);
        if (reads.RowSecurity.Count > 0 && !_isVarying)
            Refusal ??= Refusals.RowSecurity(reads.RowSecurity[0].ToString());
        if (AreStated)
            return;
        if (reads.Relations.FirstOrDefault(
            relation => relation.Kind is RelationKind.ForeignTable or RelationKind.MaterializedView or RelationKind.Sequence) is { } silent)
        {
            Refusal ??= Refusals.UntoldChanges(silent.Name);
        }

        if (reads.Impurities.Count > 0)
            Refusal ??= Refusals.OpaqueView(reads.Impurities[0]);
    }

    private QueryCacheRefusal? RefusalOfFunctions(CatalogView? view)
    {
        if (AreStated)
            return null;
        foreach (var function in _plan.Functions)
        {
            var name = new TableName(function.Schema, function.Name);
            // An overload of the user's may be what a name of PostgreSQL's own stands for: which one is called the types tell, not the name.
            if (view?.FunctionNamed(name) is { } users ? !users.IsImmutable : function.Volatility is not FunctionVolatility.Pure)
                return Refusals.UnknownFunction(name.ToString());
        }

        return null;
    }

    /// <summary>The columns by which the rows of a table are told that the query reads; null: by none.</summary>
    private KeyRead? KeyOf(TableRead read, Relation relation)
    {
        var chosen = Chosen(read, _tellsRows ? read.Equalities : []);
        if (chosen.Count == 0)
            return null;
        var table = _database.Of(relation.Name);
        return table.KeyOf([.. chosen.Select(equality => new KeyColumn(equality.Column, equality.Family))]) is { } slots
            ? new KeyRead(table, slots, read with { Equalities = chosen })
            : null;
    }

    private ResultRead? FromResult(TableRead read, Relation relation, CatalogView view)
    {
        if (!_tellsRows || read.FromResult is not { } key || !key.Enforced.All(reference => IsEnforced(reference, view)))
            return null;
        var table = _database.Of(relation.Name);
        return table.KeyOf([.. key.Columns.Select(column => new KeyColumn(column.Column, column.Family))]) is { } slots
            ? new ResultRead(table, slots, key)
            : null;
    }

    /// <summary>A foreign key sees to it that every row that refers finds its row.</summary>
    private static bool IsEnforced(Reference reference, CatalogView view)
        => view.Resolve(reference.Table) is { } table
            && view.Resolve(reference.Principal) is { } principal
            // Children do not inherit foreign keys, partitions do.
            && (table.Kind is RelationKind.PartitionedTable || !view.Catalog.ChildrenOf(table).Any())
            && view.Catalog.ForeignKeysOf(table).Any(foreignKey =>
                foreignKey.IsValidated
                && foreignKey.Principal.Equals(principal)
                && foreignKey.Columns.Zip(foreignKey.PrincipalColumns).ToHashSet()
                    .SetEquals(reference.Columns.Zip(reference.PrincipalColumns)));

    /// <summary>Columns of keys change seldom; of others one is enough, as a row is known by the values of few of its columns when it changes.</summary>
    private static ValueList<ColumnEquality> Chosen(TableRead read, IEnumerable<ColumnEquality> usable)
    {
        ColumnEquality[] all = [.. usable];
        ColumnEquality[] keys = [.. all.Where(equality => read.KeyColumns.Contains(equality.Column))];
        return keys.Length > 0 || all.Length == 0 ? [.. keys] : [all.MinBy(equality => equality.Values.Count)!];
    }

    /// <summary>The rows of a table whose columns have certain values.</summary>
    private sealed class KeyRead(TableSlots table, KeySlots key, TableRead read)
    {
        public TableRead Read => read;

        public void AddTo(HashSet<int> slots, IReadOnlyDictionary<string, object?>? parameterValues)
        {
            var values = new List<ulong>[read.Equalities.Count];
            var combinations = 1;
            for (var i = 0; i < values.Length; i++)
            {
                values[i] = [];
                if (!read.Equalities[i].TryEvaluate(parameterValues, values[i])
                    || (combinations *= values[i].Count) > ComparisonValue.MostValues)
                {
                    slots.Add(table.AnyRow);
                    return;
                }
            }

            slots.Add(table.UnknownRows);
            slots.Add(key.UnknownValues);
            Span<ulong> combination = stackalloc ulong[values.Length];
            for (var c = 0; c < combinations; c++)
            {
                var rest = c;
                for (var i = 0; i < values.Length; i++)
                {
                    (rest, var index) = Math.DivRem(rest, values[i].Count);
                    combination[i] = values[i][index];
                }

                slots.Add(key.Of(combination));
            }
        }
    }

    /// <summary>The rows of a table whose column has one of the values in the result.</summary>
    private sealed class ResultRead(TableSlots table, KeySlots key, ResultKey read)
    {
        public void AddTo(HashSet<int> slots, CachedResult result)
        {
            var values = new HashSet<int>();
            Span<ulong> row = stackalloc ulong[read.Columns.Count];
            using var reader = new CachedDataReader();
            reader.Reset(result);
            while (reader.Read())
            {
                if (!TryHash(reader, row) || (values.Add(key.Of(row)) && values.Count > ComparisonValue.MostValues))
                {
                    slots.Add(table.AnyRow);
                    return;
                }
            }

            slots.Add(table.UnknownRows);
            slots.Add(key.UnknownValues);
            slots.UnionWith(values);
        }

        private bool TryHash(CachedDataReader reader, Span<ulong> row)
        {
            for (var i = 0; i < row.Length; i++)
            {
                var column = read.Columns[i];
                if (!ComparisonHash.TryHash(column.Family, reader.GetValue(column.Ordinal), out row[i]))
                    return false;
            }

            return true;
        }
    }
}
