using EfSecondLevelCache.Values;

namespace EfSecondLevelCache.Catalog;

/// <summary>
/// What PostgreSQL's catalog said of a database at one moment, as far as a cache needs it. Immutable. It errs to one side only: what it
/// does not know of is not resolved, a view that it can't see through is told, and a write reaches rather too much.
/// </summary>
/// <remarks>
/// It does not follow what a function declared IMMUTABLE or STABLE does against that promise, nor the functions behind operators and
/// casts of the user's outside of views, nor functions in the CHECK and the default of a domain.
/// </remarks>
internal sealed class DatabaseCatalog
{
    private static readonly Definition Empty = new([], []);

    private readonly Dictionary<string, Relation[]> _relations;
    private readonly ILookup<string, UserFunction> _functions;
    private readonly IReadOnlyDictionary<Relation, List<Column>> _columns;
    private readonly Dictionary<Relation, ColumnSet> _generated;
    private readonly IReadOnlyDictionary<Relation, ColumnSet> _partitionKeys;
    private readonly IReadOnlyDictionary<Relation, Definition> _definitions;
    private readonly IReadOnlyDictionary<uint, RoleRights> _viewOwners;
    private readonly ILookup<Relation, RowPolicy> _policies;
    private readonly ILookup<Relation, Relation> _children;
    private readonly ILookup<Relation, Relation> _parents;
    private readonly ILookup<Relation, ForeignKey> _foreignKeysOf;
    private readonly ILookup<Relation, ForeignKey> _foreignKeysTo;
    private readonly ILookup<Relation, WriteHook> _hooks;

    public DatabaseCatalog(CatalogContent content)
    {
        Fingerprint = content.Fingerprint;
        _relations = content.Relations.Values
            .GroupBy(relation => relation.Name.Name)
            .ToDictionary(named => named.Key, named => named.ToArray());
        _functions = content.Functions.ToLookup(function => function.Name);
        _columns = content.Columns;
        _generated = content.Columns
            .Where(table => table.Value.Any(column => column.IsGenerated))
            .ToDictionary(table => table.Key, table => ColumnSet.Of(table.Value.Where(c => c.IsGenerated).Select(c => c.Name)));
        _partitionKeys = content.PartitionKeys;
        _definitions = content.Definitions;
        _viewOwners = content.ViewOwners;
        _policies = content.Policies.ToLookup(policy => policy.Table, policy => policy.Policy);
        _children = content.Inheritance.ToLookup(link => link.Parent, link => link.Child);
        _parents = content.Inheritance.ToLookup(link => link.Child, link => link.Parent);
        _foreignKeysOf = content.ForeignKeys.ToLookup(key => key.Table);
        _foreignKeysTo = content.ForeignKeys.ToLookup(key => key.Principal);
        _hooks = content.Hooks.ToLookup(hook => hook.Table);
        Bytes = (400L * content.Relations.Count) + content.Columns.Values.Sum(columns => 130L + (8L * columns.Capacity))
            + (130L * content.Columns.Values.SelectMany(columns => columns).Distinct(ReferenceEqualityComparer.Instance).Count())
            + (1_000L * content.ForeignKeys.Count) + (500L * content.Hooks.Count) + (250L * content.Functions.Count)
            + (200L * (content.Inheritance.Count + content.Definitions.Count + content.Policies.Count + content.ViewOwners.Count));
    }

    /// <summary>About the memory that it takes; a test compares.</summary>
    public long Bytes { get; }

    /// <summary>The state that it shows.</summary>
    public CatalogFingerprint Fingerprint { get; }

    /// <summary>The relation that a session finds under a name; null where it finds none.</summary>
    /// <remarks>
    /// A temporary relation of any session hides what an unqualified name would else find: which session of the pool will execute the
    /// name is not known.
    /// </remarks>
    public Relation? Resolve(TableName name, CatalogSession session)
    {
        if (!_relations.TryGetValue(name.Name, out var candidates))
            return null;
        if (name.Schema is null or "pg_temp"
            && Array.Find(candidates, relation => relation.Kind == RelationKind.Temporary) is { } temporary)
        {
            return temporary;
        }

        if (name.Schema is not null)
            return InSchema(name.Schema);

        foreach (var schema in session.SearchPath.AsSpan())
        {
            if (InSchema(schema) is { } found)
                return found;
        }

        return null;

        Relation? InSchema(string schema) => Array.Find(candidates, relation => relation.Name.Schema == schema);
    }

