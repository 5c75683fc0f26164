using EfSecondLevelCache.Values;

namespace EfSecondLevelCache.Catalog;

/// <summary>The parts of a <see cref="DatabaseCatalog"/>, as they were read.</summary>
internal sealed class CatalogContent
{
    public CatalogFingerprint Fingerprint { get; set; }

    public Dictionary<uint, Relation> Relations { get; } = [];

    /// <summary>The columns of tables.</summary>
    public Dictionary<Relation, List<Column>> Columns { get; } = [];

    public Dictionary<Relation, ColumnSet> PartitionKeys { get; } = [];

    public List<(Relation Child, Relation Parent)> Inheritance { get; } = [];

    public List<ForeignKey> ForeignKeys { get; } = [];

    public List<WriteHook> Hooks { get; } = [];

    /// <summary>The definitions of views.</summary>
    public Dictionary<Relation, Definition> Definitions { get; } = [];

    public List<(Relation Table, RowPolicy Policy)> Policies { get; } = [];

    /// <summary>The rights of every role that owns a view.</summary>
    public Dictionary<uint, RoleRights> ViewOwners { get; } = [];

    public List<UserFunction> Functions { get; } = [];
}
