using EfSecondLevelCache.Values;

namespace EfSecondLevelCache.Catalog;

/// <summary>A catalog as the sessions of one connection string see it.</summary>
internal sealed record CatalogView(DatabaseCatalog Catalog, CatalogSession Session)
{
    /// <inheritdoc cref="DatabaseCatalog.Resolve"/>
    public Relation? Resolve(TableName name) => Catalog.Resolve(name, Session);

    /// <summary>Whether an UPDATE or DELETE of the session may return columns: it must be allowed to read them, and no rule may stand in the way.</summary>
    public bool AllowsReturning(Relation relation)
        => relation.Kind is RelationKind.Table or RelationKind.PartitionedTable
            && !Session.Unreadable.Contains(relation.Id)
            && !Session.Rights.IsSubjectTo(relation)
            && Catalog.HooksOf(relation).All(hook => hook.Function is not null);

    public RelationReads ReadsOf(Relation relation) => Catalog.ReadsOf(relation, Session);

    /// <inheritdoc cref="DatabaseCatalog.FunctionNamed"/>
    public UserFunction? FunctionNamed(TableName name) => Catalog.FunctionNamed(name.Schema, name.Name, Session);

    /// <summary>Whether the values of a column compare as the model makes believe.</summary>
    public bool ComparesAsAssumed(ComparedColumn compared)
        => Resolve(compared.Table) is { } relation
            && Catalog.ColumnOf(relation, compared.Column) is { HasDeterministicCollation: true, Type: { } type } column
            && compared.Family switch
            {
                ComparisonFamily.Enum => type.Kind is ColumnTypeKind.Enum,
                _ when !type.IsBuiltIn => false,
                ComparisonFamily.Integer => type.Name is "int2" or "int4" or "int8",
                ComparisonFamily.Boolean => type.Name is "bool",
                ComparisonFamily.Uuid => type.Name is "uuid",
                ComparisonFamily.Date => type.Name is "date",
                // A precision would round what is written. A length cuts blanks only, which do not count, or is an error.
                ComparisonFamily.Timestamp => type.Name is "timestamp" && !column.HasModifier,
                ComparisonFamily.TimestampTz => type.Name is "timestamptz" && !column.HasModifier,
                ComparisonFamily.Bytes => type.Name is "bytea",
                ComparisonFamily.Text => type.Name is "text" or "varchar",
                _ => false,
            };
}