    /// <summary>What reading a relation comes to, for a session.</summary>
    public RelationReads ReadsOf(Relation relation, CatalogSession session) => RelationReadsSearch.Find(this, relation, session);

    /// <summary>What a write may change beside the rows that it names.</summary>
    /// <param name="target">What the statement names.</param>
    /// <param name="operations">What it does.</param>
    /// <param name="updated">The columns that its UPDATE states; null: not known.</param>
    public WriteReach ReachOf(Relation target, WriteOperations operations, ColumnSet? updated = null)
        => WriteReachSearch.Find(this, target, operations, updated ?? ColumnSet.All);

    /// <summary>
    /// The tables whose readers see another state when the rows of this one are others: itself, its partitions and children, and all
    /// that these are part of.
    /// </summary>
    public IReadOnlyCollection<Relation> FamilyOf(Relation table)
    {
        var members = new HashSet<Relation> { table };
        var open = new Queue<Relation>(members);
        while (open.TryDequeue(out var member))
        {
            foreach (var child in ChildrenOf(member))
            {
                if (members.Add(child))
                    open.Enqueue(child);
            }
        }

        var family = new HashSet<Relation>();
        foreach (var member in members)
            AddAncestors(family, member);
        return family;
    }

    /// <summary>Null: the table has no such column, or it is no table.</summary>
    public Column? ColumnOf(Relation table, string name)
        => _columns.TryGetValue(table, out var columns) ? columns.Find(column => column.Name == name) : null;

    /// <summary>The foreign keys by which a table refers to others.</summary>
    public IEnumerable<ForeignKey> ForeignKeysOf(Relation table) => _foreignKeysOf[table];

    /// <summary>The foreign keys by which others refer to a table.</summary>
    public IEnumerable<ForeignKey> ForeignKeysTo(Relation table) => _foreignKeysTo[table];

    /// <summary>The user's functions that a session may mean by a name; null where there is none.</summary>
    public UserFunction? FunctionNamed(string? schema, string name, CatalogSession session)
    {
        UserFunction? worst = null;
        foreach (var function in _functions[name])
        {
            if (schema is null ? !session.SearchPath.Contains(function.Schema) : function.Schema != schema)
                continue;
            worst = worst is null ? function : function with
            {
                Volatility = (DeclaredVolatility)Math.Max((int)worst.Volatility, (int)function.Volatility),
                Languages = [.. worst.Languages.Union(function.Languages)],
                TakesRow = worst.TakesRow || function.TakesRow,
                MayWrite = worst.MayWrite || function.MayWrite,
            };
        }

        return worst;
    }

    /// <summary>The database's own code that writes of a table or view run.</summary>
    public IEnumerable<WriteHook> HooksOf(Relation relation) => _hooks[relation];

    public ColumnSet GeneratedColumnsOf(Relation table) => _generated.GetValueOrDefault(table, ColumnSet.None);

    /// <summary>What decides in which partition a row is; all columns where that is an expression.</summary>
    public ColumnSet PartitionKeyOf(Relation table) => _partitionKeys.GetValueOrDefault(table, ColumnSet.All);

    public IEnumerable<Relation> ChildrenOf(Relation table) => _children[table];

    /// <summary>What a view refers to; nothing for a table.</summary>
    public Definition DefinitionOf(Relation view) => _definitions.GetValueOrDefault(view, Empty);

    public IEnumerable<RowPolicy> PoliciesOf(Relation table) => _policies[table];

    /// <summary>The role by whose rights the relations behind a view are read.</summary>
    public RoleRights RightsBehind(Relation view, CatalogSession session)
        => view.IsSecurityInvoker ? session.Rights : _viewOwners.GetValueOrDefault(view.Owner, RoleRights.None);

    /// <summary>Adds a table and all that it is part of.</summary>
    public void AddAncestors(HashSet<Relation> ancestors, Relation table)
    {
        if (!ancestors.Add(table))
            return;
        foreach (var parent in _parents[table])
            AddAncestors(ancestors, parent);
    }
}
