using EfSecondLevelCache.Values;

namespace EfSecondLevelCache.Catalog;

/// <summary>A table, or what can be read like one. It equals itself in a later <see cref="DatabaseCatalog"/>.</summary>
/// <param name="id">The OID.</param>
/// <param name="name">With its schema.</param>
/// <param name="kind">What it is.</param>
/// <param name="owner">The OID of the role.</param>
internal sealed class Relation(uint id, TableName name, RelationKind kind, uint owner) : IEquatable<Relation>
{
    public uint Id => id;

    public TableName Name => name;

    public RelationKind Kind => kind;

    public uint Owner => owner;

    public RowSecurityMode RowSecurity { get; init; }

    /// <summary>Whether it is a view whose readers need rights on what is behind it, where row-level security takes account of them.</summary>
    public bool IsSecurityInvoker { get; init; }

    public bool Equals(Relation? other) => other is not null && other.Id == id;

    public override bool Equals(object? obj) => Equals(obj as Relation);

    public override int GetHashCode() => id.GetHashCode();

    public override string ToString() => name.ToString();
}

/// <summary>Row-level security of a table.</summary>
internal enum RowSecurityMode
{
    Disabled,

    /// <summary>Row-level security applies to everybody but its owner.</summary>
    Enabled,

    /// <summary>Row-level security applies to its owner too.</summary>
    Forced,
}
