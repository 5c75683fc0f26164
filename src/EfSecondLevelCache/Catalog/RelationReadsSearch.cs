namespace EfSecondLevelCache.Catalog;

/// <summary>Looks through views to what they read, and through the policies that apply on the way.</summary>
internal sealed class RelationReadsSearch
{
    private readonly DatabaseCatalog _catalog;
    private readonly CatalogSession _session;
    private readonly HashSet<(Relation Relation, RoleRights Rights)> _visited = [];
    private readonly HashSet<Relation> _reads = [];
    private readonly List<string> _impurities = [];
    private readonly List<AppliedRowSecurity> _rowSecurity = [];

    private RelationReadsSearch(DatabaseCatalog catalog, CatalogSession session) => (_catalog, _session) = (catalog, session);

    public static RelationReads Find(DatabaseCatalog catalog, Relation relation, CatalogSession session)
    {
        var search = new RelationReadsSearch(catalog, session);
        search.Visit(relation, session.Rights);
        return new RelationReads([.. search._reads], [.. search._impurities.Distinct()], search._rowSecurity);
    }

    private void Visit(Relation relation, RoleRights rights)
    {
        if (!_visited.Add((relation, rights)))
            return;
        if (relation.Kind == RelationKind.View)
        {
            var definition = _catalog.DefinitionOf(relation);
            _impurities.AddRange(definition.Impurities.Select(impurity => $"the view {relation} {impurity}"));
            VisitAll(definition.Relations, _catalog.RightsBehind(relation, _session));
            return;
        }

        _reads.Add(relation);
        if (rights.IsSubjectTo(relation))
            Visit(new AppliedRowSecurity(relation, [.. _catalog.PoliciesOf(relation)]), rights);
    }

    private void Visit(AppliedRowSecurity security, RoleRights rights)
    {
        if (_rowSecurity.All(known => !known.Table.Equals(security.Table)))
            _rowSecurity.Add(security);
        foreach (var policy in security.Policies)
            VisitAll(policy.Definition.Relations, rights);
    }

    private void VisitAll(IEnumerable<Relation> relations, RoleRights rights)
    {
        foreach (var relation in relations)
            Visit(relation, rights);
    }
}
