namespace EfSecondLevelCache.Invalidation.Catalog;

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
}
