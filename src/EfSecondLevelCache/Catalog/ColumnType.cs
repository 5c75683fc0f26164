namespace EfSecondLevelCache.Catalog;

/// <summary>A data type as pg_type names it: <c>int4</c>, <c>varchar</c>, <c>bpchar</c> (which is char(n)), <c>citext</c>.</summary>
internal sealed record ColumnType(string Schema, string Name, ColumnTypeKind Kind)
{
    /// <summary>An array, a composite type, or a type that came after the catalog was read.</summary>
    public static readonly ColumnType Unlisted = new("", "", ColumnTypeKind.Unlisted);

    /// <summary>It is a domain over a type with a precision or a length.</summary>
    public bool HasModifier { get; init; }

    /// <summary>PostgreSQL's own, not one of a user or an extension that is called so.</summary>
    public bool IsBuiltIn => Schema == "pg_catalog";

    public override string ToString() => Kind == ColumnTypeKind.Unlisted ? "(unlisted)" : IsBuiltIn ? Name : $"{Schema}.{Name}";
}

internal enum ColumnTypeKind
{
    Base,
    Enum,
    Range,
    Unlisted,
}
